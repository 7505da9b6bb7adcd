//! What the translation of a file takes for granted, proved on its values.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{ImportError, ImportProblem, Source, values};
use crate::{Check, Recipe};

/// Adds what does not hold of the tensors that a file is asked for.
pub(super) fn check(source: &Source, problems: &mut Vec<ImportProblem>) -> Result<(), ImportError> {
    let parts = |recipe: &Recipe| -> Vec<String> {
        recipe.parts.iter().map(|part| part.tensor.clone()).collect()
    };
    let used: BTreeSet<String> = source.recipes().flat_map(|(_, recipe)| parts(recipe)).collect();
    let all: BTreeSet<String> = source.translation().recipes.values().flat_map(parts).collect();
    for check in &source.translation().checks {
        let tensor = match check {
            Check::Equal { used, .. } => used,
            Check::Zero { tensor, .. } => tensor,
        };
        // Of modules that nobody asked for nothing has to hold.
        if all.contains(tensor) && !used.contains(tensor) {
            continue;
        }
        problems.extend(match check {
            Check::Equal { used, repeated } => unequal(source, used, repeated)?,
            Check::Zero { tensor, rows } => not_zero(source, tensor, rows)?,
        });
    }
    Ok(())
}

/// Whether two tensors differ.
fn unequal(
    source: &Source,
    used: &str,
    repeated: &str,
) -> Result<Option<ImportProblem>, ImportError> {
    let element = |name: &str| source.tensor(name).map(|tensor| tensor.element);
    let bytes = |name: &str| source.files().read(name);
    let same = if element(used) == element(repeated) {
        bytes(used)? == bytes(repeated)?
    } else {
        let values = |name: &str| -> Result<Vec<f32>, ImportError> {
            element(name).map_or(Ok(Vec::new()), |element| values::decoded(element, &bytes(name)?))
        };
        values(used)? == values(repeated)?
    };
    Ok((!same).then(|| ImportProblem::Unequal {
        file: source.file_of(repeated),
        used: used.to_owned(),
        repeated: repeated.to_owned(),
    }))
}

/// Whether rows hold something else than zeros.
fn not_zero(
    source: &Source,
    name: &str,
    rows: &Range<usize>,
) -> Result<Option<ImportProblem>, ImportError> {
    let Some(stored) = source.tensor(name) else { return Ok(None) };
    let values = values::decoded(stored.element, &source.files().read(name)?)?;
    let width = stored.shape.iter().skip(1).product::<usize>().max(1);
    let cut = values.get(rows.start * width..rows.end * width).unwrap_or_default();
    let (file, tensor) = (source.file_of(name), name.to_owned());
    if cut.iter().any(|value| !value.is_finite()) {
        return Ok(Some(ImportProblem::NotFinite { file, tensor }));
    }
    let largest = cut.iter().fold(0f64, |largest, value| largest.max(f64::from(value.abs())));
    let (first, last) = (rows.start, rows.end.saturating_sub(1));
    let is_zero = largest <= Check::ZERO;
    Ok((!is_zero).then_some(ImportProblem::NotZero { file, tensor, first, last, largest }))
}
