use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::FormatError;

/// An open file that is read at places, each checked against its length.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    file: Mutex<File>,
    len: u64,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, FormatError> {
        let io = |source| FormatError::Io { path: path.to_path_buf(), source };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(io(std::io::Error::other("not a regular file")));
        }
        Ok(Self { path: path.to_path_buf(), file: Mutex::new(file), len: metadata.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether bytes `start .. start + len` lie in the file.
    pub(crate) fn holds(&self, start: u64, len: u64) -> bool {
        start.checked_add(len).is_some_and(|end| end <= self.len)
    }

    /// Bytes `start .. start + len`. Memory is taken only after the range was checked.
    pub(crate) fn read(&self, start: u64, len: u64) -> Result<Vec<u8>, FormatError> {
        if !self.holds(start, len) {
            let reason = format!(
                "found a file of {} bytes, expected {len} bytes from byte {start}; \
                 it may be cut off: copy or download it again",
                self.len
            );
            return Err(self.broken("file", reason));
        }
        let mut bytes = vec![0; len as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|source| FormatError::Io { path: self.path.clone(), source })?;
        Ok(bytes)
    }

    pub(crate) fn broken(&self, place: &str, reason: impl Into<String>) -> FormatError {
        let (path, place) = (self.path.clone(), place.to_owned());
        FormatError::Broken { path, place, reason: reason.into() }
    }

    pub(crate) fn refused(&self, place: &str, reason: impl Into<String>) -> FormatError {
        let (path, place) = (self.path.clone(), place.to_owned());
        FormatError::Refused { path, place, reason: reason.into() }
    }
}
