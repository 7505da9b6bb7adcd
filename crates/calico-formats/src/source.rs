use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::FormatError;

/// An open file that is read at places, each checked against its length.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    stored: Stored,
    len: u64,
}

#[derive(Debug)]
enum Stored {
    File(Mutex<File>),
    InMemory(Vec<u8>),
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, FormatError> {
        let io = |source| FormatError::Io { path: path.to_path_buf(), source };
        // Before it is opened: opening a pipe would wait for somebody who writes.
        if !path.metadata().map_err(io)?.is_file() {
            return Err(io(std::io::Error::other("not a regular file")));
        }
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        let stored = Stored::File(Mutex::new(file));
        Ok(Self { path: path.to_path_buf(), stored, len: metadata.len() })
    }

    /// A file that is in memory already; `path` names it in errors.
    pub(crate) fn in_memory(path: &Path, bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self { path: path.to_path_buf(), stored: Stored::InMemory(bytes), len }
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
        match &self.stored {
            Stored::InMemory(bytes) => {
                let (start, end) = (start as usize, (start + len) as usize);
                Ok(bytes.get(start..end).unwrap_or_default().to_vec())
            }
            Stored::File(file) => {
                let mut bytes = vec![0; len as usize];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(start))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|source| FormatError::Io { path: self.path.clone(), source })?;
                Ok(bytes)
            }
        }
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
