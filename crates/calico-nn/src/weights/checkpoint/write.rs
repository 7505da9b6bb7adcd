//! Writing checkpoint folders, one tensor in memory at a time.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::Path;

use safetensors::tensor::{Dtype, View};

use super::{CheckpointError, FileTensor, INDEX_FILE, SINGLE_FILE, StoredTensor, StoredType};
use crate::weights::TensorSpec;

/// Gives the bytes of a tensor as they are stored.
type Give<'a, 'b, T, E> = dyn Fn(&T) -> Result<Cow<'b, [u8]>, E> + 'a;

/// A tensor whose bytes are made when it is written.
struct Lazy<'a, 'b, T, E> {
    tensor: &'a T,
    bytes: &'a Give<'a, 'b, T, E>,
    /// The first failure; what follows it is not asked for any more.
    failure: &'a RefCell<Option<E>>,
}

impl<T: FileTensor, E> View for Lazy<'_, '_, T, E> {
    fn dtype(&self) -> Dtype {
        self.tensor.kind().dtype()
    }

    fn shape(&self) -> &[usize] {
        self.tensor.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        if self.failure.borrow().is_some() {
            return Cow::Borrowed(&[]);
        }
        (self.bytes)(self.tensor).unwrap_or_else(|error| {
            self.failure.replace(Some(error));
            Cow::Borrowed(&[])
        })
    }

    fn data_len(&self) -> usize {
        self.tensor.byte_len()
    }
}

/// Writes the tensors of `specs` into `folder`, in files of at most about `shard_bytes`.
///
/// Each file appears under its name only when it is complete, the index of the shards last.
/// `values` gives a tensor row-major and is called once per tensor.
pub fn write<F: Fn(&TensorSpec) -> Vec<f32>>(
    folder: &Path,
    specs: &[TensorSpec],
    stored: StoredType,
    shard_bytes: usize,
    values: F,
) -> Result<(), CheckpointError> {
    let named: BTreeMap<&str, &TensorSpec> =
        specs.iter().map(|spec| (spec.name.as_str(), spec)).collect();
    let tensors: Vec<StoredTensor> =
        specs.iter().map(|spec| StoredTensor::of(spec, stored)).collect();
    write_stored(folder, &tensors, shard_bytes, |tensor| {
        let values = named.get(tensor.name.as_str()).map(|spec| values(spec));
        Ok(Cow::Owned(stored.encode(&values.unwrap_or_default())))
    })
}

/// As [`write()`], for tensors that have a type each and whose bytes are given as they are stored.
///
/// Nothing is left of a file whose bytes could not be had.
pub fn write_stored<'b, T: FileTensor, E: From<CheckpointError>>(
    folder: &Path,
    tensors: &[T],
    shard_bytes: usize,
    bytes: impl Fn(&T) -> Result<Cow<'b, [u8]>, E>,
) -> Result<(), E> {
    let shards = shards(tensors, shard_bytes);
    if let [only] = shards.as_slice() {
        return write_file(&folder.join(SINGLE_FILE), only, None, &bytes);
    }
    let mut weight_map = serde_json::Map::new();
    for (number, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", number + 1, shards.len());
        write_file(&folder.join(&name), shard, None, &bytes)?;
        weight_map
            .extend(shard.iter().map(|tensor| (tensor.name().to_owned(), name.clone().into())));
    }
    let total: usize = tensors.iter().map(FileTensor::byte_len).sum();
    let index =
        serde_json::json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
    let path = folder.join(INDEX_FILE);
    replace(&path, |temporary| {
        fs::write(temporary, format!("{index:#}\n")).map_err(|e| io(&path, e).into())
    })
}

/// Writes one safetensors file with `metadata`; it appears under its name when it is complete.
pub fn write_stored_file<'b, T: FileTensor, E: From<CheckpointError>>(
    path: &Path,
    tensors: &[T],
    metadata: &[(&str, &str)],
    bytes: impl Fn(&T) -> Result<Cow<'b, [u8]>, E>,
) -> Result<(), E> {
    let metadata = metadata.iter().map(|&(key, value)| (key.into(), value.into())).collect();
    write_file(path, tensors, Some(metadata), &bytes)
}

/// Consecutive runs of tensors that fit into one file each.
fn shards<T: FileTensor>(tensors: &[T], shard_bytes: usize) -> Vec<&[T]> {
    let mut shards = Vec::new();
    let (mut start, mut size) = (0, 0usize);
    for (number, tensor) in tensors.iter().enumerate() {
        let bytes = tensor.byte_len();
        if size > 0 && size + bytes > shard_bytes {
            shards.push(&tensors[start..number]);
            (start, size) = (number, 0);
        }
        size += bytes;
    }
    shards.push(&tensors[start..]);
    shards
}

fn write_file<T: FileTensor, E: From<CheckpointError>>(
    path: &Path,
    tensors: &[T],
    metadata: Option<HashMap<String, String>>,
    bytes: &Give<'_, '_, T, E>,
) -> Result<(), E> {
    replace(path, |temporary| {
        let failure = RefCell::new(None);
        let lazy = tensors.iter().map(|tensor| {
            let failure = &failure;
            (tensor.name(), Lazy { tensor, bytes, failure })
        });
        // The library writes a private file; a model is an ordinary one.
        let rights = File::create(temporary)
            .and_then(|file| file.metadata())
            .map_err(|source| io(path, source))?
            .permissions();
        let written = safetensors::serialize_to_file(lazy, metadata, temporary);
        if let Some(failure) = failure.take() {
            return Err(failure);
        }
        written.map_err(|source| io(path, std::io::Error::other(source)))?;
        Ok(fs::set_permissions(temporary, rights).map_err(|source| io(path, source))?)
    })
}

/// Writes under a temporary name, makes it durable, then takes the place of `path`.
fn replace<E: From<CheckpointError>>(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let temporary = path.with_extension("tmp");
    let done = write(&temporary).and_then(|()| {
        Ok(File::open(&temporary)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&temporary, path))
            .map_err(|source| io(path, source))?)
    });
    if done.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    done
}

fn io(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::Io { action: "write", path: path.to_path_buf(), source }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::weights::Init;

    #[test]
    fn weights_have_the_rights_of_an_ordinary_file() {
        let folder = tempfile::tempdir().unwrap();
        let spec = TensorSpec { name: "a".into(), shape: vec![2], init: Init::Zeros };
        write(folder.path(), &[spec], StoredType::F32, usize::MAX, |_| vec![0.0; 2]).unwrap();
        let ordinary = folder.path().join("ordinary");
        fs::write(&ordinary, "x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&folder.path().join(SINGLE_FILE)), mode(&ordinary));
    }
}
