//! Pixels and masks: decoding, resizing equal to Pillow, run-length masks, outlines.
//!
//! A [`Frame`] is a decoded, upright RGB8 picture; [`open`] and [`decode`] make one from a file
//! and [`resize`] shrinks or grows it to the byte as Pillow does, which is what the published
//! models were trained on.
//! A [`Mask`] is a binary picture; [`Rle`] and [`outlines`] are its two compact forms.
//!
//! Sizes are in pixels.
//! Positions are `(x, y)`, with `(0, 0)` the top left *corner* of the top left pixel, so that
//! pixel's centre is `(0.5, 0.5)`.

mod bounding_box;
mod decode;
mod error;
mod filter;
mod frame;
mod jpeg;
mod kernel;
mod letterbox;
mod mask;
mod outline;
mod polygon;
mod resize;
mod rle;
mod size;

pub use bounding_box::BoundingBox;
pub use decode::{DecodeOptions, Orientation, decode, open};
pub use error::ImageError;
pub use filter::Filter;
pub use frame::Frame;
pub use letterbox::Letterbox;
pub use mask::Mask;
pub use outline::outlines;
pub use polygon::Polygon;
pub use resize::resize;
pub use rle::Rle;
pub use size::Size;
