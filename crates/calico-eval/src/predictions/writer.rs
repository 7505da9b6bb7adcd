use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use calico_result::create_output_folder;

use super::line::PairLine;
use super::lines::{Lines, Next};
use super::reader::header;
use super::{Fault, Header, LineProblem};
use crate::{EvalError, PairPrediction};

/// Writes a predictions file line by line, each on disk before the next is begun, so that an
/// interrupted run goes on where it was.
#[derive(Debug)]
pub struct PredictionWriter {
    path: PathBuf,
    file: File,
    /// The samples that the file holds.
    done: BTreeSet<String>,
    failures: usize,
}

impl PredictionWriter {
    /// Opens a file to go on with, or begins it with the header.
    ///
    /// A last line that was cut is dropped. A file with another header, or with a line that is no
    /// prediction, is left as it is and refused.
    pub fn open(path: &Path, header: &Header) -> Result<Self, EvalError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(|source| write_error(path, source))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let source = io::Error::other("another run is writing it");
            return Err(write_error(path, source));
        }
        let mut writer = Self { path: path.to_owned(), file, done: BTreeSet::new(), failures: 0 };
        let end = writer.read_back(header)?;
        writer.resume_at(end).map_err(|source| write_error(path, source))?;
        if end == 0 {
            writer.write_line(header)?;
        }
        Ok(writer)
    }

    /// Whether a sample is in the file.
    pub fn has(&self, sample_id: &str) -> bool {
        self.done.contains(sample_id)
    }

    /// Samples in the file.
    pub fn len(&self) -> usize {
        self.done.len()
    }

    /// Whether the file holds no sample yet.
    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// Samples in the file on which the model failed.
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// Adds a sample; when this returns, the line is on disk.
    pub fn write(&mut self, prediction: &PairPrediction) -> Result<(), EvalError> {
        self.write_line(&PairLine::new(prediction))?;
        self.done.insert(prediction.sample_id.clone());
        self.failures += usize::from(prediction.failure.is_some());
        Ok(())
    }

    fn write_line(&mut self, line: &impl serde::Serialize) -> Result<(), EvalError> {
        let mut save = || {
            self.file.write_all(&line_bytes(line)?)?;
            self.file.sync_data()
        };
        save().map_err(|source| write_error(&self.path, source))
    }

    /// Reads what is there; returns where the whole lines end.
    fn read_back(&mut self, expected: &Header) -> Result<u64, EvalError> {
        let unreadable = |source| EvalError::Read { path: self.path.clone(), source };
        let wrong = |line, fault| EvalError::Predictions {
            path: self.path.clone(),
            problems: vec![LineProblem { line, fault }],
            more: 0,
        };
        let mut lines = Lines::new(BufReader::new(&self.file));
        let mut end = 0;
        while let next @ (Next::Line | Next::TooLong) = lines.advance().map_err(unreadable)? {
            if next == Next::TooLong {
                return Err(wrong(lines.number(), Fault::TooLong));
            }
            let line = lines.line();
            if !lines.is_whole() && (end > 0 || is_cut_header(line, expected)) {
                break;
            }
            if end == 0 {
                let found = header(line).map_err(|fault| wrong(lines.number(), fault))?;
                if found.as_ref() != Some(expected) {
                    return Err(EvalError::OtherRun {
                        path: self.path.clone(),
                        found: found.map_or("another system".to_owned(), |it| it.to_string()),
                        expected: expected.to_string(),
                    });
                }
            } else {
                let line: PairLine = serde_json::from_slice(line)
                    .map_err(|error| wrong(lines.number(), Fault::Malformed(error)))?;
                self.failures += usize::from(line.has_failed());
                self.done.insert(line.sample_id);
            }
            end = lines.end();
        }
        Ok(end)
    }

    fn resume_at(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.file.seek(io::SeekFrom::Start(end))?;
        Ok(())
    }
}

/// Writes a whole predictions file, all or nothing.
pub fn write_predictions(
    path: &Path,
    header: &Header,
    predictions: impl IntoIterator<Item = PairPrediction>,
) -> Result<(), EvalError> {
    let failed = |source| write_error(path, source);
    let mut bytes = line_bytes(header).map_err(failed)?;
    for prediction in predictions {
        bytes.extend(line_bytes(&PairLine::new(&prediction)).map_err(failed)?);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| failed(io::Error::other("it names no file")))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    create_output_folder(folder.unwrap_or(Path::new(".")))?.write(name, &bytes)?;
    Ok(())
}

fn line_bytes(line: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Whether a first line without an end is what is left of the header of an interrupted run. A
/// file of other origin is not touched.
fn is_cut_header(line: &[u8], expected: &Header) -> bool {
    serde_json::to_vec(expected).is_ok_and(|whole| whole.starts_with(line))
}

fn write_error(path: &Path, source: io::Error) -> EvalError {
    EvalError::Write { path: path.to_owned(), source }
}
