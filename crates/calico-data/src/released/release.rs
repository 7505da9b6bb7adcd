//! The files of a release.

use std::fs;
use std::path::{Path, PathBuf};

use super::findings::{Findings, Matter, Refusal};
use super::released_map::{DocumentMap, Shape};
use super::{ReleasedError, ReleasedInput};
use crate::DataError;

/// A document that is there.
pub(super) struct Document<'a> {
    /// Its path below the folder.
    pub(super) name: &'a str,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) map: &'a DocumentMap,
    pub(super) shape: &'a Shape,
}

impl Document<'_> {
    /// How often it is read.
    pub(super) fn passes(&self) -> u64 {
        let Shape { categories, images, annotations, samples, .. } = self.shape;
        let has_records = categories.is_some() || images.is_some();
        1 + u64::from(has_records)
            + u64::from(annotations.is_some())
            + u64::from(!samples.is_empty())
    }
}

/// The documents of the map that are there; the others are listed.
pub(super) fn documents<'a>(
    input: &'a ReleasedInput,
    findings: &mut Findings,
) -> Result<Vec<Document<'a>>, DataError> {
    let mut documents = Vec::new();
    for map in &input.map.documents {
        let there = map.paths.iter().find(|path| input.root.join(path).is_file());
        let Some((name, shape)) = there.zip(input.map.shapes.get(&map.shape)) else {
            let expected = map.paths.join(" or ");
            findings.add(&expected, Matter::Absent, &Refusal::new("the document", ""));
            continue;
        };
        let path = input.root.join(name);
        let bytes = fs::metadata(&path).map_err(|error| DataError::read(&path, error))?.len();
        documents.push(Document { name, path, bytes, map, shape });
    }
    if documents.is_empty() {
        let expected = input.map.documents.iter().map(|map| map.paths.join(" or "));
        let expected = expected.collect::<Vec<_>>().join(", ");
        return Err(ReleasedError::NoDocument { root: input.root.clone(), expected }.into());
    }
    Ok(documents)
}

/// Lists the files that no document is, by folder and ending.
pub(super) fn list_other_files(
    root: &Path,
    documents: &[Document<'_>],
    findings: &mut Findings,
) -> Result<(), DataError> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error| DataError::read(&folder, error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            // A link is a file here, so that no circle of folders is followed.
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(path);
            } else if documents.iter().all(|document| document.path != path) {
                let ending = path.extension().unwrap_or_default().to_string_lossy();
                let below = folder.strip_prefix(root).unwrap_or(&folder);
                let place = below.join(format!("*.{ending}")).to_string_lossy().replace('\\', "/");
                let example = path.file_name().unwrap_or_default().to_string_lossy();
                let refusal = Refusal::new("files that the map does not name", example);
                findings.add(&place, Matter::File, &refusal);
            }
        }
    }
    Ok(())
}
