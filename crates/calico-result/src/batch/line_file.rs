use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::BatchError;

/// The longest line that is read, in bytes.
const MAX_LINE_BYTES: u64 = 1 << 30;

/// A file that grows by whole lines.
#[derive(Debug)]
pub(super) struct LineFile {
    path: PathBuf,
    file: File,
    /// Where the whole lines end, in bytes.
    end: u64,
}

impl LineFile {
    /// Opens a file, shows its whole lines to `see`, and drops a last one that was cut. The file
    /// is left as it is if `see` says what is wrong with a line.
    pub(super) fn open(
        path: PathBuf,
        see: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Self, BatchError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(|source| write_error(&path, source))?;
        let end = read_lines(&path, &file, see)?;
        let mut opened = Self { path, file, end };
        opened.cut().map_err(|source| write_error(&opened.path, source))?;
        Ok(opened)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line; when this returns, it is on disk. If it fails, the file is as before.
    pub(super) fn add(&mut self, line: &impl Serialize) -> Result<(), BatchError> {
        let saved = to_bytes(line).and_then(|bytes| {
            self.file.write_all(&bytes)?;
            self.file.sync_data()?;
            Ok(bytes.len() as u64)
        });
        match saved {
            Ok(length) => {
                self.end += length;
                Ok(())
            }
            Err(source) => {
                // If this fails as well, whoever opens the file next cuts it.
                let _ = self.cut();
                Err(write_error(&self.path, source))
            }
        }
    }

    /// Removes all lines.
    pub(super) fn clear(&mut self) -> Result<(), BatchError> {
        self.end = 0;
        // Lines that came back after a loss of power would deny what is written from here on.
        self.cut()
            .and_then(|()| self.file.sync_all())
            .map_err(|source| write_error(&self.path, source))
    }

    /// Drops what stands behind the whole lines.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        Ok(())
    }
}

/// Shows the whole lines of a file; returns where they end.
fn read_lines(
    path: &Path,
    file: &File,
    see: &mut dyn FnMut(&[u8]) -> Result<(), String>,
) -> Result<u64, BatchError> {
    let unreadable = |source| BatchError::Read { path: path.to_owned(), source };
    let mut from = BufReader::new(file);
    let (mut bytes, mut end) = (Vec::new(), 0);
    for line in 1.. {
        bytes.clear();
        from.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes).map_err(unreadable)?;
        let wrong = |reason| BatchError::Line { path: path.to_owned(), line, reason };
        if !bytes.ends_with(b"\n") {
            if bytes.len() as u64 == MAX_LINE_BYTES {
                return Err(wrong("it does not end".to_owned()));
            }
            break;
        }
        see(&bytes).map_err(wrong)?;
        end += bytes.len() as u64;
    }
    Ok(end)
}

fn to_bytes(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_error(path: &Path, source: io::Error) -> BatchError {
    BatchError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn lines(path: &Path) -> (LineFile, Vec<String>) {
        let mut seen = Vec::new();
        let file = LineFile::open(path.to_owned(), &mut |line| {
            seen.push(String::from_utf8_lossy(line).trim_end().to_owned());
            Ok(())
        });
        (file.unwrap(), seen)
    }

    #[test]
    fn a_line_that_was_cut_anywhere_is_dropped_and_the_next_one_follows_the_whole_ones() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.jsonl");
        for cut in ["", "{", "{\"a\":1", "{\"a\":1}"] {
            fs::write(&path, format!("1\n2\n{cut}")).unwrap();
            let (mut file, seen) = lines(&path);
            assert_eq!(seen, ["1", "2"]);
            file.add(&3).unwrap();
            file.add(&4).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2\n3\n4\n");
        }
    }

    #[test]
    fn a_file_with_a_wrong_line_is_left_as_it_is() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.jsonl");
        fs::write(&path, "1\nx\ncut").unwrap();
        let judge = &mut |line: &[u8]| if line == b"x\n" { Err("no".to_owned()) } else { Ok(()) };
        let error = LineFile::open(path.clone(), judge);
        assert!(matches!(error, Err(BatchError::Line { line: 2, .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\nx\ncut");
    }

    #[test]
    fn a_cleared_file_is_empty_and_takes_lines_again() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a.jsonl");
        fs::write(&path, "1\n2\n").unwrap();
        let (mut file, _) = lines(&path);
        file.clear().unwrap();
        file.add(&5).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "5\n");
    }
}
