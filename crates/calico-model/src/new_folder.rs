//! A folder that appears under its name when it is complete.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use calico_result::Scratch;

use crate::config::CONFIG_FILE;
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
        // A link, or the folder in which the user is, is filled and not replaced.
        let target = &target.canonicalize().unwrap_or_else(|_| target.to_path_buf());
        let scratch = Scratch::beside(target).map_err(io("create", target))?;
        let new = Self { target: target.clone(), scratch };
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

    /// Gives the folder its name. One that cannot be replaced is filled: one in which somebody is,
    /// or in which a disk is mounted. `config.json` comes last, without which nothing is a model.
    pub fn finish(self) -> Result<(), ModelError> {
        let failed = || io("write", &self.target);
        let is_there = self.target.exists();
        let is_here = || env::current_dir().is_ok_and(|here| here.starts_with(&self.target));
        if !(is_there && is_here()) {
            match fs::rename(self.path(), &self.target) {
                Err(_) if is_there => {}
                done => return done.map_err(failed()),
            }
        }
        Self::check(&self.target)?;
        let entries = fs::read_dir(self.path()).and_then(Iterator::collect);
        let mut entries: Vec<fs::DirEntry> = entries.map_err(failed())?;
        let is_json = |name: &OsString| Path::new(name).extension().is_some_and(|it| it == "json");
        entries.sort_by_cached_key(|entry| {
            let name = entry.file_name();
            (name == CONFIG_FILE, is_json(&name), name)
        });
        for entry in entries {
            let target = self.target.join(entry.file_name());
            fs::rename(entry.path(), target).map_err(failed())?;
        }
        Ok(())
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

    #[cfg(unix)]
    #[test]
    fn a_link_to_an_empty_folder_stays_a_link() {
        let scratch = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| scratch.path().join(name));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let new = NewFolder::begin(&link).unwrap();
        new.write("config.json", b"{}").unwrap();
        new.write("a", b"x").unwrap();
        new.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(&real).unwrap().count(), 2);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2);
    }
}
