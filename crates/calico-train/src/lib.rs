//! Training of Calico: recipes, plans, the trainer, its checkpoints and what it shows.
//!
//! ```text
//! recipe (TOML) ──► Plan: memory, arithmetic, time
//!      │
//!      ▼
//! Trainer: stage by stage
//!   data set ─► batch ─► losses ─► Gradients ─► Optimizer ─► Parameters ─► the next model
//!                                                  │
//!      checkpoints ◄── state, values, moments ◄────┤
//!      metrics, TensorBoard, pictures, report ◄────┘
//! ```
//!
//! Every random decision is drawn from a stream of its own, named by the seed and by what it is
//! about. So the state of a run is a handful of counters, the trained values and their moments,
//! and a run that was killed goes on bit for bit as if it had not been.

pub mod checkpoint;
mod data_digest;
#[cfg(test)]
mod drawn_lessons;
mod error;
mod features;
mod gradients;
pub mod grounding;
mod guard;
mod label_masks;
mod labels;
mod lessons;
mod mask_losses;
mod observer;
mod optimizer;
mod parameters;
mod pictures;
pub mod plan;
pub mod recipe;
mod run_folder;
mod schedule;
mod start;
mod trained;
mod trainer;
mod validation;
pub mod watch;
mod whole_folder;

pub use error::TrainError;
pub use gradients::Gradients;
pub use lessons::{LossParts, Losses};
pub use observer::TrainObserver;
pub use optimizer::{Moments, Optimizer};
pub use parameters::Parameters;
pub use recipe::Recipe;
pub use run_folder::{RunFolder, RunIdentity};
pub use schedule::learning_rate;
pub use start::model_config;
pub use trained::{is_trained, pattern_problems};
pub use trainer::{Outcome, Trainer};
