//! SynthParts: drawn scenes with exact masks of objects and parts, in the form of `MixedParts`.

pub mod classes;
mod figure;
pub mod outline;
mod pose;

pub use figure::{Figure, Piece};
pub use pose::Pose;
