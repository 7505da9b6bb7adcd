//! A folder that appears under its name when it is complete.

use std::fs;
use std::path::{Path, PathBuf};

use calico_result::Scratch;

use crate::error::ModelError;

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
        let scratch = Scratch::beside(target).map_err(io("create", target))?;
        let new = Self { target: target.to_path_buf(), scratch };
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

pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ModelError {
    move |source| ModelError::Io { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

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
