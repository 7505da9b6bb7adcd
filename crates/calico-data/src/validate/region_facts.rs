use crate::dataset::TextPool;

/// What the rules for samples need to know of the regions of a split.
#[derive(Default)]
pub(super) struct RegionFacts {
    /// Sorted by id once all are there; of a repeated id, the first comes first.
    rows: Vec<RegionFact>,
    labels: TextPool,
}

/// What is kept of a region.
#[derive(Debug, Clone, Copy)]
pub(super) struct RegionFact {
    pub(super) region_id: u32,
    /// The place of its image, or [`NOWHERE`].
    pub(super) image: u32,
    /// Number of a label.
    object: u32,
    /// Number of a label, or [`WHOLE`].
    part: u32,
    pub(super) area: u32,
}

/// Not the place of an image.
pub(super) const NOWHERE: u32 = u32::MAX;
/// Not the number of a label.
const WHOLE: u32 = u32::MAX;

impl RegionFact {
    pub(super) fn is_part(&self) -> bool {
        self.part != WHOLE
    }
}

impl RegionFacts {
    pub(super) fn push(
        &mut self,
        (region_id, image): (u32, u32),
        object: &str,
        part: Option<&str>,
        area: u32,
    ) {
        let object = self.labels.number(object);
        let part = part.map_or(WHOLE, |part| self.labels.number(part));
        self.rows.push(RegionFact { region_id, image, object, part, area });
    }

    /// To be called once all are there.
    pub(super) fn sort(&mut self) {
        self.rows.sort_by_key(|row| row.region_id);
    }

    pub(super) fn get(&self, region_id: u32) -> Option<&RegionFact> {
        let place = self.rows.partition_point(|row| row.region_id < region_id);
        self.rows.get(place).filter(|row| row.region_id == region_id)
    }

    /// The regions by image, object and part, those of an object before those of its parts.
    pub(super) fn by_label(&self) -> Vec<RegionFact> {
        let mut rows = self.rows.clone();
        // Equal ids stay in the order of the table.
        rows.sort_by_key(|row| (row.image, row.object, row.part.wrapping_add(1), row.region_id));
        rows
    }

    pub(super) fn object(&self, fact: &RegionFact) -> &str {
        self.labels.text(fact.object)
    }

    pub(super) fn part(&self, fact: &RegionFact) -> Option<&str> {
        fact.is_part().then(|| self.labels.text(fact.part))
    }

    /// The label in texts: of the part, or of the whole object.
    pub(super) fn label(&self, fact: &RegionFact) -> &str {
        self.part(fact).unwrap_or_else(|| self.object(fact))
    }
}
