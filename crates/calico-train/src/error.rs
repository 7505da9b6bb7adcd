//! What can go wrong, by what the caller can do about it.

use std::path::PathBuf;

use calico_data::DataError;
use calico_eval::EvalError;
use calico_model::adapters::AdapterError;
use calico_model::{ConfigError, ModelError};
use calico_result::ResultError;

use crate::watch::WatchError;

/// Why a training cannot begin, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written. What was written before it is whole.
    #[error(
        "cannot write {path}; make room or choose another folder, then run the same command again to go on"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The recipe is wrong.
    #[error("{path} is no usable recipe:\n  {}", .problems.join("\n  "))]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// Everything that is wrong with it.
        problems: Vec<String>,
    },
    /// Recipe, model and data are each fine, but do not fit together.
    #[error("this training cannot run:\n  {}", .problems.join("\n  "))]
    Mismatch {
        /// Everything that does not fit.
        problems: Vec<String>,
    },
    /// The run folder is that of another training.
    #[error("{path} holds another training: {reason}; choose another folder for this one")]
    OtherRun {
        /// The run folder.
        path: PathBuf,
        /// In what they differ.
        reason: String,
    },
    /// The run folder is none.
    #[error("{path} cannot hold a training: {reason}; choose a new folder")]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Another process trains in the run folder.
    #[error("another process trains in {path}; wait for its end, or choose another folder")]
    Busy {
        /// The run folder.
        path: PathBuf,
    },
    /// A checkpoint is damaged.
    #[error("{path} is damaged: {reason}; remove it to go on from the checkpoint before it")]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The loss, or its gradient, is no number any more.
    #[error(
        "step {step}: {what} is {value}, so training stopped; the last good checkpoint is {}",
        .checkpoint.as_deref().unwrap_or("the beginning")
    )]
    NotFinite {
        /// The optimiser step.
        step: u64,
        /// The quantity at fault.
        what: String,
        /// Its value.
        value: f64,
        /// The last checkpoint.
        checkpoint: Option<String>,
    },
    /// The loss has grown beyond what the recipe allows.
    #[error(
        "step {step}: the loss is {loss:.4}, {times:.1} times its running mean, for {patience} steps \
         in a row, so training stopped; the last good checkpoint is {}; a lower learning rate or a \
         longer warm-up may help",
        .checkpoint.as_deref().unwrap_or("the beginning")
    )]
    Exploded {
        /// The optimiser step.
        step: u64,
        /// The loss.
        loss: f64,
        /// How many times its running mean it is.
        times: f64,
        /// For how many steps.
        patience: u32,
        /// The last checkpoint.
        checkpoint: Option<String>,
    },
    /// The machine is too small.
    #[error("{0}")]
    DoesNotFit(String),
    /// The data set, or a sample of it.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Adapter files.
    #[error(transparent)]
    Adapters(#[from] AdapterError),
    /// Scores.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// Pictures and pages.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// What is written for people to watch.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The arithmetic failed.
    #[error("the arithmetic of training failed")]
    Tensor(#[from] candle_core::Error),
    /// A fault of this program.
    #[error("internal fault: {0}; please report it")]
    Internal(String),
}

impl From<ConfigError> for TrainError {
    fn from(error: ConfigError) -> Self {
        Self::Model(error.into())
    }
}

impl TrainError {
    /// Whether the caller's input, or the room on the caller's disk, is at fault.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Recipe { .. }
            | Self::Mismatch { .. }
            | Self::OtherRun { .. }
            | Self::NoRun { .. }
            | Self::Busy { .. }
            | Self::Checkpoint { .. }
            | Self::DoesNotFit(_)
            | Self::Data(_)
            | Self::Watch(
                WatchError::Write { .. }
                | WatchError::Shorter { .. }
                | WatchError::NotAtLineEnd { .. }
                | WatchError::Line { .. }
                | WatchError::LongLine { .. },
            )
            | Self::Result(ResultError::Write { .. } | ResultError::FolderNotWritable { .. })
            // The room on the disk is the user's.
            | Self::Model(ModelError::Io { .. } | ModelError::Checkpoint(_))
            | Self::Adapters(AdapterError::Model(
                ModelError::Io { .. } | ModelError::Checkpoint(_),
            )) => true,
            Self::Model(error) => error.is_bad_input(),
            Self::Adapters(error) => error.is_bad_input(),
            Self::Eval(error) => matches!(
                error,
                EvalError::Data(_) | EvalError::Sample { .. } | EvalError::RepeatedSample { .. }
            ),
            Self::NotFinite { .. }
            | Self::Exploded { .. }
            | Self::Result(_)
            | Self::Watch(_)
            | Self::Tensor(_)
            | Self::Internal(_) => false,
        }
    }
}
