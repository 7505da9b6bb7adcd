//! What must hold between the fields of a result.

use std::collections::HashMap;
use std::fmt::Debug;

use crate::segment::corners;
use crate::{Answer, ResultError, SCHEMA_ID, Segment, Segmentation, Status};

/// Segments by identifier.
type ById<'a> = HashMap<u32, &'a Segment>;

/// The first contradiction found, if any.
pub(crate) fn validate(result: &Segmentation) -> Result<(), ResultError> {
    agree("schema", &result.schema.as_str(), &SCHEMA_ID)?;
    images(result)?;
    let mut by_id = ById::new();
    for segment in result.segments() {
        if segment.id == 0 || by_id.insert(segment.id, segment).is_some() {
            return wrong("a segment's id", &segment.id, "a number from 1, used only once");
        }
    }
    for (index, answer) in result.answers.iter().enumerate() {
        let place = format!("answers[{index}]");
        status(&place, answer)?;
        for (index, found) in answer.segments.iter().enumerate() {
            let place = format!("{place}.segments[{index}]");
            links(&place, found, result, &by_id)?;
            scores(&place, found)?;
            mask(&place, found)?;
        }
    }
    Ok(())
}

/// Images count from 1, have pixels, and do not tell where they came from.
fn images(result: &Segmentation) -> Result<(), ResultError> {
    for (position, image) in result.images.iter().enumerate() {
        let place = format!("images[{position}]");
        agree(&format!("{place}.index"), &image.index, &(position as u32 + 1))?;
        if image.file_name.is_empty() || image.file_name.contains(['/', '\\']) {
            return wrong(&format!("{place}.file_name"), &image.file_name, "a name, not a path");
        }
        if image.width == 0 || image.height == 0 {
            let found = [image.width, image.height];
            return wrong(&format!("{place}'s size"), &found, "at least one pixel a side");
        }
    }
    Ok(())
}

/// The status tells whether there are segments.
fn status(place: &str, answer: &Answer) -> Result<(), ResultError> {
    let expected = if answer.segments.is_empty() { Status::NoSegments } else { Status::Ok };
    agree(&format!("{place}.status"), &answer.status, &expected)
}

/// The image and the parent exist.
fn links(
    place: &str,
    segment: &Segment,
    result: &Segmentation,
    by_id: &ById<'_>,
) -> Result<(), ResultError> {
    let image = (segment.image as usize).checked_sub(1).and_then(|at| result.images.get(at));
    let Some(image) = image else {
        return wrong(&format!("{place}.image"), &segment.image, "the index of an image");
    };
    agree(&format!("{place}.mask.size"), &segment.mask.size, &[image.height, image.width])?;
    if segment.group == 0 {
        return wrong(&format!("{place}.group"), &0, "a number from 1");
    }
    if let Some(parent) = segment.parent {
        let is_sound = parent != segment.id
            && by_id.get(&parent).is_some_and(|object| object.image == segment.image);
        if !is_sound {
            let expected = "the id of another segment of the same image";
            return wrong(&format!("{place}.parent"), &parent, expected);
        }
    }
    Ok(())
}

/// Probabilities lie in 0 to 1; the estimate is a number.
fn scores(place: &str, segment: &Segment) -> Result<(), ResultError> {
    let scores = &segment.scores;
    let probabilities = [
        ("mean_foreground_probability", scores.mean_foreground_probability),
        ("phrase_token_probability", scores.phrase_token_probability),
    ];
    for (name, probability) in probabilities {
        if let Some(found) = probability.filter(|value| !(0.0..=1.0).contains(value)) {
            return wrong(&format!("{place}.scores.{name}"), &found, "0 to 1 or null");
        }
    }
    if !scores.predicted_iou.is_finite() {
        let place = format!("{place}.scores.predicted_iou");
        return wrong(&place, &scores.predicted_iou, "a finite number");
    }
    Ok(())
}

