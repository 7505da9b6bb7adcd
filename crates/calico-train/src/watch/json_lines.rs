use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::WatchError;
use super::appended_file::AppendedFile;

/// The most bytes a line may have: a row has some hundred.
const LONGEST_LINE: u64 = 1 << 20;

/// A file that grows by whole lines of JSON.
#[derive(Debug)]
pub(super) struct JsonLines(AppendedFile);

impl JsonLines {
    /// A new file; one that is there already is refused.
    pub(super) fn create(path: &Path) -> Result<Self, WatchError> {
        AppendedFile::create(path.to_owned()).map(Self)
    }

    /// The first `bytes` of a file, to go on from there; what follows them is cut off.
    pub(super) fn open_at(path: &Path, bytes: u64) -> Result<Self, WatchError> {
        let found = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(source) if source.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(WatchError::Read { path: path.to_owned(), source }),
        };
        if found < bytes {
            return Err(WatchError::Shorter { path: path.to_owned(), found, expected: bytes });
        }
        let not_read = |source| WatchError::Read { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(not_read)?;
        if let Some(last) = bytes.checked_sub(1) {
            let mut end = [0];
            file.seek(SeekFrom::Start(last)).map_err(not_read)?;
            file.read_exact(&mut end).map_err(not_read)?;
            if end != *b"\n" {
                return Err(WatchError::NotAtLineEnd { path: path.to_owned(), bytes });
            }
        }
        AppendedFile::cut_to(path.to_owned(), file, bytes).map(Self)
    }

    /// All whole lines of a file, to go on after them; a torn line at the end is cut off. A
    /// missing file is created.
    pub(super) fn open_at_end(path: &Path) -> Result<Self, WatchError> {
        let not_read = |source| WatchError::Read { path: path.to_owned(), source };
        let mut bytes = 0;
        match File::open(path) {
            Ok(file) => {
                let mut reader = BufReader::new(file);
                let mut at = 0;
                loop {
                    let block = reader.fill_buf().map_err(not_read)?;
                    if block.is_empty() {
                        break;
                    }
                    if let Some(end) = block.iter().rposition(|byte| *byte == b'\n') {
                        bytes = at + end as u64 + 1;
                    }
                    let length = block.len();
                    at += length as u64;
                    reader.consume(length);
                }
            }
            Err(source) if source.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(not_read(source)),
        }
        Self::open_at(path, bytes)
    }

    /// Adds a row, all of it or nothing.
    pub(super) fn append(&mut self, row: &impl Serialize) -> Result<(), WatchError> {
        let mut line = serde_json::to_vec(row).map_err(WatchError::Row)?;
        line.push(b'\n');
        self.0.append(&line)
    }

    /// Waits until everything is on disk.
    pub(super) fn sync(&mut self) -> Result<(), WatchError> {
        self.0.sync()
    }

    /// The length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// All rows of a file; a last line that was torn when its writer died is left out.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, WatchError> {
    let not_read = |source| WatchError::Read { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(not_read)?);
    let (mut rows, mut text) = (Vec::new(), Vec::new());
    for line in 1.. {
        text.clear();
        let limited = &mut reader.by_ref().take(LONGEST_LINE);
        limited.read_until(b'\n', &mut text).map_err(not_read)?;
        if text.is_empty() {
            break;
        }
        let is_whole = text.ends_with(b"\n");
        if !is_whole && text.len() as u64 == LONGEST_LINE {
            let path = path.to_owned();
            return Err(WatchError::LongLine { path, line, limit: LONGEST_LINE });
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(&text) {
            Ok(row) => rows.push(row),
            Err(_) if !is_whole => {}
            Err(source) => return Err(WatchError::Line { path: path.to_owned(), line, source }),
        }
    }
    Ok(rows)
}
