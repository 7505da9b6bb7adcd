//! Checkpoint folders in safetensors: one file, or shards with an index.
//!
//! Files are memory-mapped; a file may also be in memory already. A checkpoint is compared with
//! what a model asks for before any tensor is read, and everything that is wrong is reported at
//! once. Matrices may be there in fewer bits (`quantized`), which are multiplied where they lie.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};

use super::{TensorSpec, WeightSource};
use crate::quantized::Matrix;

mod mismatch;
mod quantized;
mod stored_tensor;
mod stored_type;
mod write;

pub use mismatch::Mismatch;
pub use quantized::{MatrixPart, StoredForm};
pub use stored_tensor::{FileTensor, StoredTensor};
pub use stored_type::{FileType, StoredType};
pub use write::{write, write_stored, write_stored_file};

/// Name of an unsharded checkpoint file.
pub const SINGLE_FILE: &str = "model.safetensors";
/// Name of the index of a sharded checkpoint.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// Why a checkpoint folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The folder holds no weights.
    #[error("{0} holds neither {SINGLE_FILE} nor {INDEX_FILE}; expected a checkpoint folder")]
    NoWeights(PathBuf),
    /// A file is not valid safetensors.
    #[error("{path} is not a valid safetensors file")]
    Format {
        /// The file.
        path: PathBuf,
        /// What its reader found.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// The index of the shards cannot be used.
    #[error("{path}: {reason}")]
    Index {
        /// The index file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The tensors are not those of the model.
    #[error("{0}")]
    Mismatch(Box<Mismatch>),
}

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    files: Vec<WeightFile>,
    /// Tensor name to the file that holds it.
    locations: BTreeMap<String, usize>,
    duplicate: Vec<String>,
}

