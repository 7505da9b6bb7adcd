use calico_data::loader::BadReason;
use calico_model::preprocess::PreprocessError;

use crate::TrainError;

/// Why a picture cannot be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The picture, or a region of it, is at fault.
    Bad(BadReason),
    /// The arithmetic is.
    Failed(TrainError),
}

impl From<BadReason> for Refusal {
    fn from(reason: BadReason) -> Self {
        Self::Bad(reason)
    }
}

impl From<PreprocessError> for Refusal {
    fn from(error: PreprocessError) -> Self {
        match error {
            PreprocessError::Image(error) => Self::Bad(error.into()),
            PreprocessError::Tensor(error) => Self::Failed(error.into()),
        }
    }
}
