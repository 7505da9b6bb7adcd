//! Masks with labels in the formats of other tools: COCO, Label Studio, CVAT, `FiftyOne`.
//!
//! A [`Document`] holds images and their labelled masks, of a data set or of a model.
//! [`coco`], [`label_studio`] and [`cvat`] write and read it, and [`fiftyone`] writes it.
//! Writers check the document first.
//! Readers give an [`Imported`] document and list in its [`Findings`] what they did not
//! understand; only a file that is cut off, or of another format, is an error.
//! Nothing here knows of folders: bytes go in and out.
//!
//! | | COCO, `FiftyOne` | Label Studio | CVAT |
//! | --- | --- | --- | --- |
//! | label, kind, mask, part → object, group, score, origin | ✓ | ✓ | ✓ |
//! | id of an image, notes of an image | ✓ | ✓ | id only until CVAT writes the file anew |
//! | notes and name of the whole | ✓ | – | name |
//!
//! [`Segmentation`] is the value that COCO keeps a mask in, for readers of other files with it.

mod annotated_image;
mod annotation_error;
mod any_value;
pub mod coco;
mod color;
pub mod cvat;
mod decoded_mask;
mod document;
mod draft;
pub mod fiftyone;
mod findings;
mod imported;
mod json_file;
mod kind;
pub mod label_studio;
pub mod limits;
mod origin;
mod region;
#[cfg(test)]
mod sample;
mod scalar;
mod segmentation;
mod segmentation_error;
mod shape;
mod window;

pub use annotated_image::AnnotatedImage;
pub use annotation_error::AnnotationError;
pub use decoded_mask::DecodedMask;
pub use document::Document;
pub use findings::Findings;
pub use imported::Imported;
pub use kind::Kind;
pub use origin::Origin;
pub use region::Region;
pub use segmentation::Segmentation;
pub use segmentation_error::SegmentationError;
