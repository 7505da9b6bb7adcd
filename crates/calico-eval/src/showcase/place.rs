use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use super::{DATA, DOCUMENT, Showcase};
use crate::EvalError;

/// Checks that a showcase may be written into a folder: it must be new, empty or hold an earlier
/// one. Data that an interrupted one has drawn already are no obstacle.
///
/// # Errors
///
/// [`EvalError::NoPlace`] if the folder holds something else, [`EvalError::Read`] if that cannot
/// be told.
pub fn check_place(folder: &Path) -> Result<(), EvalError> {
    let unreadable = |source| EvalError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Whoever makes the folder says what stands in its way.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut foreign: Option<String> = None;
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        // What an interrupted run was writing.
        if name.starts_with(".calico-") {
            continue;
        }
        // Among several the first one by name is told, whatever the order of the disk.
        if name != DATA && foreign.as_ref().is_none_or(|known| name < *known) {
            foreign = Some(name);
        }
    }
    match foreign {
        Some(found) if !is_showcase(folder) => {
            Err(EvalError::NoPlace { folder: folder.to_owned(), found })
        }
        _ => Ok(()),
    }
}

/// What tells a document of ours from any other.
#[derive(Deserialize)]
struct Mark {
    schema: String,
}

fn is_showcase(folder: &Path) -> bool {
    let Ok(text) = fs::read_to_string(folder.join(DOCUMENT)) else { return false };
    serde_json::from_str(&text).is_ok_and(|mark: Mark| mark.schema == Showcase::SCHEMA_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_galleries_and_empty_ones_are_taken() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("gallery");
        check_place(&folder).unwrap();
        fs::create_dir_all(folder.join(DATA)).unwrap();
        check_place(&folder).unwrap();
        fs::write(folder.join("thesis.txt"), "x").unwrap();
        fs::write(folder.join("index.html"), "x").unwrap();
        let error = check_place(&folder).unwrap_err().to_string();
        assert!(error.contains("\"index.html\"") && error.contains("new or empty"), "{error}");
        fs::write(folder.join(DOCUMENT), "{\"schema\": \"calico.evaluation/1\"}").unwrap();
        assert!(check_place(&folder).is_err());
        fs::write(folder.join(DOCUMENT), "{\"schema\": \"calico.gallery/1\", \"x\": 1}").unwrap();
        check_place(&folder).unwrap();
    }
}
