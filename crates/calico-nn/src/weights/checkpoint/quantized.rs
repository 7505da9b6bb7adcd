//! Matrices that a checkpoint holds in fewer bits.
//!
//! Of a matrix `NAME` there is a tensor `NAME.q4_k` (or another [`MatrixFormat::suffix`]) of bytes
//! in the layout of the kernels, one row per sixteen outputs, and beside `NAME.q8` the f32 tensors
//! `NAME.q8_scales` and `NAME.q8_columns`, see [`MatrixScales`].

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use safetensors::tensor::Dtype;

use super::{Checkpoint, FileTensor, FileType, Mismatch, StoredType, WeightFile};
use crate::quantized::{MatrixFormat, MatrixScales, QuantizedMatrix, SharedBytes};
use crate::weights::TensorSpec;

/// The type of scales.
const SCALES: FileType = FileType::Values(StoredType::F32);

/// Outputs of a row of codes.
const PANEL: usize = 16;

/// The form in which a checkpoint holds a tensor of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoredForm {
    /// Its values.
    Values(StoredType),
    /// A matrix in fewer bits.
    Quantized(MatrixFormat),
}

impl std::fmt::Display for StoredForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Values(stored) => stored.fmt(f),
            Self::Quantized(format) => format.fmt(f),
        }
    }
}

/// A tensor that makes up a quantised matrix, alone or beside another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixPart {
    name: String,
    shape: Vec<usize>,
    kind: FileType,
    role: Role,
}

/// What a part is to its matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Codes,
    /// [`MatrixScales::outputs`].
    OfOutputs,
    /// [`MatrixScales::columns`].
    OfColumns,
}

impl FileTensor for MatrixPart {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn kind(&self) -> FileType {
        self.kind
    }
}

impl MatrixPart {
    /// The tensors of the matrix `name` in a format: the codes, and the scales if it has any.
    /// `None` if the matrix does not fit the format.
    pub fn all(name: &str, shape: [usize; 2], format: MatrixFormat) -> Option<Vec<Self>> {
        let panels = shape[0].div_ceil(PANEL);
        let bytes = format.codes_len(shape).ok()?;
        let suffix = format.suffix();
        let mut parts = vec![Self {
            name: format!("{name}.{suffix}"),
            shape: vec![panels, bytes / panels.max(1)],
            kind: FileType::Bytes,
            role: Role::Codes,
        }];
        let [outputs, columns] = MatrixScales::lens(format, shape);
        for (of, len, role) in
            [("scales", outputs, Role::OfOutputs), ("columns", columns, Role::OfColumns)]
        {
            if len > 0 {
                let (name, kind) = (format!("{name}.{suffix}_{of}"), SCALES);
                parts.push(Self { name, shape: vec![len], kind, role });
            }
        }
        Some(parts)
    }

    /// What a file holds for this part.
    pub fn bytes_of<'a>(&self, matrix: &'a QuantizedMatrix) -> std::borrow::Cow<'a, [u8]> {
        let scales = matrix.scales();
        match self.role {
            Role::Codes => matrix.codes().into(),
            Role::OfOutputs => StoredType::F32.encode(&scales.outputs).into(),
            Role::OfColumns => StoredType::F32.encode(&scales.columns).into(),
        }
    }
}

/// The two sides of a matrix; other tensors have none.
fn sides(spec: &TensorSpec) -> Option<[usize; 2]> {
    spec.shape.as_slice().try_into().ok()
}

impl Checkpoint {
    /// The form in which a tensor is there, if it is.
    pub fn form(&self, spec: &TensorSpec) -> Option<StoredForm> {
        match self.stored(&spec.name) {
            Some(tensor) => Some(StoredForm::Values(tensor.stored)),
            None => self.parts(spec).map(|(format, _)| StoredForm::Quantized(format)),
        }
    }

    /// The first tensor of codes, by name: there is none where no matrix is here in fewer bits.
    pub fn first_quantized(&self) -> Option<&str> {
        self.names().find(|name| self.dtype(name) == Some(Dtype::U8))
    }

    /// The format of a matrix that is here in fewer bits, and the tensors that it should consist
    /// of.
    fn parts(&self, spec: &TensorSpec) -> Option<(MatrixFormat, Vec<MatrixPart>)> {
        let shape = sides(spec)?;
        MatrixFormat::ALL.into_iter().find_map(|format| {
            let parts = MatrixPart::all(&spec.name, shape, format)?;
            let is_here = parts.iter().any(|part| self.locations.contains_key(&part.name));
            is_here.then_some((format, parts))
        })
    }

    /// Compares the parts of a matrix in fewer bits with what they should be, and adds them to
    /// the names that are wanted. False if there are none.
    pub(super) fn verify_parts(
        &self,
        spec: &TensorSpec,
        wanted: &mut BTreeSet<String>,
        mismatch: &mut Mismatch,
    ) -> bool {
        let Some((_, parts)) = self.parts(spec) else { return false };
        for part in parts {
            match self.file_of(&part.name).and_then(|file| file.metadata.info(&part.name)) {
                None => mismatch.missing.push(part.name.clone()),
                Some(info) if info.dtype != part.kind.dtype() => {
                    let types = (part.name.clone(), part.kind.name(), format!("{:?}", info.dtype));
                    mismatch.mistyped.push(types);
                }
                Some(info) if info.shape != part.shape => {
                    let shapes = (part.name.clone(), part.shape.clone(), info.shape.clone());
                    mismatch.misshaped.push(shapes);
                }
                Some(_) => {}
            }
            wanted.insert(part.name);
        }
        true
    }

    /// A matrix in fewer bits, whose codes stay where they are; `None` if it is not here in this
    /// form.
    pub fn quantized(&self, spec: &TensorSpec) -> Option<QuantizedMatrix> {
        let (format, parts) = self.parts(spec)?;
        let mut codes = None;
        let mut scales = MatrixScales::default();
        for part in parts {
            let floats = || self.bytes(&part.name).map(|bytes| StoredType::F32.decode(bytes));
            match part.role {
                Role::Codes => codes = self.shared(&part.name),
                Role::OfOutputs => scales.outputs = floats()?,
                Role::OfColumns => scales.columns = floats()?,
            }
        }
        QuantizedMatrix::new(format, sides(spec)?, codes?, scales).ok()
    }

    fn shared(&self, name: &str) -> Option<SharedBytes> {
        let file = self.file_of(name)?;
        SharedBytes::part(Arc::clone(&file.content) as _, file.range(name)?)
    }

    fn dtype(&self, name: &str) -> Option<Dtype> {
        Some(self.file_of(name)?.metadata.info(name)?.dtype)
    }
}

impl WeightFile {
    /// Where the bytes of a tensor lie in the file.
    pub(super) fn range(&self, name: &str) -> Option<Range<usize>> {
        let (start, end) = self.metadata.info(name)?.data_offsets;
        Some(self.data_start + start..self.data_start + end)
    }
}

#[cfg(test)]
mod tests;
