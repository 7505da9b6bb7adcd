use std::collections::BTreeSet;

use calico_data::Region;

/// What a patch can show: background, objects outside of their parts, and parts.
///
/// A part has the same class in all objects: that a leg is a leg, of a chair or of a dog, is what
/// the task is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelClasses {
    /// Sorted.
    objects: Vec<String>,
    /// Sorted.
    parts: Vec<String>,
}

impl LabelClasses {
    /// The class of everything without a label.
    pub(crate) const BACKGROUND: u16 = 0;
    /// More classes than this would need too much memory for each picture.
    pub(crate) const MOST: usize = 1 << 14;

    /// The classes of the labels of regions.
    pub(crate) fn of<'a>(regions: impl Iterator<Item = Region<'a>>) -> Self {
        let (mut objects, mut parts) = (BTreeSet::new(), BTreeSet::new());
        for region in regions {
            // The object of a part may have no region of its own.
            objects.insert(region.object_label.to_owned());
            parts.extend(region.part_label.map(str::to_owned));
        }
        Self { objects: objects.into_iter().collect(), parts: parts.into_iter().collect() }
    }

    /// Number of classes.
    pub(crate) fn len(&self) -> usize {
        1 + self.objects.len() + self.parts.len()
    }

    /// The class of a region; `None` for a label that is not in the list.
    pub(crate) fn class(&self, region: &Region<'_>) -> Option<u16> {
        let of = |list: &[String], label: &str| {
            list.binary_search_by(|known| known.as_str().cmp(label)).ok()
        };
        let class = match region.part_label {
            None => 1 + of(&self.objects, region.object_label)?,
            Some(part) => 1 + self.objects.len() + of(&self.parts, part)?,
        };
        u16::try_from(class).ok()
    }
}

#[cfg(test)]
mod tests {
    use calico_image::Size;

    use super::*;

    fn region<'a>(object_label: &'a str, part_label: Option<&'a str>) -> Region<'a> {
        Region {
            region_id: 0,
            image_id: "a",
            object_label,
            part_label,
            raw_ids: &[],
            area: 1,
            bbox: [0, 0, 1, 1],
            size: Size::new(1, 1),
            counts: "",
        }
    }

    #[test]
    fn objects_share_their_parts_but_not_their_own_classes() {
        let regions = [
            region("dog", Some("leg")),
            region("chair", None),
            region("chair", Some("leg")),
            region("chair", Some("arm")),
            region("leg", None),
        ];
        let classes = LabelClasses::of(regions.into_iter());
        assert_eq!(classes.len(), 6);
        let found = regions.map(|region| classes.class(&region));
        assert_eq!(found, [Some(5), Some(1), Some(5), Some(4), Some(3)]);
        assert_eq!(classes.class(&region("dog", None)), Some(2));
        assert_eq!(classes.class(&region("cat", None)), None);
        assert_eq!(classes.class(&region("dog", Some("tail"))), None);
    }
}
