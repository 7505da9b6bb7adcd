//! How the images come to know of each other: the two modules of the paper.
//!
//! ```text
//! EVA-CLIP tokens ──► extraction (CEM) ◄── DINOv2 tokens
//!                         │ X'_global, once per image
//!                         ▼
//! LLM layer l ──► adapter (CAM) re-asks the Q-Former with the instruction ──► LLM layer l
//! ```

mod adapter;
mod config;
mod extraction;
mod hook;
mod visual_source;

pub use adapter::{CorrespondenceAdapter, Projections};
pub use config::{AdapterConfig, AdapterInit, ExtractionConfig, ExtractionInit, Guidance};
pub use config::{CemInput, MultiTurn, QuerySource};
pub use extraction::CorrespondenceExtraction;
pub use hook::CorrespondenceHook;
pub(crate) use hook::ImagePlaces;
pub use visual_source::VisualSource;
