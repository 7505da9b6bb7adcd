//! Tensors as they lie in a file.

use std::path::{Path, PathBuf};

use super::{Checkpoint, CheckpointError, FileType, StoredType};
use crate::weights::TensorSpec;

/// What the header of a file says about a tensor.
pub trait FileTensor {
    /// Name.
    fn name(&self) -> &str;
    /// Shape.
    fn shape(&self) -> &[usize];
    /// What its elements are.
    fn kind(&self) -> FileType;

    /// Bytes of all elements.
    fn byte_len(&self) -> usize {
        self.shape().iter().product::<usize>() * self.kind().bytes()
    }
}

/// What the header of a file says about a tensor of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// Name.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Type of the values.
    pub stored: StoredType,
}

impl StoredTensor {
    /// A tensor of weights in the type `stored`.
    pub fn of(spec: &TensorSpec, stored: StoredType) -> Self {
        Self { name: spec.name.clone(), shape: spec.shape.clone(), stored }
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> usize {
        self.byte_len()
    }
}

impl FileTensor for StoredTensor {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn kind(&self) -> FileType {
        FileType::Values(self.stored)
    }
}

impl Checkpoint {
    /// Maps one safetensors file of any name.
    pub fn open_file(path: &Path) -> Result<Self, CheckpointError> {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Self::of_paths(&folder, vec![path.to_path_buf()])
    }

    /// Name, shape and type of a tensor; `None` if it is not there or is stored in a type that
    /// weights never have.
    pub fn stored(&self, name: &str) -> Option<StoredTensor> {
        let info = self.file_of(name)?.metadata.info(name)?;
        let stored = StoredType::of(info.dtype)?;
        Some(StoredTensor { name: name.to_owned(), shape: info.shape.clone(), stored })
    }

    /// The name that the file gives to the type of a tensor, whatever it is.
    pub fn type_name(&self, name: &str) -> Option<String> {
        let info = self.file_of(name)?.metadata.info(name)?;
        Some(format!("{:?}", info.dtype))
    }

    /// The stored bytes of a tensor, row-major, in place.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        Some(self.file_of(name)?.bytes(name)?.0)
    }
}
