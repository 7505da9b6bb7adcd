//! What can go wrong with adapters.

use std::fmt::Write as _;
use std::path::PathBuf;

use calico_nn::weights::checkpoint::CheckpointError;

use super::{AdapterProblem, LORA_FILE, OWN_FILE};
use crate::error::ModelError;

/// Why adapters cannot be taken out, put in or merged.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The folder is not there, or is not a folder.
    #[error(
        "{0} is not a folder; expected a folder with {LORA_FILE} or {OWN_FILE}, each with its JSON"
    )]
    NotAFolder(PathBuf),
    /// The folder holds no adapters.
    #[error("{0} holds neither {LORA_FILE} nor {OWN_FILE}; expected a folder of adapters")]
    NoAdapters(PathBuf),
    /// The files cannot be used with the model; all problems.
    #[error("{}", list(.folder, .problems))]
    Unusable {
        /// The folder of the adapters, or that of the model where the problem lies there.
        folder: PathBuf,
        /// Everything that is wrong.
        problems: Vec<AdapterProblem>,
    },
    /// A module that was asked for is not part of the model.
    #[error("the model has no module {module:?} beside its LoRA; it has {}", .known.join(", "))]
    NoModule {
        /// What was asked for.
        module: String,
        /// What there is.
        known: Vec<String>,
    },
    /// There is nothing to merge.
    #[error("{0} has no low-rank updates, and none were given; there is nothing to merge")]
    NothingToMerge(PathBuf),
    /// The model cannot be read, or the result not be written.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl AdapterError {
    /// Whether the caller's input is at fault, not the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Model(error) => error.is_bad_input(),
            Self::NotAFolder(_)
            | Self::NoAdapters(_)
            | Self::Unusable { .. }
            | Self::NoModule { .. }
            | Self::NothingToMerge(_) => true,
        }
    }
}

impl From<CheckpointError> for AdapterError {
    fn from(error: CheckpointError) -> Self {
        Self::Model(error.into())
    }
}

impl From<candle_core::Error> for AdapterError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}

/// A heading and a line per problem.
fn list(folder: &std::path::Path, problems: &[AdapterProblem]) -> String {
    /// More than this would scroll the first problem off the screen.
    const SHOWN: usize = 40;
    let mut text = format!("the adapters in {} cannot be used:", folder.display());
    for problem in problems.iter().take(SHOWN) {
        let _ = write!(text, "\n  {problem}");
    }
    if problems.len() > SHOWN {
        let _ = write!(text, "\n  … and {} more", problems.len() - SHOWN);
    }
    text
}