/// The numbers beside a mask are those of the mask. They are taken from its runs: a few of them
/// can claim any number of pixels, which a file that was not checked yet must not make us lay out.
fn mask(place: &str, segment: &Segment) -> Result<(), ResultError> {
    let unsound = |source| ResultError::Mask { segment: segment.id, source };
    let mask = segment.mask.runs().map_err(unsound)?;
    agree(&format!("{place}.area"), &segment.area, &mask.area())?;
    agree(&format!("{place}.box"), &segment.bounding_box, &mask.bounding_box().map(corners))?;
    let is_empty = mask.area() == 0;
    agree(&format!("whether {place}.centroid is null"), &segment.centroid.is_none(), &is_empty)
}

fn agree<T: PartialEq + Debug>(place: &str, found: &T, expected: &T) -> Result<(), ResultError> {
    if found == expected { Ok(()) } else { wrong(place, found, &format!("{expected:?}")) }
}

fn wrong(place: &str, found: &impl Debug, expected: &str) -> Result<(), ResultError> {
    Err(ResultError::Inconsistent {
        place: place.to_owned(),
        found: format!("{found:?}"),
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EncodedMask, sample};

    /// The message for the sample after a change.
    fn complaint(change: impl FnOnce(&mut Segmentation)) -> String {
        let mut result = sample::segmentation();
        change(&mut result);
        result.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_sample_is_sound() {
        sample::segmentation().validate().unwrap();
    }

    #[test]
    fn every_contradiction_is_named() {
        let told = [
            (complaint(|r| r.images[1].index = 1), "images[1].index is 1, expected 2"),
            (complaint(|r| r.images[0].file_name = "a/b.png".into()), "a name, not a path"),
            (complaint(|r| r.images[0].width = 0), "at least one pixel"),
            (complaint(|r| r.answers[0].status = Status::NoSegments), "answers[0].status"),
            (complaint(|r| r.answers[1].segments[0].id = 1), "used only once"),
            (complaint(|r| r.answers[0].segments[0].image = 3), "the index of an image"),
            (complaint(|r| r.answers[0].segments[0].mask.size = [1, 1]), "mask.size is [1, 1]"),
            (complaint(|r| r.answers[0].segments[0].group = 0), "group is 0"),
            (complaint(|r| r.answers[1].segments[0].parent = Some(2)), "same image"),
            (complaint(|r| r.answers[1].segments[0].parent = Some(99)), "same image"),
            (complaint(|r| r.answers[0].segments[0].area = 1), "segments[0].area is 1"),
            (complaint(|r| r.answers[0].segments[0].bounding_box = None), ".box is None"),
            (complaint(|r| r.answers[0].segments[0].centroid = None), "centroid"),
            (complaint(|r| r.answers[0].segments[0].scores.predicted_iou = f32::NAN), "finite"),
            (
                complaint(|r| {
                    r.answers[0].segments[0].scores.phrase_token_probability = Some(1.5);
                }),
                "phrase_token_probability is 1.5",
            ),
        ];
        for (message, part) in told {
            assert!(message.contains(part), "{message:?} should contain {part:?}");
        }
    }

    #[test]
    fn a_mask_of_four_billion_pixels_is_checked_on_its_runs() {
        let mut result = sample::segmentation();
        result.answers.truncate(1);
        result.answers[0].segments.truncate(1);
        (result.images[0].width, result.images[0].height) = (1 << 16, 1 << 16);
        // All background but the pixel in the lower right corner.
        let size = calico_image::Size::new(1 << 16, 1 << 16);
        let runs = calico_image::Rle::from_counts(size, vec![u32::MAX, 1]).unwrap();
        let segment = &mut result.answers[0].segments[0];
        segment.mask = EncodedMask { size: [1 << 16; 2], counts: runs.compressed() };
        (segment.area, segment.bounding_box) = (1, Some([65_535, 65_535, 1, 1]));
        result.validate().unwrap();
        result.answers[0].segments[0].bounding_box = Some([0, 65_535, 1, 1]);
        assert!(result.validate().unwrap_err().to_string().contains(".box is Some"));
    }

    #[test]
    fn a_mask_that_does_not_decode_names_its_segment() {
        let mut result = sample::segmentation();
        result.answers[0].segments[0].mask.counts = "\u{1}".into();
        assert!(matches!(result.validate(), Err(ResultError::Mask { segment: 1, .. })));
    }
}
