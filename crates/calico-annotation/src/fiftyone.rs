//! `FiftyOne`: the labels of a folder that it imports as `COCODetectionDataset`.
//!
//! It has two forms for instance masks with labels.
//! `COCODetectionDataset` is documented, keeps labels, masks, scores (as `confidence`) and every
//! further field of an annotation (`parent_id`, `kind`, `group`, `origin`), and is checked by
//! tools of others.
//! `FiftyOneDataset` is its own dump: its fields follow the version of the package, and its masks
//! are packed arrays of `NumPy`.
//! So [`write()`] gives the first, which is the file of [`coco`] under another name.
//!
//! Put the images into a folder `data` beside the file, under their file names, and load both:
//!
//! ```python
//! import fiftyone as fo
//!
//! dataset = fo.Dataset.from_dir(
//!     dataset_dir="FOLDER",
//!     dataset_type=fo.types.COCODetectionDataset,
//!     label_types="segmentations",
//!     include_annotation_id=True,
//! )
//! ```
//!
//! Without copying the images, replace `dataset_dir` by `data_path="IMAGES"` and
//! `labels_path="FOLDER/labels.json"`.
//! A region's `coco_id` is its id, to which `parent_id` of its parts refers.
//! A dataset that was exported again as `COCODetectionDataset` is read by [`coco::read`].

use std::io::Write;

use crate::{AnnotationError, Document, coco};

/// The name that `FiftyOne` expects.
pub const LABELS_NAME: &str = "labels.json";

/// Writes the labels of a document.
pub fn write(document: &Document, out: impl Write) -> Result<(), AnnotationError> {
    coco::write(document, out)
}
