use std::borrow::Cow;

use calico_formats::gguf::Plan;
use calico_formats::{BlockFormat, Element};
use calico_kernels::KernelError;
use calico_language::LlamaConfig;
use calico_model::adapters::{update, updated};
use calico_model::{ModelError, ModelFolder};
use calico_nn::process::kernels;
use calico_nn::quantized::{MatrixFormat, QuantizedMatrix};
use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::{StoredForm, StoredType};

use super::{ExportError, check_finite};

/// A tensor of the language model on its way into a GGUF file.
pub(super) struct GgufTensor {
    pub(super) plan: Plan,
    spec: TensorSpec,
}

impl GgufTensor {
    /// The tensor of a model that is to have the name `theirs`; `None` if the model lacks it.
    pub(super) fn of(model: &ModelFolder, spec: &TensorSpec, theirs: String) -> Option<Self> {
        let element = match (spec.shape.len(), model.checkpoint.form(spec)?) {
            (1, _) | (_, StoredForm::Values(StoredType::F32)) => Element::F32,
            (_, StoredForm::Values(StoredType::Bf16)) => Element::Bf16,
            (_, StoredForm::Values(StoredType::F16)) => Element::F16,
            (_, StoredForm::Quantized(format)) => match format {
                MatrixFormat::Q4K => Element::Block(BlockFormat::Q4K),
                MatrixFormat::Q5K => Element::Block(BlockFormat::Q5K),
                MatrixFormat::Q6K => Element::Block(BlockFormat::Q6K),
                MatrixFormat::Q8Blocks => Element::Block(BlockFormat::Q8_0),
                // GGUF has no scales per output.
                MatrixFormat::Q8 => Element::F32,
            },
        };
        let plan = Plan { name: theirs, element, shape: spec.shape.clone() };
        Some(Self { plan, spec: spec.clone() })
    }

    /// The name in the model.
    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }

    /// Bytes in the file.
    pub(super) fn bytes(&self) -> u64 {
        self.plan.element.bytes_of(self.spec.len() as u64).unwrap_or_default()
    }

    /// The bytes as GGUF has them.
    pub(super) fn read<'a>(&self, model: &'a ModelFolder) -> Result<Cow<'a, [u8]>, ExportError> {
        let bytes = if let Some(matrix) = model.checkpoint.quantized(&self.spec) {
            self.of_matrix(model, &matrix)?.into()
        } else {
            let (stored, bytes) = updated(model, self.name())?;
            check_finite(model, &stored, &bytes)?;
            if self.plan.element == Element::F32 && stored.stored != StoredType::F32 {
                StoredType::F32.encode(&stored.stored.decode(&bytes)).into()
            } else {
                bytes
            }
        };
        Ok(in_order(&model.config.llm, &self.plan, bytes))
    }

    /// The bits of a matrix in fewer bits, rounded again only where it has an update.
    fn of_matrix(
        &self,
        model: &ModelFolder,
        matrix: &QuantizedMatrix,
    ) -> Result<Vec<u8>, ExportError> {
        if !matrix.is_finite() {
            let (path, name) = (model.path().to_path_buf(), self.spec.name.clone());
            return Err(ExportError::NotFinite { path, name });
        }
        let update = update(model, self.name())?;
        if let (None, Some(bits)) = (&update, matrix.gguf()) {
            return Ok(bits);
        }
        let failed = |error: KernelError| ModelError::Build(candle_core::Error::wrap(error));
        let mut values = matrix.dequantize().map_err(failed)?;
        if let Some(update) = update {
            update.add_to(&mut values);
            let largest = matrix.format().largest();
            // Nothing that is not a number is that small.
            if !values.iter().all(|value| value.abs() <= largest) {
                let (path, name) = (model.path().to_path_buf(), self.spec.name.clone());
                return Err(ExportError::OutOfRange { path, name, format: matrix.format() });
            }
        }
        if matrix.format().blocks().is_none() {
            return Ok(StoredType::F32.encode(&values));
        }
        let again = QuantizedMatrix::quantize(kernels(), matrix.format(), matrix.shape(), values);
        Ok(again.map_err(failed)?.gguf().unwrap_or_default())
    }
}

/// The rows of queries and keys in the order of GGUF, those of others as they are.
fn in_order<'a>(llm: &LlamaConfig, plan: &Plan, bytes: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    let heads = match plan.name.rsplit('.').nth(1) {
        Some("attn_q") => llm.num_heads,
        Some("attn_k") => llm.num_kv_heads,
        _ => return bytes,
    };
    let row_bytes = bytes.len() / plan.shape.first().copied().unwrap_or(1).max(1);
    neighbours_of_heads(&bytes, row_bytes, heads).into()
}

/// Puts rows of the two halves of a head next to each other: of a head of `D` rows, rows `j` and
/// `j + D/2` become rows `2j` and `2j + 1`.
fn neighbours_of_heads(bytes: &[u8], row_bytes: usize, heads: usize) -> Vec<u8> {
    let mut sorted = Vec::with_capacity(bytes.len());
    let head_bytes = (bytes.len() / heads.max(1)).max(1);
    for head in bytes.chunks(head_bytes) {
        let (first, second) = head.split_at(head.len() / 2);
        for (first, second) in first.chunks(row_bytes.max(1)).zip(second.chunks(row_bytes.max(1))) {
            sorted.extend_from_slice(first);
            sorted.extend_from_slice(second);
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_head_become_neighbours() {
        let rows: Vec<u8> = (0..8).flat_map(|row| [row, row]).collect();
        let sorted = neighbours_of_heads(&rows, 2, 2);
        let order: Vec<u8> = sorted.chunks(2).map(|row| row[0]).collect();
        assert_eq!(order, [0, 2, 1, 3, 4, 6, 5, 7]);
    }
}
