//! Masks with labels in the formats of other tools: COCO, Label Studio, CVAT, `FiftyOne`.

mod any_value;
mod decoded_mask;
pub mod limits;
mod segmentation;
mod segmentation_error;

pub use decoded_mask::DecodedMask;
pub use segmentation::Segmentation;
pub use segmentation_error::SegmentationError;
