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

pub use adapter::{CorrespondenceAdapter, Projections, VisualSource};
pub use config::{AdapterConfig, AdapterInit, ExtractionConfig, ExtractionInit, Guidance};
pub use config::{CemInput, MultiTurn, QuerySource};
pub use extraction::CorrespondenceExtraction;
pub use hook::CorrespondenceHook;