/// The bytes of a weight file.
#[derive(Debug)]
enum FileBytes {
    Mapped(Mmap),
    InMemory(Cow<'static, [u8]>),
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::InMemory(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
struct WeightFile {
    path: PathBuf,
    /// Also held by the matrices whose codes are read in place.
    content: Arc<FileBytes>,
    metadata: Metadata,
    /// Where the tensors start.
    data_start: usize,
}

impl WeightFile {
    #[expect(unsafe_code, reason = "mapping a file is the only way to read weights in place")]
    fn open(path: PathBuf) -> Result<Self, CheckpointError> {
        let io = |source| CheckpointError::Io { action: "read", path: path.clone(), source };
        // Before it is opened: opening a pipe would wait for somebody who writes.
        if !path.metadata().map_err(io)?.is_file() {
            return Err(io(std::io::Error::other("not a regular file")));
        }
        let file = File::open(&path).map_err(io)?;
        // SAFETY: the map is only read. Checkpoint files are replaced by rename, never written
        // in place, so nobody in this project changes the bytes under the map, which matrices in
        // fewer bits read for as long as their model is used.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        Self::of(path, FileBytes::Mapped(map))
    }

    fn of(path: PathBuf, content: FileBytes) -> Result<Self, CheckpointError> {
        let (header, metadata) = match SafeTensors::read_metadata(content.as_ref()) {
            Ok(read) => read,
            Err(source) => return Err(CheckpointError::Format { path, source }),
        };
        Ok(Self { data_start: header + 8, path, content: Arc::new(content), metadata })
    }

    fn bytes(&self, name: &str) -> Option<(&[u8], Dtype)> {
        let bytes = (*self.content).as_ref().get(self.range(name)?)?;
        Some((bytes, self.metadata.info(name)?.dtype))
    }

    /// Gives the memory of a tensor's pages back: a copy was made, and they would count as held
    /// by this process until the file is closed. They are read again when they are needed.
    #[cfg(unix)]
    #[expect(unsafe_code, reason = "only unchecked advice gives pages back")]
    fn release(&self, name: &str) {
        let FileBytes::Mapped(map) = &*self.content else { return };
        let Some(range) = self.range(name) else { return };
        // SAFETY: the map is shared with the file and never written to, so dropped pages come
        // back with the same bytes, also those that other tensors share.
        let given = unsafe {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            map.unchecked_advise_range(advice, range.start, range.len())
        };
        // It is advice: a system that does not take it only keeps the pages.
        drop(given);
    }

    #[cfg(not(unix))]
    fn release(&self, _name: &str) {}
}

impl Checkpoint {
    /// Maps the weight files of `folder` and reads their headers.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let single = folder.join(SINGLE_FILE);
        let index = folder.join(INDEX_FILE);
        let paths = if single.exists() && index.exists() {
            let reason = format!("lies beside {SINGLE_FILE}; remove the one that is out of date");
            return Err(CheckpointError::Index { path: index, reason });
        } else if single.exists() {
            vec![single]
        } else if index.exists() {
            shard_paths(folder, &index)?
        } else {
            return Err(CheckpointError::NoWeights(folder.to_path_buf()));
        };
        Self::of_paths(folder, paths)
    }

    /// Reads the header of one safetensors file that is already in memory; `folder` names in
    /// errors where it came from.
    pub fn from_bytes(folder: &Path, bytes: Cow<'static, [u8]>) -> Result<Self, CheckpointError> {
        let file = WeightFile::of(folder.join(SINGLE_FILE), FileBytes::InMemory(bytes))?;
        Ok(Self::of_files(folder, vec![file]))
    }

    fn of_paths(folder: &Path, paths: Vec<PathBuf>) -> Result<Self, CheckpointError> {
        let files = paths.into_iter().map(WeightFile::open).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of_files(folder, files))
    }

    fn of_files(folder: &Path, files: Vec<WeightFile>) -> Self {
        let mut locations = BTreeMap::new();
        let mut duplicate = Vec::new();
        for (number, file) in files.iter().enumerate() {
            for name in file.metadata.offset_keys() {
                if locations.insert(name.clone(), number).is_some() {
                    duplicate.push(name);
                }
            }
        }
        Self { folder: folder.to_path_buf(), files, locations, duplicate }
    }

    /// Compares the headers with what a model asks for; all differences come back at once.
    pub fn verify(&self, specs: &[TensorSpec]) -> Result<(), CheckpointError> {
        let mut mismatch = Mismatch {
            folder: self.folder.clone(),
            duplicate: self.duplicate.clone(),
            ..Mismatch::default()
        };
        let mut wanted: BTreeSet<String> = specs.iter().map(|spec| spec.name.clone()).collect();
        for spec in specs {
            let Some(info) = self.file_of(&spec.name).and_then(|f| f.metadata.info(&spec.name))
            else {
                if !self.verify_parts(spec, &mut wanted, &mut mismatch) {
                    mismatch.missing.push(spec.name.clone());
                }
                continue;
            };
            if info.shape != spec.shape {
                let shapes = (spec.name.clone(), spec.shape.clone(), info.shape.clone());
                mismatch.misshaped.push(shapes);
            }
            if StoredType::of(info.dtype).is_none() {
                let types = (spec.name.clone(), "F32, BF16 or F16", format!("{:?}", info.dtype));
                mismatch.mistyped.push(types);
            }
        }
        let names = self.locations.keys();
        mismatch.unexpected = names.filter(|name| !wanted.contains(*name)).cloned().collect();
        if mismatch.is_empty() {
            Ok(())
        } else {
            Err(CheckpointError::Mismatch(Box::new(mismatch)))
        }
    }

    /// The names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.locations.keys().map(String::as_str)
    }

    /// Gives the memory of a tensor's pages back, after its bytes were copied: they would count as
    /// held by this process until the file is closed, and are read again when they are needed.
    pub fn release(&self, name: &str) {
        if let Some(file) = self.file_of(name) {
            file.release(name);
        }
    }

    /// Leaves out the tensors that the model at hand does not use, so that they may be there, in
    /// any shape and type.
    #[must_use]
    pub fn without(mut self, unused: impl Fn(&str) -> bool) -> Self {
        self.locations.retain(|name, _| !unused(name));
        self.duplicate.retain(|name| !unused(name));
        self
    }

    /// Size of all weight files, in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.files.iter().map(|file| (*file.content).as_ref().len() as u64).sum()
    }

    /// The weight files, in the order of their names.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    fn file_of(&self, name: &str) -> Option<&WeightFile> {
        self.files.get(*self.locations.get(name)?)
    }
}

