//! A model folder whose weights lie in one file.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use calico_model::checkpoint::{TOKENIZER_FILE, tensor_specs, write_config};
use calico_model::provenance::PROVENANCE_FILE;
use calico_model::{ModelError, ModelFolder, NewFolder};
use calico_nn::weights::checkpoint::{StoredTensor, write_stored};

use super::{ExportError, Exported, check_finite};

/// Writes a model folder into the new folder `out`, all weights in one safetensors file under our
/// names and in the types in which they are stored.
///
/// `on_tensor` hears of each tensor before it is written, and may stop the export; nothing is left
/// then.
///
/// # Errors
/// If the folder is not empty, the model cannot be read, or the file cannot be written.
pub fn export_whole(
    model: &ModelFolder,
    out: &Path,
    on_tensor: impl Fn(Exported<'_>) -> ControlFlow<()>,
) -> Result<(), ExportError> {
    model.check_unquantized()?;
    let specs = tensor_specs(&model.config).map_err(ModelError::from)?;
    let stored = specs.iter().filter_map(|spec| model.checkpoint.stored(&spec.name));
    let tensors: Vec<StoredTensor> = stored.collect();
    let total = tensors.iter().map(|tensor| tensor.bytes() as u64).sum();
    let new = NewFolder::begin(out)?;
    write_stored(&new.path(), &tensors, usize::MAX, |tensor| {
        let (name, bytes) = (tensor.name.as_str(), tensor.bytes() as u64);
        if on_tensor(Exported { name, bytes, total }).is_break() {
            return Err(ExportError::Stopped);
        }
        let bytes = model.checkpoint.bytes(&tensor.name).unwrap_or_default();
        check_finite(model, tensor, bytes)?;
        Ok(bytes.into())
    })?;
    for name in [TOKENIZER_FILE, PROVENANCE_FILE] {
        let path = model.path().join(name);
        if name == TOKENIZER_FILE || path.exists() {
            let failed = |source| ModelError::Io { action: "read", path: path.clone(), source };
            new.write(name, &fs::read(&path).map_err(failed)?)?;
        }
    }
    write_config(&new, &model.config)?;
    Ok(new.finish()?)
}
