//! Folders that appear, change and disappear as a whole, whenever the process ends.
//!
//! ```text
//! .unfinished-NAME ── complete and durable ──► NAME ── a new one is there ──► .replaced-NAME ─► gone
//! ```
//!
//! [`recover`] brings the last whole state back after the process was killed anywhere in this.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::TrainError;

const UNFINISHED: &str = ".unfinished-";
const REPLACED: &str = ".replaced-";
/// Beginning of the names of files that are being written.
const TEMPORARY: &str = ".calico-";

/// Where a folder is made before it is put into its place.
pub(crate) fn unfinished(target: &Path) -> PathBuf {
    renamed(target, UNFINISHED)
}

/// Puts the folder that was made into its place; an older one is removed after that.
pub(crate) fn put_in_place(target: &Path) -> Result<(), TrainError> {
    let old = renamed(target, REPLACED);
    let error = |source| write_error(target, source);
    if target.exists() {
        fs::rename(target, &old).map_err(error)?;
    }
    fs::rename(unfinished(target), target).map_err(error)?;
    if let Some(parent) = target.parent() {
        make_durable(parent)?;
    }
    if old.exists() {
        fs::remove_dir_all(&old).map_err(error)?;
    }
    Ok(())
}

/// Removes a folder; a half removed one is not mistaken for a whole one.
pub(crate) fn remove(target: &Path) -> Result<(), TrainError> {
    let error = |source| write_error(target, source);
    let leaving = unfinished(target);
    fs::rename(target, &leaving).map_err(error)?;
    fs::remove_dir_all(&leaving).map_err(error)
}

/// Puts folders back that were about to be replaced when the process was killed, and removes
/// what was half written. Only for the one process that works in `parent`.
pub(crate) fn recover(parent: &Path) -> Result<(), TrainError> {
    let read = |source| TrainError::Read { path: parent.to_owned(), source };
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(read(error)),
    };
    for entry in entries {
        let path = entry.map_err(read)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let error = |source| write_error(&path, source);
        if let Some(name) = name.strip_prefix(REPLACED)
            && !parent.join(name).exists()
        {
            fs::rename(&path, parent.join(name)).map_err(error)?;
        } else if [REPLACED, UNFINISHED, TEMPORARY].iter().any(|mark| name.starts_with(mark)) {
            let removed = if path.is_dir() { fs::remove_dir_all } else { fs::remove_file };
            removed(&path).map_err(error)?;
        }
    }
    Ok(())
}

/// Whether a file or folder is one that [`recover`] takes care of.
pub(crate) fn is_leftover(name: &str) -> bool {
    [REPLACED, UNFINISHED, TEMPORARY].iter().any(|mark| name.starts_with(mark))
}

/// Makes the names in a folder survive a loss of power.
pub(crate) fn make_durable(folder: &Path) -> Result<(), TrainError> {
    // Only Unix lets a folder be opened; elsewhere a rename is durable by itself.
    if cfg!(unix) {
        let sync = || File::open(folder)?.sync_all();
        sync().map_err(|source| write_error(folder, source))?;
    }
    Ok(())
}

pub(crate) fn write_error(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::Write { path: path.to_owned(), source }
}

fn renamed(target: &Path, mark: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!("{mark}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(path: &Path, text: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("file"), text).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_replaced_by_a_whole_one() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("model");
        for text in ["one", "two"] {
            make(&unfinished(&target), text);
            put_in_place(&target).unwrap();
            assert_eq!(fs::read_to_string(target.join("file")).unwrap(), text);
            assert_eq!(names(scratch.path()), ["model"]);
        }
        remove(&target).unwrap();
        assert!(names(scratch.path()).is_empty());
    }

    #[test]
    fn whatever_moment_it_is_killed_in_a_whole_folder_is_there() {
        let scratch = tempfile::tempdir().unwrap();
        let (target, old) = (scratch.path().join("model"), scratch.path().join(".replaced-model"));
        // Between the two renames.
        make(&old, "old");
        make(&unfinished(&target), "new");
        recover(scratch.path()).unwrap();
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "old");
        // After them.
        make(&old, "older");
        fs::write(scratch.path().join(".calico-abc"), "half").unwrap();
        recover(scratch.path()).unwrap();
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "old");
        assert_eq!(names(scratch.path()), ["model"]);
        recover(&scratch.path().join("nowhere")).unwrap();
    }
}