/// The shard files that an index names, each inside the folder.
fn shard_paths(folder: &Path, index: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let bad = |reason: String| CheckpointError::Index { path: index.to_path_buf(), reason };
    let text = std::fs::read_to_string(index).map_err(|source| CheckpointError::Io {
        action: "read",
        path: index.to_path_buf(),
        source,
    })?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| bad(format!("not valid JSON: {error}")))?;
    let Some(map) = json.get("weight_map").and_then(serde_json::Value::as_object) else {
        return Err(bad("expected an object `weight_map` from tensor names to files".into()));
    };
    let mut names = BTreeSet::new();
    for (tensor, file) in map {
        let Some(file) = file.as_str() else {
            return Err(bad(format!("the file of {tensor} is not a string")));
        };
        let plain = Path::new(file).file_name().is_some_and(|name| name == file);
        if !plain {
            return Err(bad(format!("{tensor} lies in {file:?}, outside the folder")));
        }
        names.insert(file.to_owned());
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// Reads tensors of a verified [`Checkpoint`] as f32; matrices in fewer bits stay as they are.
#[derive(Debug)]
pub struct CheckpointSource {
    checkpoint: Checkpoint,
    device: Device,
    not_finite: Mutex<Vec<String>>,
}

impl CheckpointSource {
    /// Tensors of `checkpoint`, placed on `device`.
    pub fn new(checkpoint: Checkpoint, device: Device) -> Arc<Self> {
        Arc::new(Self { checkpoint, device, not_finite: Mutex::default() })
    }

    fn check_finite(&self, name: &str, values: &[f32]) {
        if !values.iter().all(|value| value.is_finite()) {
            self.is_not_finite(name);
        }
    }

    fn is_not_finite(&self, name: &str) {
        self.not_finite.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    }

    /// The numbers that a matrix in fewer bits stands for.
    fn numbers_of_quantized(&self, spec: &TensorSpec) -> candle_core::Result<Tensor> {
        let Some(matrix) = self.checkpoint.quantized(spec) else {
            candle_core::bail!("the checkpoint has no tensor {}", spec.name);
        };
        let values = matrix.dequantize().map_err(candle_core::Error::wrap)?;
        self.check_finite(&spec.name, &values);
        Tensor::from_vec(values, spec.shape.clone(), &self.device)
    }

    /// Fails if a tensor read so far held NaN or infinity, naming all of them.
    pub fn finish(&self) -> Result<(), CheckpointError> {
        let mut names = self.not_finite.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if names.is_empty() {
            return Ok(());
        }
        names.sort();
        names.dedup();
        let folder = self.checkpoint.folder.clone();
        let mismatch = Mismatch { folder, not_finite: names, ..Mismatch::default() };
        Err(CheckpointError::Mismatch(Box::new(mismatch)))
    }
}

impl WeightSource for CheckpointSource {
    fn tensor(&self, spec: &TensorSpec) -> candle_core::Result<Tensor> {
        let name = &spec.name;
        let file = self.checkpoint.file_of(name);
        let Some((file, (bytes, dtype))) = file.and_then(|file| Some((file, file.bytes(name)?)))
        else {
            return self.numbers_of_quantized(spec);
        };
        let Some(stored) = StoredType::of(dtype) else {
            candle_core::bail!("{name} is stored as {dtype:?}; expected F32, BF16 or F16");
        };
        let values = stored.decode(bytes);
        file.release(name);
        self.check_finite(name, &values);
        Tensor::from_vec(values, spec.shape.clone(), &self.device)?.to_dtype(DType::F32)
    }

    fn matrix(&self, spec: &TensorSpec) -> candle_core::Result<Matrix> {
        match self.checkpoint.quantized(spec) {
            // The kernels are those of the CPU.
            Some(matrix) if self.device.is_cpu() => {
                if !matrix.is_finite() {
                    self.is_not_finite(&spec.name);
                }
                Ok(Matrix::Quantized(Arc::new(matrix)))
            }
            _ => self.tensor(spec).map(Matrix::Plain),
        }
    }
}

#[cfg(test)]
mod tests;
