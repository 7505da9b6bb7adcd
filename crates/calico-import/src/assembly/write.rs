//! Writing the model folder, tensor by tensor.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use calico_model::NewFolder;
use calico_model::checkpoint::{SHARD_BYTES, TOKENIZER_FILE, write_config};
use calico_model::provenance::{Digests, PROVENANCE_FILE};
use calico_nn::weights::Random;
use calico_nn::weights::checkpoint::{StoredTensor, StoredType, write_stored};

use super::plan::{Entry, Origin, base_rows};
use super::{Assembly, ImportError, ImportProblem, Source, proofs, values};
use crate::Recipe;

impl Assembly {
    /// Writes the model into the new folder `out`, which appears when it is complete.
    ///
    /// One tensor is in memory at a time. `on_tensor` hears of each before it is written, and may
    /// stop the import; nothing is left then.
    ///
    /// # Errors
    /// If values are not what they should be (all such problems), files cannot be read or
    /// written, or the import was stopped.
    pub fn write(
        &self,
        out: &Path,
        tokenizer_json: &str,
        on_tensor: impl Fn(&StoredTensor) -> ControlFlow<()>,
    ) -> Result<(), ImportError> {
        let new = NewFolder::begin(out)?;
        let entries: BTreeMap<&str, &Entry> =
            self.entries.iter().map(|entry| (entry.spec.name.as_str(), entry)).collect();
        let mut problems = Vec::new();
        for source in &self.sources {
            proofs::check(source, &mut problems)?;
        }
        let problems = RefCell::new(problems);
        let digests = RefCell::new(Digests::default());
        write_stored(&new.path(), &self.tensors(), SHARD_BYTES, |tensor| {
            if on_tensor(tensor).is_break() {
                return Err(ImportError::Stopped);
            }
            let Some(entry) = entries.get(tensor.name.as_str()) else {
                return Ok(Cow::Owned(Vec::new()));
            };
            let bytes = self.bytes(entry, &mut problems.borrow_mut())?;
            digests.borrow_mut().add(tensor, &bytes);
            Ok(Cow::Owned(bytes))
        })?;
        let problems = problems.into_inner();
        if !problems.is_empty() {
            return Err(ImportError::unusable(problems));
        }
        new.write(TOKENIZER_FILE, tokenizer_json.as_bytes())?;
        write_config(&new, &self.config)?;
        let provenance = self.provenance().with_digests(digests.into_inner());
        new.write(PROVENANCE_FILE, provenance.to_json().as_bytes())?;
        Ok(new.finish()?)
    }

    /// The tensors that will be written, in order.
    pub fn tensors(&self) -> Vec<StoredTensor> {
        let tensor = |entry: &Entry| StoredTensor {
            name: entry.spec.name.clone(),
            shape: entry.spec.shape.clone(),
            stored: entry.stored,
        };
        self.entries.iter().map(tensor).collect()
    }

    /// The bytes of a tensor; what is wrong with its values is added to `problems`.
    fn bytes(
        &self,
        entry: &Entry,
        problems: &mut Vec<ImportProblem>,
    ) -> Result<Vec<u8>, ImportError> {
        let Entry { spec, stored, origin } = entry;
        let Origin::Source { at, recipe, grows, also } = origin else {
            return Ok(stored.encode(&self.random().values(spec)));
        };
        let Some(source) = self.sources.get(*at) else { return Ok(Vec::new()) };
        let heads = self.heads(&spec.name);
        let mut bytes = values::bytes(source, recipe, *stored, heads)?;
        check_finite(source, recipe, (*stored, &bytes), problems)?;
        for other in also.iter().filter_map(|at| self.sources.get(*at)) {
            let same = match other.recipe(&spec.name) {
                Some(recipe) => values::bytes(other, recipe, *stored, heads)? == bytes,
                None => true,
            };
            if !same {
                let (ours, first, second) = (spec.name.clone(), source.name(), other.name());
                problems.push(ImportProblem::Disagree { ours, first, second });
            }
        }
        if *grows {
            let rows = spec.shape.first().copied().unwrap_or(0);
            grow(&mut bytes, *stored, base_rows(rows), rows, spec.len() / rows.max(1));
        }
        Ok(bytes)
    }

    /// Heads of a matrix of queries or keys of the language model.
    fn heads(&self, ours: &str) -> usize {
        let llm = &self.config.llm;
        if ours.ends_with(".k_proj.weight") { llm.num_kv_heads } else { llm.num_heads }
    }

    fn random(&self) -> Random {
        Random::new(self.seed, candle_core::Device::Cpu)
    }
}

/// Gives a table of tokens the rows that it lacks: the mean of those of its base vocabulary, as
/// the model that the tokens come from began with.
fn grow(bytes: &mut Vec<u8>, stored: StoredType, base: usize, rows: usize, width: usize) {
    let row_bytes = width * stored.bytes();
    bytes.truncate(base * row_bytes);
    let mut sum = vec![0f64; width];
    for row in bytes.chunks(row_bytes.max(1)) {
        let values = stored.decode(row);
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
    }
    let mean: Vec<f32> = sum.iter().map(|sum| (sum / base.max(1) as f64) as f32).collect();
    let mean = stored.encode(&mean);
    (base..rows).for_each(|_| bytes.extend_from_slice(&mean));
}

/// Adds the parts of a tensor that hold NaN or infinity, or do not fit the type.
fn check_finite(
    source: &Source,
    recipe: &Recipe,
    (stored, bytes): (StoredType, &[u8]),
    problems: &mut Vec<ImportProblem>,
) -> Result<(), ImportError> {
    if stored.is_finite(bytes) {
        return Ok(());
    }
    let before = problems.len();
    let names = recipe.parts.iter().map(|part| &part.tensor);
    for tensor in names.clone() {
        let Some(element) = source.tensor(tensor).map(|tensor| tensor.element) else { continue };
        if !values::are_finite(element, &source.files().read(tensor)?)? {
            let (file, tensor) = (source.file_of(tensor), tensor.clone());
            problems.push(ImportProblem::NotFinite { file, tensor });
        }
    }
    if problems.len() == before {
        let file = names.clone().next().map_or_else(String::new, |tensor| source.file_of(tensor));
        let tensor = names.cloned().collect::<Vec<_>>().join(", ");
        problems.push(ImportProblem::OutOfRange { stored, file, tensor });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_by_the_mean_of_its_base_and_drops_what_lies_behind() {
        let stored = StoredType::F32;
        let mut bytes = stored.encode(&[1.0, 2.0, 3.0, 6.0, 100.0, 100.0]);
        grow(&mut bytes, stored, 2, 4, 2);
        assert_eq!(stored.decode(&bytes), [1.0, 2.0, 3.0, 6.0, 2.0, 4.0, 2.0, 4.0]);
    }
}
