//! Named f32 tensors in one safetensors file, whose digest is known.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use calico_model::digest::hex;
use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, View};
use sha2::{Digest as _, Sha256};

use crate::TrainError;

/// Bytes that are hashed at once.
const BLOCK: usize = 1 << 20;

struct Named<'a>(&'a Tensor);

impl View for Named<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.0.dims()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // `write` has proved that this works.
        let values = self.0.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
        Cow::Owned(values.unwrap_or_default().iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.0.elem_count() * 4
    }
}

/// Writes tensors and makes them durable; returns the digest of the file.
pub(super) fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<String, TrainError> {
    for (name, tensor) in tensors {
        if tensor.dtype() != DType::F32 {
            let found = tensor.dtype();
            return Err(TrainError::Internal(format!("{name} is {found:?}, not F32")));
        }
    }
    let views = tensors.iter().map(|(name, tensor)| (name.as_str(), Named(tensor)));
    let failed = |source| TrainError::Write { path: path.to_owned(), source };
    safetensors::serialize_to_file(views, None, path).map_err(|error| match error {
        safetensors::SafeTensorError::IoError(source) => failed(source),
        other => failed(io::Error::other(other)),
    })?;
    let finish = || {
        File::open(path)?.sync_all()?;
        digest(path)
    };
    finish().map_err(failed)
}

/// Reads tensors; or what is wrong with the file.
pub(super) fn read(
    path: &Path,
    expected: &str,
    device: &Device,
) -> Result<BTreeMap<String, Tensor>, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let told = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    let found = digest(path).map_err(|error| told(&error))?;
    if found != expected {
        return Err(format!("{name} has the digest {found}; expected {expected}"));
    }
    let bytes = fs::read(path).map_err(|error| told(&error))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| told(&error))?;
    let mut tensors = BTreeMap::new();
    for (key, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("{name}: {key} is {:?}; expected F32", view.dtype()));
        }
        let values: Vec<f32> =
            view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let tensor =
            Tensor::from_vec(values, view.shape(), device).map_err(|error| told(&error))?;
        tensors.insert(key, tensor);
    }
    Ok(tensors)
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(block.get(..count).unwrap_or_default()),
        }
    }
}
