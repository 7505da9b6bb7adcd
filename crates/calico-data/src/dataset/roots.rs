use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::DataError;

/// The file `roots.toml`: where the pictures of each source are on this machine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Roots {
    #[serde(default)]
    roots: BTreeMap<String, PathBuf>,
}

/// Reads the text of a `roots.toml`; relative paths are below the folder of the data set.
pub(super) fn read_roots(
    path: &Path,
    text: &str,
    folder: &Path,
) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let read: Result<Roots, _> = toml::from_str(text);
    let wrong = |error: toml::de::Error| DataError::Document {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let roots = read.map_err(wrong)?.roots.into_iter();
    Ok(roots.map(|(source, root)| (source, folder.join(root))).collect())
}
