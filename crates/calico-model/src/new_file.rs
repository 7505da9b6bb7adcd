//! A file that appears under its name when it is complete.

use std::fs::File;
use std::path::{Path, PathBuf};

use calico_result::Scratch;
use tempfile::TempPath;

use crate::error::ModelError;
use crate::new_folder::io;

/// A file in the making. It lies beside its target until [`NewFile::finish`] gives it its name;
/// dropped before that, it leaves nothing. What a killed process left is removed by the next one
/// that begins beside it.
#[derive(Debug)]
pub struct NewFile {
    target: PathBuf,
    file: File,
    scratch: Scratch,
}

impl NewFile {
    /// Begins a file that must not exist.
    pub fn begin(target: &Path) -> Result<Self, ModelError> {
        let scratch = Scratch::beside(target).map_err(io("create", target))?;
        let file = File::create_new(scratch.new_path()).map_err(io("create", target))?;
        Ok(Self { target: target.to_path_buf(), file, scratch })
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes it durable and gives it its name; refuses if somebody else has taken that meanwhile.
    pub fn finish(self) -> Result<(), ModelError> {
        let failed = || io("write", &self.target);
        self.file.sync_all().map_err(failed())?;
        let path = TempPath::try_from_path(self.scratch.new_path()).map_err(failed())?;
        path.persist_noclobber(&self.target).map_err(|error| failed()(error.error))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_appears_when_it_is_finished_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let [dropped, first, second] = [(); 3].map(|()| NewFile::begin(&target).unwrap());
        drop(dropped);
        first.file().write_all(b"first").unwrap();
        second.file().write_all(b"second").unwrap();
        assert!(!target.exists());
        first.finish().unwrap();
        let refused = second.finish().unwrap_err();
        assert!(matches!(refused, ModelError::Io { action: "write", .. }), "{refused}");
        assert_eq!(fs::read(&target).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
