use calico_image::Size;

use super::Rule;
use super::findings::TableFindings;
use super::known_labels::{KnownLabels, seen_label};
use super::region_facts::{NOWHERE, RegionFacts};
use super::split_images::SplitImages;
use crate::{BuildConfig, RegionRecord};

/// What is looked at in a row of regions.
pub(super) struct RegionRules<'a> {
    pub(super) images: &'a SplitImages,
    pub(super) labels: &'a KnownLabels,
    pub(super) config: Option<&'a BuildConfig>,
}

impl RegionRules<'_> {
    /// Looks at a region by itself, and in its image.
    pub(super) fn check(&self, region: &RegionRecord, findings: &mut TableFindings) {
        let id = &region.region_id;
        let image = self.images.get(&region.image_id);
        check_mask(region, findings);
        let Some(image) = image else {
            findings.add(Rule::RegionImage, id, &region.image_id, "an image of the table");
            return;
        };
        let size = [image.height, image.width];
        if region.rle.size != size {
            let [height, width] = region.rle.size;
            let found = format!("a mask of {width}x{height}");
            let expected = format!("{}x{}", image.width, image.height);
            findings.add(Rule::MaskSize, id, found, expected);
        }
        let label = seen_label(&region.object_label, region.part_label.as_deref());
        if !self.labels.allow(&image.source, &label) {
            let expected = format!("a label of {}", image.source);
            findings.add(Rule::LabelKnown, id, format!("{label:?}"), expected);
        } else if !image.seen.contains(&label) {
            let expected = format!("it among what is seen in {}", image.image_id);
            findings.add(Rule::RegionSeen, id, format!("{label:?}"), expected);
        }
        self.check_limits(region, findings);
    }

    fn check_limits(&self, region: &RegionRecord, findings: &mut TableFindings) {
        let Some(config) = self.config else { return };
        let (least, share) = match region.part_label {
            None => (config.objects.min_area, config.objects.min_area_per_10000),
            Some(_) => (config.parts.min_area, config.parts.min_area_per_10000),
        };
        let [height, width] = region.rle.size;
        let pixels = Size::new(height, width).pixels();
        if region.area < least.max(1) || !is_share(region.area, pixels, share) {
            let found = format!("{} of {pixels} pixels", region.area);
            let expected = format!("at least {least} and {share} of 10000");
            findings.add(Rule::RegionArea, &region.region_id, found, expected);
        }
    }

    /// Looks at the regions of a split among each other.
    pub(super) fn check_all(&self, facts: &RegionFacts, findings: &mut TableFindings) {
        let share = self.config.map_or(0, |config| config.parts.min_of_object_per_10000);
        let rows = facts.by_label();
        let mut object = None;
        for pair in rows.windows(2) {
            let (before, row) = (&pair[0], &pair[1]);
            if !before.is_part() {
                object = Some(before);
            }
            if row.image == NOWHERE || row.region_id == before.region_id {
                continue;
            }
            let label = |row| seen_label(facts.object(row), facts.part(row));
            if before.image == row.image && label(before) == label(row) {
                let found = format!("{:?} as in region {}", label(row), before.region_id);
                findings.add(Rule::RegionUnique, &row.region_id, found, "one region per label");
            }
            let whole = object.filter(|object| {
                object.image == row.image && facts.object(object) == facts.object(row)
            });
            if let Some(object) = whole.filter(|_| row.is_part())
                && !is_share(row.area, u64::from(object.area), share)
            {
                let found = format!("{} of {} pixels of the object", row.area, object.area);
                let expected = format!("at least {share} of 10000");
                findings.add(Rule::PartShare, &row.region_id, found, expected);
            }
        }
    }
}

/// Looks at a mask, and at what is said of it.
fn check_mask(region: &RegionRecord, findings: &mut TableFindings) {
    let id = &region.region_id;
    let mask = match region.rle.runs() {
        Ok(mask) => mask,
        Err(error) => {
            findings.add(Rule::MaskDecodes, id, error, "COCO's compressed run lengths");
            return;
        }
    };
    let Some(found) = mask.bounding_box() else {
        findings.add(Rule::MaskArea, id, "a mask without pixels", "at least 1");
        return;
    };
    let area = mask.area();
    if u64::from(region.area) != area {
        findings.add(Rule::MaskArea, id, region.area, format!("{area}, that of the mask"));
    }
    let found = [found.x, found.y, found.width, found.height];
    if region.bbox != found {
        let expected = format!("{found:?}, that of the mask");
        findings.add(Rule::MaskBox, id, format!("{:?}", region.bbox), expected);
    }
}

fn is_share(part: u32, whole: u64, per_10000: u32) -> bool {
    u128::from(part) * 10_000 >= u128::from(per_10000) * u128::from(whole)
}
