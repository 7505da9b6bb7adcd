//! A place beside a target, where something is made that gets its name when it is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::ModelError;

/// How the names of such places begin.
const PREFIX: &str = ".calico-";
/// What a process holds locked there, as long as it lives.
const LOCK: &str = "lock";

/// A private folder on the disk of a target; dropped, it is gone. What a killed process left is
/// removed by the next one that begins beside it.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// Closed before its folder is removed, as some systems ask for.
    _lock: File,
    folder: TempDir,
}

impl Scratch {
    /// Begins one beside a target, in a folder that is made where there is none.
    pub(crate) fn beside(target: &Path) -> Result<Self, ModelError> {
        let io = |action| io(action, target);
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(io("create"))?;
        remove_abandoned(parent);
        let folder =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent).map_err(io("create"))?;
        let lock = lock(folder.path()).map_err(io("lock"))?;
        Ok(Self { _lock: lock, folder })
    }

    /// Where the new thing is made. It has the rights of ordinary files and folders.
    pub(crate) fn new_path(&self) -> PathBuf {
        self.folder.path().join("new")
    }
}

/// Marks a folder as one that is being made. The file gets its name when it is locked already.
fn lock(folder: &Path) -> std::io::Result<File> {
    let unnamed = folder.join("unlocked");
    let file = File::create(&unnamed)?;
    // Where a disk knows no locks, nobody removes the folder.
    if file.try_lock().is_ok() {
        fs::rename(unnamed, folder.join(LOCK))?;
    }
    Ok(file)
}

/// Removes what processes left that were killed. To leave it does no harm but to the disk's space,
/// so nothing of this is an error.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if is_ours && lock.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ModelError {
    move |source| ModelError::Io { action, path: path.to_path_buf(), source }
}
