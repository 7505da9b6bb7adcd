use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::WatchError;

/// A file that grows by whole pieces.
#[derive(Debug)]
pub(super) struct AppendedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl AppendedFile {
    /// A new file; one that is there already is refused as [`WatchError::Exists`].
    pub(super) fn create(path: PathBuf) -> Result<Self, WatchError> {
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => Ok(Self { path, file, bytes: 0 }),
            Err(found) if found.kind() == io::ErrorKind::AlreadyExists => {
                Err(WatchError::Exists { path })
            }
            Err(source) => Err(WatchError::Write { path, source }),
        }
    }

    /// The first `bytes` of a file that has at least as many; what follows them is cut off.
    pub(super) fn cut_to(path: PathBuf, file: File, bytes: u64) -> Result<Self, WatchError> {
        let mut cut = Self { path, file, bytes };
        cut.cut().map_err(|source| cut.not_written(source))?;
        Ok(cut)
    }

    /// Adds a piece, all of it or nothing.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), WatchError> {
        if let Err(source) = self.file.write_all(piece) {
            // Half a piece would end up in the middle of the file; if the system cannot even
            // shorten it, the next reading says so.
            let _ = self.cut();
            return Err(self.not_written(source));
        }
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Waits until everything is on disk.
    pub(super) fn sync(&mut self) -> Result<(), WatchError> {
        self.file.sync_data().map_err(|source| self.not_written(source))
    }

    /// The length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes)).map(|_| ())
    }

    fn not_written(&self, source: io::Error) -> WatchError {
        WatchError::Write { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_file_and_counts_nothing() {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let mut full = AppendedFile { path, file, bytes: 7 };
        let error = full.append(b"row\n").unwrap_err().to_string();
        assert!(error.starts_with("cannot write \"/dev/full\""), "{error}");
        assert_eq!(full.bytes(), 7);
    }

    #[test]
    fn what_follows_a_cut_is_gone_and_pieces_go_there() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a");
        std::fs::write(&path, "kept and lost").unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let mut cut = AppendedFile::cut_to(path.clone(), file, 5).unwrap();
        cut.append(b"on").unwrap();
        cut.sync().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"kept on");
        assert_eq!(cut.bytes(), 7);
    }
}
