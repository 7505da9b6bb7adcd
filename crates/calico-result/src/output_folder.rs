use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::ResultError;

/// How the names of files begin and end that are being written.
const PREFIX: &str = ".calico-";
const SUFFIX: &str = ".tmp";

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

    /// Writes a file, all or nothing, unless there is one already; returns whether it did. Of
    /// several processes that do so at once, one wins.
    pub fn write_new(&self, name: &str, bytes: &[u8]) -> Result<bool, ResultError> {
        let path = self.path.join(name);
        let saved = temporary_file(&self.path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map(|_| ()).map_err(|failed| failed.error)
        });
        match saved {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(ResultError::Write { path, source }),
        }
    }

    /// Removes what a killed process left half written, and nothing else. Only for the one process
    /// that writes in this folder.
    pub fn clear_unfinished(&self) -> Result<(), ResultError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| ResultError::Remove { path, source }
        };
        for entry in fs::read_dir(&self.path).map_err(failed(&self.path))? {
            let entry = entry.map_err(failed(&self.path))?;
            let is_ours = |name: &str| name.starts_with(PREFIX) && name.ends_with(SUFFIX);
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name().to_str().is_some_and(is_ours) {
                fs::remove_file(entry.path()).map_err(failed(&entry.path()))?;
            }
        }
        Ok(())
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
    builder.prefix(PREFIX).suffix(SUFFIX);
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
    fn a_file_that_is_there_is_not_replaced_by_a_new_one() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        assert!(folder.write_new("a.txt", b"first").unwrap());
        assert!(!folder.write_new("a.txt", b"second").unwrap());
        assert_eq!(fs::read(scratch.path().join("a.txt")).unwrap(), b"first");
        assert_eq!(names(scratch.path()), ["a.txt"]);
    }

    #[test]
    fn only_what_is_half_written_is_cleared() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        for name in [".calico-a1.tmp", ".calico", "b.tmp"] {
            fs::write(scratch.path().join(name), "x").unwrap();
        }
        folder.clear_unfinished().unwrap();
        let mut left = names(scratch.path());
        left.sort();
        assert_eq!(left, [".calico", "b.tmp"]);
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
