//! Models of ours as files of others.
//!
//! What the `peft` package reads is written by [`calico_model::adapters::export`].

mod error;
mod gguf;
mod gguf_tensor;
mod tokens;
mod whole;

pub use error::ExportError;
pub use gguf::export_gguf;
pub use tokens::Tokens;
pub use whole::export_whole;

use calico_model::ModelFolder;
use calico_nn::weights::checkpoint::StoredTensor;

/// A tensor that is about to be written.
#[derive(Debug, Clone, Copy)]
pub struct Exported<'a> {
    /// Its name in the model.
    pub name: &'a str,
    /// The bytes that are written of it.
    pub bytes: u64,
    /// Those of all tensors.
    pub total: u64,
}

/// Refuses values that no model computes with.
fn check_finite(
    model: &ModelFolder,
    tensor: &StoredTensor,
    bytes: &[u8],
) -> Result<(), ExportError> {
    if tensor.stored.is_finite(bytes) {
        return Ok(());
    }
    let (path, name) = (model.path().to_path_buf(), tensor.name.clone());
    Err(ExportError::NotFinite { path, name })
}
