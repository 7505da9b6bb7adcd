use std::path::PathBuf;

use calico_formats::gguf::WriteError;
use calico_model::ModelError;
use calico_model::adapters::AdapterError;
use calico_nn::quantized::MatrixFormat;
use calico_nn::weights::checkpoint::CheckpointError;

/// Why a model cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The target is there already.
    #[error("{0} exists; expected a new file, so choose another name")]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: WriteError,
    },
    /// The tokenizer cannot be read.
    #[error("{path} is not a tokenizer: {reason}; take the one that belongs to the model")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model lacks a tensor.
    #[error("{path} holds no {name}; expected a whole model: import or download it again")]
    Missing {
        /// The folder of the model.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor holds NaN or infinity.
    #[error(
        "{path}: {name} holds NaN or infinity; expected finite values: download or import the \
         model again, or take an earlier checkpoint"
    )]
    NotFinite {
        /// The folder of the model.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A matrix in fewer bits and its update do not fit its format.
    #[error(
        "{path}: {name} with its LoRA exceeds what {format} holds; export the model that it was \
         made from"
    )]
    OutOfRange {
        /// The folder of the model.
        path: PathBuf,
        /// The matrix.
        name: String,
        /// Its format.
        format: MatrixFormat,
    },
    /// The weights cannot be had.
    #[error(transparent)]
    Adapters(#[from] AdapterError),
    /// The model cannot be read, or the result not be written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The caller stopped it.
    #[error("stopped; nothing was written")]
    Stopped,
}

impl From<CheckpointError> for ExportError {
    fn from(error: CheckpointError) -> Self {
        Self::Model(error.into())
    }
}

impl ExportError {
    /// Whether the caller's input is at fault, not the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Exists(_)
            | Self::Tokenizer { .. }
            | Self::Missing { .. }
            | Self::OutOfRange { .. }
            | Self::NotFinite { .. } => true,
            Self::Write { .. } | Self::Stopped => false,
            Self::Adapters(error) => error.is_bad_input(),
            Self::Model(error) => error.is_bad_input(),
        }
    }
}
