//! Pixels and masks: decoding, resizing equal to Pillow, run-length masks, outlines.
//!
//! A [`Frame`] is a decoded, upright RGB8 picture; [`open`] and [`decode`] make one from a file
//! and [`resize`] shrinks or grows it to the byte as Pillow does, which is what the published
//! models were trained on.
//! [`inspect`] reads no more of a file than its header, and [`inspect_bytes`] of one in memory.
//! A [`Mask`] is a binary picture; [`Rle`] and [`outlines`] are its two compact forms.
//! [`Rle`] reads all encodings of COCO masks, and computes with masks without their pixels.
//! A [`LabelMap`] is a picture whose values are numbers of classes, one [`Rle`] each.
//!
//! Sizes are in pixels.
//! Positions are `(x, y)`, with `(0, 0)` the top left *corner* of the top left pixel, so that
//! pixel's centre is `(0.5, 0.5)`.

mod bounding_box;
mod color_mode;
mod column_runs;
mod decode;
mod error;
mod file;
mod filter;
mod format;
mod frame;
mod header;
mod jpeg;
mod kernel;
mod label_file;
mod label_map;
mod letterbox;
mod mask;
mod outline;
mod picture_info;
mod polygon;
mod polygon_fill;
mod resize;
mod rle;
mod size;

pub use bounding_box::BoundingBox;
pub use color_mode::ColorMode;
pub use decode::{DecodeOptions, Orientation, decode, open, open_with_info};
pub use error::ImageError;
pub use filter::Filter;
pub use frame::Frame;
pub use header::{inspect, inspect_bytes};
pub use label_file::{decode_label_map, open_label_map};
pub use label_map::LabelMap;
pub use letterbox::Letterbox;
pub use mask::Mask;
pub use outline::outlines;
pub use picture_info::PictureInfo;
pub use polygon::Polygon;
pub use resize::resize;
pub use rle::Rle;
pub use size::Size;
