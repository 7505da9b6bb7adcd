//! Writing the new folder, one matrix in memory at a time.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use calico_nn::process::kernels;
use calico_nn::quantized::QuantizedMatrix;
use calico_nn::weights::checkpoint::{FileTensor, StoredTensor, write_stored};

use super::plan::{Matrix, Planned, plan};
use super::{Quantization, QuantizeReport};
use crate::checkpoint::{ModelFolder, SHARD_BYTES, TOKENIZER_FILE};
use crate::config::CONFIG_FILE;
use crate::error::ModelError;
use crate::new_folder::NewFolder;
use crate::provenance::{Digests, PROVENANCE_FILE, Provenance};

/// How far the work is.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// The values of a tensor are about to be looked at.
    Looking(&'a StoredTensor),
    /// A tensor is about to be written.
    Writing {
        /// Its name.
        name: &'a str,
        /// Its bytes.
        bytes: u64,
        /// Those of all tensors.
        total: u64,
    },
}

/// Writes the model with its matrices in fewer bits into the new folder `out`.
///
/// A matrix that does not fit the wanted format gets 8 bits with scales per output and input, or
/// else stays as it is; the report lists those. `on_progress` may stop the work, and nothing is left then.
///
/// # Errors
/// If the model has such matrices already or holds values that are not finite, or a file cannot be
/// read or written.
pub fn quantize(
    model: &ModelFolder,
    wanted: Quantization,
    out: &Path,
    on_progress: impl Fn(Progress<'_>) -> ControlFlow<()>,
) -> Result<QuantizeReport, ModelError> {
    model.check_unquantized()?;
    let new = NewFolder::begin(out)?;
    let tell = |progress: Progress<'_>| match on_progress(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ModelError::Stopped),
    };
    let (planned, report) = plan(model, wanted, |tensor| tell(Progress::Looking(tensor)))?;
    let total = report.bytes();
    let digests = RefCell::new(Digests::default());
    // Scales of outputs and of columns are written one after the other.
    let last: RefCell<Option<(String, QuantizedMatrix)>> = RefCell::default();
    write_stored(&new.path(), &planned, SHARD_BYTES, |tensor| {
        let (name, bytes) = (tensor.name(), tensor.byte_len() as u64);
        tell(Progress::Writing { name, bytes, total })?;
        let bytes: Cow<'_, [u8]> = match tensor {
            Planned::Kept(tensor) => {
                model.checkpoint.bytes(&tensor.name).unwrap_or_default().into()
            }
            Planned::Part { matrix, part } => {
                let mut last = last.borrow_mut();
                let name = &matrix.tensor.name;
                let (_, made) = match last.take().filter(|(of, _)| of == name) {
                    Some(made) => last.insert(made),
                    None => last.insert((name.clone(), quantized(model, matrix)?)),
                };
                part.bytes_of(made).into_owned().into()
            }
        };
        digests.borrow_mut().add(tensor, &bytes);
        Ok::<_, ModelError>(bytes)
    })?;
    for name in [TOKENIZER_FILE, CONFIG_FILE] {
        let path = model.path().join(name);
        let bytes =
            fs::read(&path).map_err(|source| ModelError::Io { action: "read", path, source })?;
        new.write(name, &bytes)?;
    }
    let provenance = Provenance::of_folder(model.path())?.unwrap_or_default();
    let provenance = provenance.with_digests(digests.into_inner());
    new.write(PROVENANCE_FILE, provenance.to_json().as_bytes())?;
    new.finish()?;
    Ok(report)
}

fn quantized(model: &ModelFolder, matrix: &Matrix) -> Result<QuantizedMatrix, ModelError> {
    let Matrix { tensor, shape, format } = matrix;
    let values = tensor.stored.decode(model.checkpoint.bytes(&tensor.name).unwrap_or_default());
    model.checkpoint.release(&tensor.name);
    QuantizedMatrix::quantize(kernels(), *format, *shape, values)
        .map_err(|error| candle_core::Error::wrap(error).into())
}
