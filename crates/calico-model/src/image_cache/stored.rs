//! An encoded image as a file: a tensor in f32 for each of its parts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use calico_image::{Letterbox, Size};
use calico_nn::weights::checkpoint::{Checkpoint, StoredTensor, StoredType, write_stored_file};
use calico_result::Scratch;
use candle_core::{DType, Tensor};

use crate::error::ModelError;
use crate::model::{Calico, EncodedImage};
use crate::new_folder::io;

/// Reads what a model keeps of an image of this size; none if the file is not there, or not what
/// this model would have written: it is then made again.
pub(super) fn read(path: &Path, size: Size, model: &Calico) -> Option<EncodedImage> {
    let file = Checkpoint::open_file(path).ok()?;
    let part = |name: &str| {
        let tensor = file.stored(name).filter(|tensor| tensor.stored == StoredType::F32)?;
        let values = StoredType::F32.decode(file.bytes(name)?);
        if !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        Tensor::from_vec(values, tensor.shape, model.device()).ok()
    };
    let letterbox = Letterbox::new(size, model.config().input_sizes().sam as u32);
    model.encoded_of_parts(letterbox, part)
}

/// Writes an image; an earlier file is replaced.
pub(super) fn write(path: &Path, image: &EncodedImage) -> Result<(), ModelError> {
    let mut parts = BTreeMap::new();
    for (name, tensor) in image.parts() {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        parts.insert(name, (tensor.dims().to_vec(), values));
    }
    let tensors: Vec<StoredTensor> = parts
        .iter()
        .map(|(name, (shape, _))| StoredTensor {
            name: name.clone(),
            shape: shape.clone(),
            stored: StoredType::F32,
        })
        .collect();
    let scratch = Scratch::beside(path).map_err(io("create", path))?;
    write_stored_file(&scratch.new_path(), &tensors, &[], |tensor| {
        let values = parts.get(&tensor.name).map(|(_, values)| values.as_slice());
        Ok::<_, ModelError>(Cow::Owned(StoredType::F32.encode(values.unwrap_or_default())))
    })?;
    fs::rename(scratch.new_path(), path).map_err(io("write", path))
}
