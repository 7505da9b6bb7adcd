use std::collections::BTreeSet;

use calico_data::Region;

use super::LabelKind;
use crate::TrainError;
use crate::pictures::SplitImages;

/// What a patch can show: background or an object, and no part or a part.
///
/// A part has the same class in all objects: that a leg is a leg, of a chair or of a dog, is what
/// the task is about. That it is the leg of a dog is told by the class of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelClasses {
    /// Sorted.
    objects: Vec<String>,
    /// Sorted.
    parts: Vec<String>,
}

impl LabelClasses {
    /// The class of everything without a label: background, or no part.
    pub(super) const NOTHING: u16 = 0;
    /// More classes than this would need too much memory for each picture.
    const MOST: usize = 1 << 14;

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

    /// The classes of the regions of images.
    ///
    /// # Errors
    /// If they are too many for the memory of a picture.
    pub(crate) fn of_images(images: &SplitImages) -> Result<Self, TrainError> {
        let classes = Self::of(images.all_regions());
        let (found, most) = (classes.objects.len() + classes.parts.len(), Self::MOST);
        if found > most {
            let problems = vec![format!(
                "data: found {found} labels, expected at most {most} for the objective `labels`"
            )];
            return Err(TrainError::Mismatch { problems });
        }
        Ok(classes)
    }

    /// The kinds of labels of which there is more than one class.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = LabelKind> {
        LabelKind::ALL.into_iter().filter(|kind| self.len(*kind) > 1)
    }

    /// Number of classes of a kind.
    pub(crate) fn len(&self, kind: LabelKind) -> usize {
        1 + self.list(kind).len()
    }

    /// The class of a region; `None` for a label that is not in the list.
    pub(crate) fn class(&self, kind: LabelKind, region: &Region<'_>) -> Option<u16> {
        let label = match kind {
            LabelKind::Object => region.object_label,
            LabelKind::Part => match region.part_label {
                Some(part) => part,
                None => return Some(Self::NOTHING),
            },
        };
        let found = self.list(kind).binary_search_by(|known| known.as_str().cmp(label)).ok()?;
        u16::try_from(1 + found).ok()
    }

    fn list(&self, kind: LabelKind) -> &[String] {
        match kind {
            LabelKind::Object => &self.objects,
            LabelKind::Part => &self.parts,
        }
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
    fn objects_share_their_parts_and_keep_their_own_classes() {
        let regions = [
            region("dog", Some("leg")),
            region("chair", None),
            region("chair", Some("leg")),
            region("chair", Some("arm")),
            region("leg", None),
        ];
        let classes = LabelClasses::of(regions.into_iter());
        assert_eq!(LabelKind::ALL.map(|kind| classes.len(kind)), [4, 3]);
        let both = |region| LabelKind::ALL.map(|kind| classes.class(kind, &region));
        let found = regions.map(both);
        let expected = [[2, 2], [1, 0], [1, 2], [1, 1], [3, 0]];
        assert_eq!(found, expected.map(|classes| classes.map(Some)));
        assert_eq!(both(region("cat", Some("leg"))), [None, Some(2)]);
        assert_eq!(both(region("dog", Some("tail"))), [Some(2), None]);
    }

    #[test]
    fn where_no_part_has_a_label_only_objects_are_told_apart() {
        let classes = LabelClasses::of([region("dog", None)].into_iter());
        assert_eq!(classes.kinds().collect::<Vec<_>>(), [LabelKind::Object]);
    }
}
