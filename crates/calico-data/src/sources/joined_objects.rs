use std::collections::{BTreeMap, BTreeSet};

use calico_image::{ImageError, Rle, Size};

use super::{SourceObject, SourcePart};
use crate::{ClassId, PartId};

/// The objects of an image in the making: instances are joined by class, and parts by label.
#[derive(Debug, Default)]
pub(super) struct JoinedObjects(BTreeMap<ClassId, Joined>);

#[derive(Debug, Default)]
struct Joined {
    masks: Masks,
    instances: u32,
    has_gaps: bool,
    parts: BTreeMap<PartId, Masks>,
    unreadable: BTreeSet<PartId>,
}

/// Masks that become one.
#[derive(Debug, Default)]
struct Masks {
    masks: Vec<Rle>,
    raw_ids: Vec<i64>,
}

impl Masks {
    fn add(&mut self, id: Option<i64>, mask: Rle) {
        self.masks.push(mask);
        self.raw_ids.extend(id);
    }

    fn join(mut self, size: Size) -> Result<(Rle, Vec<i64>), ImageError> {
        self.raw_ids.sort_unstable();
        Ok((Rle::union(size, &self.masks)?, self.raw_ids))
    }
}

impl JoinedObjects {
    /// Adds an instance of a class. Without a mask it only counts, and the class has gaps.
    pub(super) fn instance(&mut self, class: ClassId, id: Option<i64>, mask: Option<Rle>) {
        let joined = self.0.entry(class).or_default();
        joined.instances += 1;
        match mask {
            Some(mask) => joined.masks.add(id, mask),
            None => joined.has_gaps = true,
        }
    }

    /// Notes that the image shows more of a class than its masks do.
    pub(super) fn gap(&mut self, class: ClassId) {
        self.0.entry(class).or_default().has_gaps = true;
    }

    /// Adds a part of an instance.
    pub(super) fn part(&mut self, class: ClassId, part: PartId, id: Option<i64>, mask: Rle) {
        self.0.entry(class).or_default().parts.entry(part).or_default().add(id, mask);
    }

    /// Notes that a part is annotated, but its mask is lost.
    pub(super) fn unreadable_part(&mut self, class: ClassId, part: PartId) {
        self.0.entry(class).or_default().unreadable.insert(part);
    }

    /// The union of what was added as instances of a class.
    pub(super) fn union(&self, class: ClassId, size: Size) -> Result<Rle, ImageError> {
        Rle::union(size, self.0.get(&class).into_iter().flat_map(|joined| &joined.masks.masks))
    }

    /// The classes that were added so far, sorted.
    pub(super) fn classes(&self) -> Vec<ClassId> {
        self.0.keys().copied().collect()
    }

    /// The classes that have no mask at all, sorted.
    pub(super) fn lost_classes(&self) -> Vec<ClassId> {
        let lost = self.0.iter().filter(|(_, joined)| joined.masks.masks.is_empty());
        lost.map(|(class, _)| *class).collect()
    }

    /// The objects; a class without any mask is left out.
    pub(super) fn finish(self, size: Size) -> Result<Vec<SourceObject>, ImageError> {
        let mut objects = Vec::new();
        for (class, joined) in self.0 {
            if joined.masks.masks.is_empty() {
                continue;
            }
            let (mask, raw_ids) = joined.masks.join(size)?;
            let mut parts = Vec::with_capacity(joined.parts.len());
            for (part, masks) in joined.parts {
                let (mask, raw_ids) = masks.join(size)?;
                parts.push(SourcePart { part, mask, raw_ids });
            }
            objects.push(SourceObject {
                class,
                mask,
                raw_ids,
                instances: joined.instances,
                is_complete: !joined.has_gaps,
                parts,
                unreadable_parts: joined.unreadable.into_iter().collect(),
            });
        }
        Ok(objects)
    }
}
