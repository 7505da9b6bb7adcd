use std::path::PathBuf;

use calico_data::Dataset;

use crate::failure::Failure;

/// A data set whose pictures are where the user says; a source that it does not have is refused.
pub(crate) fn with_roots(
    mut dataset: Dataset,
    roots: &[(String, PathBuf)],
) -> Result<Dataset, Failure> {
    let known: Option<Vec<String>> =
        dataset.build().map(|build| build.sources.keys().cloned().collect());
    for (source, root) in roots {
        if let Some(known) = known.as_ref().filter(|known| !known.contains(source)) {
            return Err(Failure::bad_input(format!(
                "found the source {source:?} in --root, expected one of {}",
                known.join(", ")
            )));
        }
        dataset = dataset.with_root(source, root);
    }
    Ok(dataset)
}
