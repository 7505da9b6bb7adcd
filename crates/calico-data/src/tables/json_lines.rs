//! Tables as a JSON object per line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::block::{Block, Place};
use super::{Picked, Row, TableError};
use crate::DataError;

/// The most bytes of a line: many times the longest mask of a real image.
const MAX_LINE: u64 = 1 << 26;

/// Writes the rows of batches until there is none.
pub(super) fn write<R: Row>(
    file: &mut File,
    mut next_batch: impl FnMut() -> Vec<R>,
) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    loop {
        let rows = next_batch();
        if rows.is_empty() {
            return writer.flush();
        }
        for row in rows {
            serde_json::to_writer(&mut writer, &row)?;
            writer.write_all(b"\n")?;
        }
    }
}

/// Lists the blocks of a file; its lines are not looked into.
pub(super) fn open(path: &Path) -> Result<Vec<Block>, DataError> {
    let mut lines = Lines::open(path)?;
    let mut blocks: Vec<Block> = Vec::new();
    let mut first_row = 0;
    while let Some(place) = lines.next()? {
        match blocks.last_mut() {
            Some(block) if block.rows < Block::ROWS => block.rows += 1,
            _ => blocks.push(Block { first_row, rows: 1, place }),
        }
        first_row += 1;
    }
    Ok(blocks)
}

/// Reads a block.
pub(super) fn read<R: Picked>(path: &Path, block: &Block) -> Result<Vec<R>, DataError> {
    let mut lines = Lines::open(path)?;
    lines.go_to(block.place)?;
    let mut rows = Vec::with_capacity(block.rows as usize);
    while rows.len() < block.rows as usize {
        if lines.next()?.is_none() {
            let reason = "the file has become shorter".to_owned();
            return Err(DataError::table(path, TableError::Line { line: lines.line, reason }));
        }
        let row = serde_json::from_slice(&lines.text).map_err(|error| lines.bad_row(&error))?;
        rows.push(row);
    }
    Ok(rows)
}

/// The lines of a file that are not blank, one at a time.
struct Lines<'a> {
    path: &'a Path,
    file: BufReader<File>,
    /// The current line.
    text: Vec<u8>,
    /// Its number, from 1; 0 before the first.
    line: u64,
    /// The first byte after it.
    byte: u64,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|source| DataError::read(path, source))?;
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self { path, file, text: Vec::new(), line: 0, byte: 0 })
    }

    fn go_to(&mut self, place: Place) -> Result<(), DataError> {
        let Place::Lines { byte, line } = place else { return Ok(()) };
        let jump = self.file.seek(SeekFrom::Start(byte));
        jump.map_err(|source| DataError::read(self.path, source))?;
        (self.byte, self.line) = (byte, line - 1);
        Ok(())
    }

    /// Reads the next line that is not blank; returns where it begins.
    fn next(&mut self) -> Result<Option<Place>, DataError> {
        loop {
            let byte = self.byte;
            self.text.clear();
            let mut limited = (&mut self.file).take(MAX_LINE + 1);
            let read = limited.read_until(b'\n', &mut self.text);
            let read = read.map_err(|source| DataError::read(self.path, source))? as u64;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.byte += read;
            if read > MAX_LINE {
                let error = TableError::LongLine { line: self.line, most: MAX_LINE };
                return Err(DataError::table(self.path, error));
            }
            if !self.text.trim_ascii().is_empty() {
                return Ok(Some(Place::Lines { byte, line: self.line }));
            }
        }
    }

    fn bad_row(&self, error: &serde_json::Error) -> DataError {
        // Each line is a text of its own to the JSON reader, which calls it line 1.
        let text = error.to_string();
        let reason = match text.rsplit_once(" at line ") {
            Some((reason, _)) => format!("{reason} at column {}", error.column()),
            None => text,
        };
        DataError::table(self.path, TableError::Line { line: self.line, reason })
    }
}
