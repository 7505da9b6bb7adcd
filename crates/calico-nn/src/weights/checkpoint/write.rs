//! Writing checkpoint folders, one tensor in memory at a time.

use std::borrow::Cow;
use std::fs::{self, File};
use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, View};

use super::{CheckpointError, INDEX_FILE, SINGLE_FILE};
use crate::weights::TensorSpec;

/// The type in which weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoredType {
    /// 32-bit floats.
    F32,
    /// Brain floats: the range of f32, 8 bits of precision.
    #[default]
    Bf16,
    /// IEEE half floats.
    F16,
}

impl StoredType {
    /// Bytes of one value.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::Bf16 => Dtype::BF16,
            Self::F16 => Dtype::F16,
        }
    }

    fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::Bf16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
            Self::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        }
    }
}

/// A tensor that is computed when it is written.
struct Lazy<'a, F> {
    spec: &'a TensorSpec,
    stored: StoredType,
    values: &'a F,
}

impl<F: Fn(&TensorSpec) -> Vec<f32>> View for Lazy<'_, F> {
    fn dtype(&self) -> Dtype {
        self.stored.dtype()
    }

    fn shape(&self) -> &[usize] {
        &self.spec.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.stored.encode(&(self.values)(self.spec)))
    }

    fn data_len(&self) -> usize {
        self.spec.len() * self.stored.bytes()
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
    let shards = shards(specs, stored, shard_bytes);
    if let [only] = shards.as_slice() {
        return write_file(&folder.join(SINGLE_FILE), only, stored, &values);
    }
    let mut weight_map = serde_json::Map::new();
    for (number, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", number + 1, shards.len());
        write_file(&folder.join(&name), shard, stored, &values)?;
        weight_map.extend(shard.iter().map(|spec| (spec.name.clone(), name.clone().into())));
    }
    let total: usize = specs.iter().map(|spec| spec.len() * stored.bytes()).sum();
    let index =
        serde_json::json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
    let path = folder.join(INDEX_FILE);
    replace(&path, |temporary| {
        fs::write(temporary, format!("{index:#}\n")).map_err(|e| io(&path, e))
    })
}

/// Consecutive runs of tensors that fit into one file each.
fn shards(specs: &[TensorSpec], stored: StoredType, shard_bytes: usize) -> Vec<Vec<&TensorSpec>> {
    let mut shards: Vec<Vec<&TensorSpec>> = vec![Vec::new()];
    let mut size = 0usize;
    for spec in specs {
        let bytes = spec.len() * stored.bytes();
        if size > 0 && size + bytes > shard_bytes {
            shards.push(Vec::new());
            size = 0;
        }
        size += bytes;
        if let Some(last) = shards.last_mut() {
            last.push(spec);
        }
    }
    shards
}

fn write_file<F: Fn(&TensorSpec) -> Vec<f32>>(
    path: &Path,
    specs: &[&TensorSpec],
    stored: StoredType,
    values: &F,
) -> Result<(), CheckpointError> {
    replace(path, |temporary| {
        let tensors = specs.iter().map(|spec| (spec.name.as_str(), Lazy { spec, stored, values }));
        // The library writes a private file; a model is an ordinary one.
        let rights = File::create(temporary)
            .and_then(|file| file.metadata())
            .map_err(|source| io(path, source))?
            .permissions();
        safetensors::serialize_to_file(tensors, None, temporary)
            .map_err(|source| io(path, std::io::Error::other(source)))?;
        fs::set_permissions(temporary, rights).map_err(|source| io(path, source))
    })
}

/// Writes under a temporary name, makes it durable, then takes the place of `path`.
fn replace(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), CheckpointError>,
) -> Result<(), CheckpointError> {
    let temporary = path.with_extension("tmp");
    let done = write(&temporary).and_then(|()| {
        File::open(&temporary)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&temporary, path))
            .map_err(|source| io(path, source))
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
