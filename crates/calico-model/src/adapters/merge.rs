//! Making low-rank updates a part of the weights.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;

use calico_language::LoraConfig;
use calico_nn::weights::checkpoint::StoredTensor;

use super::apply::Adapted;
use super::peft_name::PeftName;
use super::{AdapterError, AdapterProblem, Adapters, Written};
use crate::checkpoint::ModelFolder;
use crate::config::CalicoConfig;

/// Writes the model with `W + (alpha / rank) B A` in place of each updated weight `W` into the
/// new folder `out`, which has no LoRA any more. The sum is made in f32 and stored in the type
/// of `W`.
///
/// With `adapters`, these are put in first, as [`apply`](super::apply()) does. `on_tensor` sees
/// each tensor before it is written, and may stop the work.
pub fn merge(
    model: &ModelFolder,
    adapters: Option<&Adapters>,
    out: &Path,
    on_tensor: impl Fn(Written<'_>) -> ControlFlow<()>,
) -> Result<(), AdapterError> {
    let adapted = Adapted { model, adapters };
    let Some(lora) = adapted.lora() else {
        return Err(AdapterError::NothingToMerge(model.path().to_path_buf()));
    };
    let config = CalicoConfig { lora: None, ..model.config.clone() };
    adapted.write(&config, out, on_tensor, |name| match PeftName::update_of(name) {
        Some(update) => Ok(Cow::Owned(merged(adapted, name, &update, lora)?)),
        None => Ok(Cow::Borrowed(adapted.tensor(name)?.1)),
    })
}

/// A tensor of a model as it is stored, or as [`merge`] would store it if it has an update.
pub fn updated<'a>(
    model: &'a ModelFolder,
    name: &str,
) -> Result<(StoredTensor, Cow<'a, [u8]>), AdapterError> {
    let adapted = Adapted { model, adapters: None };
    let (tensor, bytes) = adapted.tensor(name)?;
    Ok(match (adapted.lora(), PeftName::update_of(name)) {
        (Some(lora), Some(update)) => (tensor, merged(adapted, name, &update, lora)?.into()),
        _ => (tensor, bytes.into()),
    })
}

/// The bytes of the merged weight `name`.
///
/// # Shapes
/// - weight: `[out, in]`
/// - `{update}.a`: `[rank, in]`, `{update}.b`: `[out, rank]`
fn merged(
    adapted: Adapted<'_>,
    name: &str,
    update: &str,
    lora: &LoraConfig,
) -> Result<Vec<u8>, AdapterError> {
    let half = |half: &str| -> Result<Vec<f32>, AdapterError> {
        let (tensor, bytes) = adapted.tensor(&format!("{update}.{half}"))?;
        if !tensor.stored.is_finite(bytes) {
            return Err(adapted.problem(AdapterProblem::NotFinite(tensor.name)));
        }
        Ok(tensor.stored.decode(bytes))
    };
    let (a, b) = (half("a")?, half("b")?);
    let (weight, bytes) = adapted.tensor(name)?;
    let inner = weight.shape.last().copied().unwrap_or(1).max(1);
    let scale = (lora.alpha / lora.rank as f64) as f32;
    let mut out = Vec::with_capacity(bytes.len());
    let rows = bytes.chunks(inner * weight.stored.bytes()).zip(b.chunks(lora.rank.max(1)));
    let mut update_row = vec![0f32; inner];
    for (row, factors) in rows {
        update_row.fill(0.0);
        for (factor, a_row) in factors.iter().zip(a.chunks(inner)) {
            update_row.iter_mut().zip(a_row).for_each(|(sum, a)| *sum += factor * a);
        }
        let mut values = weight.stored.decode(row);
        values.iter_mut().zip(&update_row).for_each(|(value, update)| *value += scale * update);
        out.extend(weight.stored.encode(&values));
    }
    if !weight.stored.is_finite(bytes) {
        return Err(adapted.problem(AdapterProblem::NotFinite(name.to_owned())));
    }
    if !weight.stored.is_finite(&out) {
        return Err(adapted
            .problem(AdapterProblem::OutOfRange { name: name.to_owned(), stored: weight.stored }));
    }
    Ok(out)
}
