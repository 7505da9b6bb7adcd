//! Label Studio: a JSON list of tasks, one per image.
//!
//! [`write()`] makes tasks to import, and [`labeling_config`] the interface that shows them: without
//! it, or with other names in it, the masks stay invisible.
//! Regions of a person become an annotation, those of a model a prediction with its scores.
//! Each [kind](crate::Kind) has a brush and a polygon control of its own, named after it, so that
//! a region keeps its kind however it is corrected; a part names its object as its `parentID`.
//! Label Studio's relations link two regions of one image, which `parentID` already does; the
//! group of a region is in its `meta`.
//!
//! Masks are packed by the run-length code of the library `rle-pack` over the red, green, blue
//! and alpha values of the image, row by row, which is not COCO's code.
//!
//! [`read`] takes the export named "JSON" (not "JSON-MIN"): brushes, polygons and rectangles.
//! Corrected files often hold both the prediction and the annotation made of it; then the
//! annotation counts.

mod brush;
mod config;
mod reader;
mod results;
mod writer;

pub use config::labeling_config;
pub use reader::read;
pub use writer::write;

/// The name of the image in the labeling interface.
const IMAGE: &str = "image";

/// What is added to the name of a kind for its polygons.
const POLYGON: &str = "_polygon";
