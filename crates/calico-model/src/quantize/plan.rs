//! Which matrix gets which form.

use calico_nn::quantized::MatrixFormat;
use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::{
    CheckpointError, FileTensor, FileType, MatrixPart, Mismatch, StoredForm, StoredTensor,
};

use super::{Fallback, QuantizeReport};
use crate::checkpoint::{ModelFolder, recorded};
use crate::error::ModelError;
use crate::module_of;
use crate::modules::LANGUAGE;

/// The modules that look at images.
const VISION: [&str; 4] = ["eva", "dino", "sam.encoder", "qformer"];

/// The formats that matrices are to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quantization {
    /// Of the language model; `None` leaves it as it is.
    pub llm: Option<MatrixFormat>,
    /// Of the towers that look at images and of the Q-Former.
    pub vision: Option<MatrixFormat>,
}

impl Quantization {
    /// The format that the matrix `name` is to have.
    pub(crate) fn of(self, name: &str) -> Option<MatrixFormat> {
        match module_of(name) {
            LANGUAGE => self.llm,
            module if VISION.contains(&module) => self.vision,
            _ => None,
        }
    }
}

/// A tensor of the new model.
#[derive(Debug)]
pub(super) enum Planned {
    /// Copied as it is.
    Kept(StoredTensor),
    /// Made of a matrix.
    Part { matrix: Matrix, part: MatrixPart },
}

/// A matrix that gets a new form.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub(super) tensor: StoredTensor,
    pub(super) shape: [usize; 2],
    pub(super) format: MatrixFormat,
}

impl FileTensor for Planned {
    fn name(&self) -> &str {
        match self {
            Self::Kept(tensor) => tensor.name(),
            Self::Part { part, .. } => part.name(),
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Kept(tensor) => tensor.shape(),
            Self::Part { part, .. } => part.shape(),
        }
    }

    fn kind(&self) -> FileType {
        match self {
            Self::Kept(tensor) => tensor.kind(),
            Self::Part { part, .. } => part.kind(),
        }
    }
}

/// Decides about every tensor of a model. All values are looked at: their magnitudes must fit the
/// formats.
///
/// `on_tensor` hears of each tensor before it is looked at.
///
/// # Errors
/// If values are not finite; all such tensors are named.
pub(super) fn plan(
    model: &ModelFolder,
    wanted: Quantization,
    on_tensor: impl Fn(&StoredTensor) -> Result<(), ModelError>,
) -> Result<(Vec<Planned>, QuantizeReport), ModelError> {
    let recorder = recorded(&model.config)?;
    let matrices = recorder.matrices();
    let (mut planned, mut report) = (Vec::new(), QuantizeReport::default());
    let mut not_finite = Vec::new();
    for spec in recorder.specs() {
        let found = model.checkpoint.stored(&spec.name).zip(model.checkpoint.bytes(&spec.name));
        let Some((tensor, bytes)) = found else { continue };
        on_tensor(&tensor)?;
        let peak = tensor.stored.peak(bytes);
        model.checkpoint.release(&spec.name);
        if !peak.is_finite() {
            not_finite.push(spec.name.clone());
        }
        let is_matrix = matrices.contains(&spec.name);
        let chosen = wanted.of(&spec.name).filter(|_| is_matrix).and_then(|format| {
            let (chosen, why) = fitting(&spec, format, peak);
            if let Some(reason) = why {
                let stored = chosen
                    .as_ref()
                    .map_or(StoredForm::Values(tensor.stored), |(matrix_format, _)| {
                        StoredForm::Quantized(*matrix_format)
                    });
                let name = spec.name.clone();
                report.fallbacks.push(Fallback { name, wanted: format, stored, reason });
            }
            chosen
        });
        let Some((format, parts)) = chosen else {
            report.count(StoredForm::Values(tensor.stored), spec.len(), bytes.len());
            planned.push(Planned::Kept(tensor));
            continue;
        };
        let shape = [spec.shape[0], spec.shape[1]];
        let bytes = parts.iter().map(FileTensor::byte_len).sum::<usize>();
        report.count(StoredForm::Quantized(format), spec.len(), bytes);
        let matrix = Matrix { tensor, shape, format };
        planned
            .extend(parts.into_iter().map(|part| Planned::Part { matrix: matrix.clone(), part }));
    }
    if !not_finite.is_empty() {
        let folder = model.path().to_path_buf();
        let mismatch = Mismatch { folder, not_finite, ..Mismatch::default() };
        return Err(CheckpointError::Mismatch(Box::new(mismatch)).into());
    }
    Ok((planned, report))
}

/// A format, and the tensors of a matrix that has it.
type Chosen = (MatrixFormat, Vec<MatrixPart>);

/// The wanted format if a matrix fits it, else 8 bits, else none; and why it is not the wanted one.
fn fitting(spec: &TensorSpec, wanted: MatrixFormat, peak: f32) -> (Option<Chosen>, Option<String>) {
    let &[outputs, inner] = spec.shape.as_slice() else {
        return (None, Some(format!("it has the shape {:?}", spec.shape)));
    };
    let mut why = None;
    for format in [wanted, MatrixFormat::Q8] {
        let found = match format.codes_len([outputs, inner]) {
            Ok(_) if peak > format.largest() => Err(format!(
                "a magnitude of {peak:e} exceeds the {:e} of {format}",
                format.largest()
            )),
            Ok(_) => Ok(MatrixPart::all(&spec.name, [outputs, inner], format)),
            Err(error) => Err(error.to_string()),
        };
        match found {
            Ok(Some(parts)) => return (Some((format, parts)), why),
            Ok(None) => {}
            Err(reason) => {
                why.get_or_insert(reason);
            }
        }
    }
    (None, why)
}
