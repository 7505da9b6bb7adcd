use std::path::PathBuf;

use calico_formats::{FormatError, SetError};
use calico_model::adapters::AdapterError;
use calico_model::{ConfigError, ModelError};
use calico_nn::weights::checkpoint::CheckpointError;

use super::ImportProblem;
use crate::TranslateError;
use crate::listed::listed;

/// Why files cannot be brought together to a model.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file, or a set of files, cannot be read.
    #[error(transparent)]
    Open(#[from] SetError),
    /// The values of a tensor, or a tokenizer, cannot be read.
    #[error(transparent)]
    Read(#[from] FormatError),
    /// The names of a file cannot be translated.
    #[error("{path}: {source}")]
    Names {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TranslateError,
    },
    /// The files do not make up a model; everything that is wrong.
    #[error("the files do not make up a model:{}", listed(.0))]
    Unusable(Vec<ImportProblem>),
    /// A small file beside the weights cannot be used.
    #[error("{path}: {reason}")]
    Beside {
        /// The file.
        path: PathBuf,
        /// What was found, what was expected, what to do.
        reason: String,
    },
    /// There is no tokenizer.
    #[error(
        "there is no tokenizer.json or tokenizer.model beside {0}; name the one that belongs to \
         the language model with `--tokenizer FILE`"
    )]
    NoTokenizer(PathBuf),
    /// Adapters of this program belong to a finished model.
    #[error(
        "{0} holds adapters of this program; put them into a finished model with `calico model \
         adapters apply`, which compares them with it"
    )]
    OwnAdapters(PathBuf),
    /// The caller stopped it.
    #[error("stopped; nothing was written")]
    Stopped,
    /// What a file of adapters says of them cannot be used.
    #[error(transparent)]
    Adapters(#[from] AdapterError),
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model folder cannot be written, or would not be one.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl From<CheckpointError> for ImportError {
    fn from(error: CheckpointError) -> Self {
        Self::Model(error.into())
    }
}

impl From<candle_core::Error> for ImportError {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}

impl ImportError {
    /// All of these problems, those first that explain others.
    pub(super) fn unusable(mut problems: Vec<ImportProblem>) -> Self {
        problems.sort_by_key(ImportProblem::rank);
        Self::Unusable(problems)
    }

    /// Whether the caller's input is at fault, not the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Model(error) => error.is_bad_input(),
            Self::Adapters(error) => error.is_bad_input(),
            Self::Stopped => false,
            _ => true,
        }
    }
}
