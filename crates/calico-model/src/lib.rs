//! The CALICO model: encoders, correspondence modules, language model and mask decoder as one.
//!
//! ```text
//! photographs ─► preprocess ─► model.encode ─┐
//! question ────► prompt ─────────────────────┴► generate ─► grounding ─► model.decode_masks
//!                                                                             │
//!                                             Segmentation (plain data) ◄─────┘
//! ```
//!
//! [`Segmenter`] is the face: it takes photographs and a question and returns plain data.
//! Everything below it can be used on its own; [`Calico`] holds the modules.
//!
//! Axes: `B` samples, `I` images, `P V` EVA-CLIP tokens and width, `S U` DINOv2 tokens and width,
//! `Q E` queries and width, `T D` positions and width of the language model, `M C` masks and
//! width of SAM, `g` side of SAM's grid.

pub mod adapters;
pub mod batch;
pub mod bench;
pub mod budget;
pub mod checkpoint;
pub mod config;
pub mod correspondence;
pub mod digest;
pub mod generate;
pub mod grounding;
pub mod model;
pub mod preprocess;
pub mod prompt;
pub mod provenance;
pub mod quantize;

mod error;
mod image_cache;
mod model_bytes;
mod modules;
mod new_file;
mod new_folder;
mod segmenter;
mod told;
mod trainable;

pub use checkpoint::ModelFolder;
pub use config::{CalicoConfig, ConfigError, Preset};
pub use error::{ModelError, SegmentError, Stage};
pub use image_cache::ImageCache;
pub use model::Calico;
pub use model_bytes::ModelBytes;
pub use modules::module_of;
pub use new_file::NewFile;
pub use new_folder::NewFolder;
pub use segmenter::{Observer, Photograph, Question, SegmentOptions, Segmenter};
pub use told::{one_line, panic_message};
pub use trainable::is_trainable;
