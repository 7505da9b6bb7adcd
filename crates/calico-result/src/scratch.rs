//! A place beside a target, where something is made that gets its name when it is complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// How the names of such places begin.
const PREFIX: &str = ".calico-";
/// What a process holds locked there, as long as it lives.
const LOCK: &str = "lock";

/// A private folder on the disk of a target; dropped, it is gone. What a killed process left is
/// removed by the next one that begins beside it.
#[derive(Debug)]
pub struct Scratch {
    /// Closed before its folder is removed, as some systems ask for.
    _lock: File,
    folder: TempDir,
}

impl Scratch {
    /// Begins one beside a target, in a folder that is made where there is none.
    pub fn beside(target: &Path) -> io::Result<Self> {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        remove_abandoned(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = lock(folder.path())?;
        Ok(Self { _lock: lock, folder })
    }

    /// Where the new thing is made. It has the rights of ordinary files and folders.
    pub fn new_path(&self) -> PathBuf {
        self.folder.path().join("new")
    }

    /// Keeps what is there, and says where.
    pub fn keep(self) -> PathBuf {
        self.folder.keep().join("new")
    }
}

/// Marks a folder as one that is being made. The file gets its name when it is locked already.
fn lock(folder: &Path) -> io::Result<File> {
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
        let lock = entry.path().join(LOCK);
        // Asked before it is opened: a pipe of that name would never open.
        if !is_ours || !lock.is_file() {
            continue;
        }
        if File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_and_what_a_living_one_makes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let living = Scratch::beside(&target).unwrap();
        fs::write(living.new_path(), b"x").unwrap();
        let left = folder.path().join(".calico-left");
        fs::create_dir_all(left.join("new")).unwrap();
        fs::write(left.join("new/model.safetensors"), b"much").unwrap();
        fs::write(left.join(LOCK), b"").unwrap();
        // Of the user, or of a process that has not got as far as to lock it.
        for other in [".calico-mine", "other"] {
            fs::create_dir(folder.path().join(other)).unwrap();
        }
        drop(Scratch::beside(&target).unwrap());
        assert!(!left.exists());
        fs::rename(living.new_path(), &target).unwrap();
        drop(living);
        let names = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, [".calico-mine", "other", "target"]);
    }
}
