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

/// The low-rank update of the weight `name`, if it has one that changes anything.
pub fn update(model: &ModelFolder, name: &str) -> Result<Option<Update>, AdapterError> {
    let adapted = Adapted { model, adapters: None };
    let (Some(lora), Some(prefix)) = (adapted.lora(), PeftName::update_of(name)) else {
        return Ok(None);
    };
    let update = Update::read(adapted, &prefix, lora)?;
    Ok(Some(update).filter(|update| !update.is_zero()))
}

/// What a weight is updated by: `(alpha / rank) B A`.
#[derive(Debug)]
pub struct Update {
    /// `[rank, in]`
    a: Vec<f32>,
    /// `[out, rank]`
    b: Vec<f32>,
    rank: usize,
    scale: f32,
}

impl Update {
    fn read(adapted: Adapted<'_>, prefix: &str, lora: &LoraConfig) -> Result<Self, AdapterError> {
        let half = |half: &str| -> Result<Vec<f32>, AdapterError> {
            let (tensor, bytes) = adapted.tensor(&format!("{prefix}.{half}"))?;
            if !tensor.stored.is_finite(bytes) {
                return Err(adapted.problem(AdapterProblem::NotFinite(tensor.name)));
            }
            Ok(tensor.stored.decode(bytes))
        };
        let (a, b) = (half("a")?, half("b")?);
        let scale = (lora.alpha / lora.rank as f64) as f32;
        Ok(Self { a, b, rank: lora.rank.max(1), scale })
    }

    fn is_zero(&self) -> bool {
        [&self.a, &self.b].iter().any(|half| half.iter().all(|value| *value == 0.0))
    }

    /// Adds the update to all values of the weight, `[out, in]`.
    pub fn add_to(&self, values: &mut [f32]) {
        let inner = (self.a.len() / self.rank).max(1);
        let rows = values.chunks_mut(inner).zip(self.b.chunks(self.rank));
        let mut sums = vec![0.0; inner];
        rows.for_each(|(row, factors)| self.add_to_row(row, factors, &mut sums));
    }

    /// Adds it to one row with these factors; `sums` is room for a row.
    fn add_to_row(&self, row: &mut [f32], factors: &[f32], sums: &mut [f32]) {
        sums.fill(0.0);
        for (factor, a_row) in factors.iter().zip(self.a.chunks(sums.len())) {
            sums.iter_mut().zip(a_row).for_each(|(sum, a)| *sum += factor * a);
        }
        row.iter_mut().zip(sums).for_each(|(value, sum)| *value += self.scale * *sum);
    }
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
    let update = Update::read(adapted, update, lora)?;
    let (weight, bytes) = adapted.tensor(name)?;
    let inner = weight.shape.last().copied().unwrap_or(1).max(1);
    let mut out = Vec::with_capacity(bytes.len());
    let mut sums = vec![0.0; inner];
    // One row in f32 at a time.
    let rows = bytes.chunks(inner * weight.stored.bytes()).zip(update.b.chunks(update.rank));
    for (row, factors) in rows {
        let mut values = weight.stored.decode(row);
        update.add_to_row(&mut values, factors, &mut sums);
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
