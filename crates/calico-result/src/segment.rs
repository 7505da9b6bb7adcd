use calico_image::{BoundingBox, Mask};
use serde::{Deserialize, Serialize};

use crate::{EncodedMask, ResultError, Scores, rounded};

/// What a segment shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A whole object.
    Object,
    /// A part that the objects share.
    CommonPart,
    /// A part that only one of the objects has.
    UniquePart,
    /// Named in an answer to a free question.
    Other,
}

impl Role {
    /// The name used in files, with underscores.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::CommonPart => "common_part",
            Self::UniquePart => "unique_part",
            Self::Other => "other",
        }
    }

    /// Whether the segment is a part of an object.
    pub fn is_part(self) -> bool {
        matches!(self, Self::CommonPart | Self::UniquePart)
    }
}

/// What is known about a segment before its mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentOrigin {
    /// Number of the segment, from 1, unique in the file.
    pub id: u32,
    /// The phrase as written, with its article.
    pub phrase: String,
    /// One-based index of the image.
    pub image: u32,
    /// What the segment shows.
    pub role: Role,
    /// Number of the phrase, from 1: equal for its segments in all images.
    pub group: u32,
    /// The object that a part belongs to, a segment of the same image.
    pub parent: Option<u32>,
}

/// One phrase in one image, with its mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Number of the segment, from 1, unique in the file.
    pub id: u32,
    /// The phrase without its leading article.
    pub label: String,
    /// The phrase as written.
    pub phrase: String,
    /// One-based index of the image.
    pub image: u32,
    /// What the segment shows.
    pub role: Role,
    /// Number of the phrase, from 1: equal for its segments in all images.
    pub group: u32,
    /// The object that a part belongs to, a segment of the same image.
    pub parent: Option<u32>,
    /// The mask at the original size of the image.
    pub mask: EncodedMask,
    /// Left, top, width and height in pixels; `None` when the mask is empty.
    #[serde(rename = "box")]
    pub bounding_box: Option<[u32; 4]>,
    /// Pixels in the mask.
    pub area: u64,
    /// Share of the image's pixels in the mask, 0 to 1.
    pub area_ratio: f64,
    /// Mean x and y of the centres of the mask's pixels, from the top left corner of the image;
    /// `None` when the mask is empty.
    pub centroid: Option<[f64; 2]>,
    /// How sure the model is.
    pub scores: Scores,
}

impl Segment {
    /// A segment with every number derived from its mask, rounded to six significant digits.
    ///
    /// An empty mask has no foreground, so it loses its mean foreground probability.
    pub fn new(origin: SegmentOrigin, mask: &Mask, scores: Scores) -> Self {
        let area = mask.area();
        let foreground = scores.mean_foreground_probability.filter(|_| area > 0);
        Self {
            id: origin.id,
            label: label_of(&origin.phrase),
            phrase: origin.phrase,
            image: origin.image,
            role: origin.role,
            group: origin.group,
            parent: origin.parent,
            mask: EncodedMask::new(mask),
            bounding_box: mask.bounding_box().map(corners),
            area,
            area_ratio: rounded::double(area as f64 / mask.size().pixels().max(1) as f64),
            centroid: mask.centroid().map(|(x, y)| [rounded::double(x), rounded::double(y)]),
            scores: Scores { mean_foreground_probability: foreground, ..scores },
        }
    }

    /// The mask in pixels.
    pub fn decode_mask(&self) -> Result<Mask, ResultError> {
        self.mask.decode().map_err(|source| ResultError::Mask { segment: self.id, source })
    }
}

/// Left, top, width, height.
pub(crate) fn corners(found: BoundingBox) -> [u32; 4] {
    [found.x, found.y, found.width, found.height]
}

/// A phrase without its leading article, blanks collapsed: "the  left leg" is "left leg".
pub fn label_of(phrase: &str) -> String {
    let mut words: Vec<&str> = phrase.split_whitespace().collect();
    let is_article = |word: &str| ["a", "an", "the"].iter().any(|a| word.eq_ignore_ascii_case(a));
    if words.len() > 1 && is_article(words[0]) {
        words.remove(0);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use calico_image::Size;

    use super::*;
    use crate::sample;

    fn origin(phrase: &str) -> SegmentOrigin {
        SegmentOrigin {
            id: 1,
            phrase: phrase.to_owned(),
            image: 1,
            role: Role::Object,
            group: 1,
            parent: None,
        }
    }

    #[test]
    fn every_number_comes_from_the_mask() {
        let mask = sample::rectangle(Size::new(10, 20), [5, 2, 4, 3]);
        let scores = Scores::new(Some(0.987_654_3), None, 0.5);
        let segment = Segment::new(origin("The dog"), &mask, scores);
        assert_eq!(segment.bounding_box, Some([5, 2, 4, 3]));
        assert_eq!(segment.area, 12);
        assert_eq!(segment.area_ratio.to_string(), "0.06");
        assert_eq!(segment.centroid, Some([7.0, 3.5]));
        assert_eq!(segment.scores.mean_foreground_probability, Some(0.987_654));
        assert_eq!(segment.decode_mask().unwrap().bits(), mask.bits());
    }

    #[test]
    fn an_empty_mask_has_neither_box_nor_centroid_nor_foreground() {
        let scores = Scores::new(Some(0.9), Some(0.8), 0.5);
        let segment = Segment::new(origin("a dog"), &Mask::empty(Size::new(4, 4)), scores);
        assert_eq!((segment.bounding_box, segment.centroid), (None, None));
        assert_eq!(segment.scores.mean_foreground_probability, None);
    }

    #[test]
    fn a_label_is_the_phrase_without_its_article() {
        assert_eq!(label_of(" the  left leg "), "left leg");
        assert_eq!(label_of("An ear"), "ear");
        assert_eq!(label_of("the"), "the");
        assert_eq!(label_of("theatre seat"), "theatre seat");
    }
}
