//! A folder that appears under its name when it is complete.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ModelError;
use crate::scratch::{Scratch, io};

/// A folder in the making. It lies beside its target until [`NewFolder::finish`] gives it its
/// name; dropped before that, it leaves nothing. What a killed process left is removed by the next
/// one that begins beside it.
#[derive(Debug)]
pub struct NewFolder {
    target: PathBuf,
    scratch: Scratch,
}

impl NewFolder {
    /// Refuses a target that exists and is not an empty folder. For long work, before it begins.
    pub fn check(target: &Path) -> Result<(), ModelError> {
        let is_full = || Ok(fs::read_dir(target)?.next().is_some());
        if target.exists() && is_full().map_err(io("list", target))? {
            return Err(ModelError::NotEmpty(target.to_path_buf()));
        }
        Ok(())
    }

    /// Begins a folder that must not exist or be empty.
    pub fn begin(target: &Path) -> Result<Self, ModelError> {
        Self::check(target)?;
        let new = Self { target: target.to_path_buf(), scratch: Scratch::beside(target)? };
        fs::create_dir(new.path()).map_err(io("create", target))?;
        Ok(new)
    }

    /// Where the files are written.
    pub fn path(&self) -> PathBuf {
        self.scratch.new_path()
    }

    /// Writes a file and makes it durable.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ModelError> {
        let path = self.path().join(name);
        fs::write(&path, bytes)
            .and_then(|()| fs::File::open(&path)?.sync_all())
            .map_err(io("write", &self.target.join(name)))
    }

    /// Gives the folder its name.
    pub fn finish(self) -> Result<(), ModelError> {
        if self.target.exists() {
            fs::remove_dir(&self.target).map_err(io("replace", &self.target))?;
        }
        fs::rename(self.path(), &self.target).map_err(io("write", &self.target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_and_what_a_living_one_makes_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let living = NewFolder::begin(&scratch.path().join("living")).unwrap();
        living.write("file", b"x").unwrap();
        let left = scratch.path().join(".calico-left");
        fs::create_dir_all(left.join("new")).unwrap();
        fs::write(left.join("new/model.safetensors"), b"much").unwrap();
        fs::write(left.join("lock"), b"").unwrap();
        // Of the user, or of a process that has not got as far as to lock it.
        for other in [".calico-mine", "other"] {
            fs::create_dir(scratch.path().join(other)).unwrap();
        }
        NewFolder::begin(&scratch.path().join("next")).unwrap().finish().unwrap();
        assert!(!left.exists());
        living.finish().unwrap();
        let mut names: Vec<_> = fs::read_dir(scratch.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [".calico-mine", "living", "next", "other"]);
    }

    #[test]
    fn a_folder_appears_when_it_is_finished_and_a_dropped_one_never() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("a/b");
        drop(NewFolder::begin(&target).unwrap());
        assert_eq!(fs::read_dir(scratch.path().join("a")).unwrap().count(), 0);
        fs::create_dir(&target).unwrap();
        let new = NewFolder::begin(&target).unwrap();
        new.write("file", b"x").unwrap();
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
        new.finish().unwrap();
        assert_eq!(fs::read(target.join("file")).unwrap(), b"x");
        assert_eq!(fs::read_dir(scratch.path().join("a")).unwrap().count(), 1);
        assert!(matches!(NewFolder::begin(&target), Err(ModelError::NotEmpty(_))));
    }
}
