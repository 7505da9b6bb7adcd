//! The rows of the three tables of a data set (`images`, `regions`, `samples`).

use calico_result::{EncodedMask, Task};
use serde::{Deserialize, Serialize};

use crate::Split;

/// A picture, referenced and not copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRecord {
    /// Source and stem, unique in the data set: `paco_lvis/000000391895`.
    pub image_id: String,
    /// Name of the source: `paco_lvis`, `part_imagenet`, `ade20k_part_234`, or a user's own.
    pub source: String,
    /// Path below the root of the source, with forward slashes.
    pub file_name: String,
    /// Columns of the stored picture; EXIF orientation is not applied, as masks follow stored
    /// pixels.
    pub width: u32,
    /// Rows of the stored picture.
    pub height: u32,
    /// SHA-256 of the file in hexadecimal digits; `None` when the build did not read the files.
    pub sha256: Option<String>,
    /// The split of the image and of every sample that shows it.
    pub split: Split,
    /// All that is annotated in the image, also what the filters dropped: `chair` for an object,
    /// `chair/leg` for a part of it. Sorted. A part is unique only if it is not seen in the other
    /// image.
    pub seen: Vec<String>,
}

/// The union of all masks of one label in one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionRecord {
    /// Unique in the data set.
    pub region_id: u32,
    /// The image that it lies in.
    pub image_id: String,
    /// The object's label.
    pub object_label: String,
    /// The part's label; `None` for the whole object.
    pub part_label: Option<String>,
    /// Annotation ids of the source that were joined, ascending; for parts that come from a label
    /// map, the ids of the objects that it was cut with.
    pub raw_ids: Vec<i64>,
    /// Pixels in the mask.
    pub area: u32,
    /// Left, top, width and height in pixels.
    pub bbox: [u32; 4],
    /// The mask at the size of its image, in COCO's compressed run lengths.
    pub rle: EncodedMask,
}

/// A question about a group of two images or more, with its grounded answer.
///
/// An answer may say that there is nothing to name: it then has no `[SEG]` and no region. That is
/// right if [`seen`](ImageRecord::seen) of its images says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleRecord {
    /// Unique in the data set.
    pub sample_id: String,
    /// Name of the source of all its images.
    pub source: String,
    /// What is asked for.
    pub subtask: Task,
    /// Label of the object in the first image.
    pub class_a: String,
    /// Label of the object in the second image, and, if there are more, in all others. Where the
    /// answer is that no object is common, others than the second may show another one.
    pub class_b: String,
    /// The images in the order of `(IMAGE1)`, `(IMAGE2)`, ….
    pub image_ids: Vec<String>,
    /// The question with its `<image> (IMAGE1)` placeholders.
    pub question: String,
    /// The answer with `<p> phrase </p> [SEG] (IMAGE1)` groups, or without any.
    pub answer: String,
    /// One region per `[SEG]`, in the order of the text.
    pub region_ids: Vec<u32>,
    /// The one-based image of each region: the number in its `(IMAGE1)`.
    pub image_index: Vec<u8>,
    /// The templates that the texts were made from.
    pub template_ids: Templates,
    /// Whether another reading of the question has another right answer; never in a test split.
    pub ambiguous: bool,
}

/// Names of the templates of a sample's texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Templates {
    /// Of the sentence that shows the images: `P1`.
    pub prefix: String,
    /// Of the question: `CP3`.
    pub question: String,
    /// Of the answer: `CP3`.
    pub answer: String,
}
