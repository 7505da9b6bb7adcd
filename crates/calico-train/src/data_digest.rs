//! Whether a data set is the one that a run began with.

use std::fs;
use std::path::Path;

use calico_data::Dataset;
use calico_model::digest::{glance, hex};
use sha2::{Digest as _, Sha256};

use crate::TrainError;

/// Where a data set says what it was made from.
const BUILD: &str = "build.json";

/// SHA-256 over the names of the tables of a data set, a glance at each, and its `build.json`.
pub(crate) fn data_digest(dataset: &Dataset) -> Result<String, TrainError> {
    let folder = dataset.folder();
    let read = |path: &Path| {
        let path = path.to_owned();
        move |source| TrainError::Read { path, source }
    };
    let mut hash = Sha256::new();
    for table in ["images", "regions", "samples"] {
        let table = folder.join(table);
        let mut paths = Vec::new();
        for entry in fs::read_dir(&table).map_err(read(&table))? {
            paths.push(entry.map_err(read(&table))?.path());
        }
        paths.sort();
        for path in paths {
            hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
            glance(&path, &mut hash).map_err(read(&path))?;
        }
    }
    let build = folder.join(BUILD);
    if build.exists() {
        hash.update(fs::read(&build).map_err(read(&build))?);
    }
    Ok(hex(&hash.finalize()))
}
