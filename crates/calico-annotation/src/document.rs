use std::collections::{HashMap, HashSet};

use crate::limits::MAX_PIXELS;
use crate::{AnnotatedImage, AnnotationError, Region};

/// Images with labelled masks, in no tool's format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What the whole is called, for example the name of a data set or of a model.
    pub name: String,
    /// The images.
    pub images: Vec<AnnotatedImage>,
    /// Remarks on the whole for the reader.
    pub notes: Vec<String>,
}

impl Document {
    /// All regions, image by image.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.images.iter().flat_map(|image| &image.regions)
    }

    /// Checks everything that the fields promise, as each writer does first.
    pub fn check(&self) -> Result<(), AnnotationError> {
        check_text("name of the document", &self.name)?;
        let mut image_ids = HashSet::new();
        let mut region_ids = HashSet::new();
        for image in &self.images {
            check_image(image)?;
            if !image_ids.insert(&image.id) {
                return Err(AnnotationError::ImageTwice { id: image.id.clone() });
            }
            for region in &image.regions {
                if !region_ids.insert(region.id) {
                    return Err(AnnotationError::RegionTwice { id: region.id });
                }
            }
        }
        self.notes.iter().try_for_each(|note| check_note(note))
    }
}

fn check_image(image: &AnnotatedImage) -> Result<(), AnnotationError> {
    check_text("id of an image", &image.id)?;
    check_text("file name of an image", &image.file_name)?;
    if image.id.is_empty() || image.file_name.is_empty() {
        return Err(AnnotationError::NoName { what: "image" });
    }
    if image.size.is_empty() || image.size.pixels() > MAX_PIXELS {
        return Err(AnnotationError::ImageSize { id: image.id.clone(), size: image.size });
    }
    let parents: HashMap<_, _> = image.regions.iter().map(|each| (each.id, each.parent)).collect();
    for region in &image.regions {
        check_text("label", &region.label)?;
        if region.label.is_empty() {
            return Err(AnnotationError::NoName { what: "region" });
        }
        if region.mask.size() != image.size {
            return Err(AnnotationError::MaskSize {
                region: region.id,
                found: region.mask.size(),
                expected: image.size,
            });
        }
        if region.score.is_some_and(|score| !score.is_finite()) {
            return Err(AnnotationError::Score { region: region.id });
        }
        if let Some(parent) = region.parent
            && (parent == region.id || parents.get(&parent) != Some(&None))
        {
            return Err(AnnotationError::Parent { region: region.id, parent });
        }
    }
    image.notes.iter().try_for_each(|note| check_note(note))
}

/// Refuses what XML cannot hold, and line breaks, which it changes within attributes.
fn check_text(what: &'static str, text: &str) -> Result<(), AnnotationError> {
    if is_plain(text) { Ok(()) } else { Err(AnnotationError::Text { what, text: text.to_owned() }) }
}

/// Whether every format can hold a text on one line.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// Notes may have more than one line.
fn check_note(note: &str) -> Result<(), AnnotationError> {
    note.split(['\n', '\t']).try_for_each(|line| check_text("note", line))
}

#[cfg(test)]
mod tests {
    use calico_image::{Rle, Size};

    use super::*;
    use crate::{Kind, sample};

    /// What is wrong with the sample after a change.
    fn fault(change: impl FnOnce(&mut Document)) -> AnnotationError {
        let mut document = sample::document();
        document.check().unwrap();
        change(&mut document);
        document.check().unwrap_err()
    }

    #[test]
    fn numbers_and_names_that_are_used_twice_are_refused() {
        let error = fault(|document| document.images[1].id = document.images[0].id.clone());
        assert!(matches!(error, AnnotationError::ImageTwice { .. }), "{error}");
        let error = fault(|document| document.images[1].regions[0].id = 1);
        assert!(matches!(error, AnnotationError::RegionTwice { id: 1 }), "{error}");
    }

    #[test]
    fn a_parent_must_be_another_region_of_the_image_without_a_parent() {
        // Region 2 is a part of region 1; region 5 is in the other image.
        for parent in [2, 5, 99] {
            let error = fault(|document| document.images[0].regions[1].parent = Some(parent));
            assert!(matches!(error, AnnotationError::Parent { region: 2, .. }), "{error}");
        }
        let error = fault(|document| document.images[0].regions[2].parent = Some(2));
        assert!(matches!(error, AnnotationError::Parent { region: 3, parent: 2 }), "{error}");
    }

    #[test]
    fn a_mask_of_another_size_and_a_size_without_pixels_are_refused() {
        let error = fault(|document| {
            document.images[0].regions[0].mask = Rle::empty(Size::new(2, 2));
        });
        assert!(matches!(error, AnnotationError::MaskSize { region: 1, .. }), "{error}");
        for size in [Size::new(0, 4), Size::new(1 << 20, 1 << 20)] {
            let error = fault(|document| document.images[0].size = size);
            assert!(matches!(error, AnnotationError::ImageSize { .. }), "{error}");
        }
    }

    #[test]
    fn texts_that_a_format_would_change_are_refused() {
        for text in ["a\nb", "a\u{1}", "a\u{ffff}"] {
            let error = fault(|document| document.images[0].regions[0].label = text.to_owned());
            assert!(matches!(error, AnnotationError::Text { what: "label", .. }), "{error}");
        }
        let error = fault(|document| document.images[0].regions[0].label.clear());
        assert!(matches!(error, AnnotationError::NoName { what: "region" }), "{error}");
        let error = fault(|document| document.notes = vec!["a\rb".to_owned()]);
        assert!(matches!(error, AnnotationError::Text { what: "note", .. }), "{error}");
    }

    #[test]
    fn a_score_that_is_no_number_is_refused() {
        let error = fault(|document| document.images[0].regions[0].score = Some(f64::NAN));
        assert!(matches!(error, AnnotationError::Score { region: 1 }), "{error}");
    }

    #[test]
    fn the_sample_has_every_kind() {
        let document = sample::document();
        let kinds: HashSet<Kind> = document.regions().map(|region| region.kind).collect();
        assert_eq!(kinds.len(), Kind::ALL.len());
    }
}
