//! Training of Calico: recipes, plans, the trainer, its checkpoints and what it shows.
//!
//! ```text
//! recipe (TOML) ──► Plan: memory, arithmetic, time
//!      │
//!      ▼
//! Trainer: stage by stage
//!   data set ─► batch ─► losses ─► Gradients ─► AdamW ─► Parameters ─► the model of the next step
//!                                                  │
//!      checkpoints ◄── state, values, moments ◄────┤
//!      metrics, TensorBoard, pictures, report ◄────┘
//! ```
//!
//! Every random decision is drawn from a stream of its own, named by the seed and by what it is
//! about. So the state of a run is a handful of counters, the trained values and their moments,
//! and a run that was killed goes on bit for bit as if it had not been.

mod digest;
mod error;
mod gradients;
mod lessons;
mod optimizer;
mod parameters;
pub mod recipe;
mod schedule;
pub mod watch;

pub use error::TrainError;
pub use gradients::Gradients;
pub use lessons::{LossParts, Losses};
pub use optimizer::{AdamW, Moments};
pub use parameters::Parameters;
pub use recipe::Recipe;
pub use schedule::learning_rate;
