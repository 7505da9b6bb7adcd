//! The folder given by `--out`.

use std::fs;
use std::path::{Path, PathBuf};

use calico_result::{OutputFolder, ResultError, create_output_folder};

/// A folder to write into. Dropped without a file in it, it leaves no trace.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) folder: OutputFolder,
    _created: CreatedFolders,
}

impl Output {
    /// Finds what can be found without touching the disk: a file where a folder is needed.
    pub(crate) fn check(path: &Path) -> Result<(), ResultError> {
        match path.ancestors().find(|ancestor| ancestor.exists()) {
            Some(found) if !found.is_dir() => {
                Err(ResultError::FolderIsFile { path: found.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Creates the folder with its parents, and proves that it is writable.
    pub(crate) fn create(path: &Path) -> Result<Self, ResultError> {
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let missing = path.ancestors().take_while(is_missing).map(Path::to_owned).collect();
        let created = CreatedFolders(missing);
        Ok(Self { folder: create_output_folder(path)?, _created: created })
    }
}

/// Folders that were not there before, the innermost first.
#[derive(Debug)]
struct CreatedFolders(Vec<PathBuf>);

impl Drop for CreatedFolders {
    fn drop(&mut self) {
        // Only empty folders can be removed, so what was written stays.
        for folder in &self.0 {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_folder_leaves_no_trace() {
        let scratch = tempfile::tempdir().unwrap();
        let output = Output::create(&scratch.path().join("a/b")).unwrap();
        assert!(scratch.path().join("a/b").exists());
        drop(output);
        assert!(!scratch.path().join("a").exists());
        drop(Output::create(scratch.path()).unwrap());
        assert!(scratch.path().exists());
    }

    #[test]
    fn a_used_folder_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let output = Output::create(&scratch.path().join("a/b")).unwrap();
        output.folder.write("c", b"x").unwrap();
        drop(output);
        assert!(scratch.path().join("a/b/c").exists());
    }

    #[test]
    fn a_file_in_the_way_is_found_without_touching_the_disk() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(Output::check(&file).is_err());
        assert!(Output::check(&file.join("a/b")).is_err());
        assert!(Output::check(&scratch.path().join("a/b")).is_ok());
        assert!(!scratch.path().join("a").exists());
    }
}
