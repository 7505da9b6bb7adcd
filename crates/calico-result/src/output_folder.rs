use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::ResultError;

/// A folder that exists and was writable when it was made.
///
/// Each file is written under a temporary name beside its target and renamed once it is complete
/// and on disk, so that no reader ever sees half a file and a failed run keeps the earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFolder {
    path: PathBuf,
}

/// Creates a folder, with its parents, and tries to write in it: call this before the long work,
/// not after it.
pub fn create_output_folder(path: &Path) -> Result<OutputFolder, ResultError> {
    let not_writable = |source| ResultError::FolderNotWritable { path: path.to_owned(), source };
    if path.is_file() {
        return Err(ResultError::FolderIsFile { path: path.to_owned() });
    }
    fs::create_dir_all(path).map_err(not_writable)?;
    temporary_file(path).map_err(not_writable)?;
    Ok(OutputFolder { path: path.to_owned() })
}

impl OutputFolder {
    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside this one, created if it is missing.
    pub fn subfolder(&self, name: &str) -> Result<Self, ResultError> {
        create_output_folder(&self.path.join(name))
    }

    /// Writes a file, all or nothing; returns its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, ResultError> {
        self.write_with(name, |file| file.write_all(bytes))
    }

    /// As [`write`](Self::write), of what can be made again: nobody waits until it is on the disk,
    /// so after a loss of power the file may be there in part. Whoever reads it must be able to
    /// tell.
    pub fn write_renewable(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, ResultError> {
        self.save(name, |file| file.write_all(bytes))
    }

    /// Writes a file through a function, all or nothing; returns its path.
    pub fn write_with(
        &self,
        name: &str,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<PathBuf, ResultError> {
        self.save(name, |file| {
            content(file)?;
            file.sync_all()
        })
    }

    /// Writes under another name first.
    fn save(
        &self,
        name: &str,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<PathBuf, ResultError> {
        let path = self.path.join(name);
        let saved = temporary_file(&self.path).and_then(|mut file| {
            content(file.as_file_mut())?;
            file.persist(&path).map(|_| ()).map_err(|failed| failed.error)
        });
        match saved {
            Ok(()) => Ok(path),
            Err(source) => Err(ResultError::Write { path, source }),
        }
    }
}

/// A file that disappears unless it is renamed. It gets the rights of an ordinary new file, not
/// the private ones of a temporary file, since it stays.
fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".calico-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        fs::read_dir(folder).unwrap().map(|e| name(e).into_string().unwrap()).collect()
    }

    #[test]
    fn a_folder_is_created_with_its_parents_and_left_empty() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(&scratch.path().join("a/b")).unwrap();
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("taken");
        fs::write(&path, "x").unwrap();
        let direct = create_output_folder(&path);
        assert!(matches!(direct, Err(ResultError::FolderIsFile { .. })));
        let below = create_output_folder(&path.join("inside"));
        assert!(matches!(below, Err(ResultError::FolderNotWritable { .. })));
    }

    #[test]
    fn a_file_replaces_an_earlier_one_without_leftovers() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        folder.write("a.txt", b"first").unwrap();
        let path = folder.write("a.txt", b"second").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"second");
        let path = folder.write_renewable("a.txt", b"third").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"third");
        assert_eq!(names(scratch.path()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_keeps_the_earlier_file_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        folder.write("a.txt", b"first").unwrap();
        let failed = folder.write_with("a.txt", |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("no space"))
        });
        assert!(matches!(failed, Err(ResultError::Write { .. })));
        assert_eq!(fs::read(scratch.path().join("a.txt")).unwrap(), b"first");
        assert_eq!(names(scratch.path()), ["a.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_has_the_rights_of_an_ordinary_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let scratch = tempfile::tempdir().unwrap();
        let ordinary = scratch.path().join("ordinary");
        fs::write(&ordinary, "x").unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        let written = folder.write("written", b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&written), mode(&ordinary));
    }
}
