//! `SynthParts`: drawn scenes with exact masks of objects and parts, in the form of `MixedParts`.
//!
//! ```text
//! seed ──► Kind: what a case asks ──► Group: which objects, of which looks        (plan)
//!              │ Figure: an object in its own coordinates                         (classes)
//!              ▼
//!          Scene: who stands where ──► render ──► picture, exact masks   (scene, render)
//!              │
//!              ▼
//!          Wording of MixedParts ──► images, regions, samples                     (write)
//! ```
//!
//! Every case draws from a stream of its own, named by its split, kind and number.

pub mod classes;
mod error;
mod figure;
mod options;
pub mod outline;
mod plan;
mod pose;
pub mod render;
mod scene;
mod suite;
mod write;

pub use error::SynthError;
pub use figure::{Figure, Piece};
pub use options::SynthOptions;
pub use pose::Pose;
pub use suite::Suite;
pub use write::{RECORD_FILE, SynthRecord, SynthWatch, TableCounts, synthesize};
