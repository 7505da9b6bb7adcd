use std::vec;

use crate::DataError;
use crate::tables::{Picked, TableFile};

/// The rows of a table, read block by block; after an error comes nothing.
pub(crate) struct Rows<R> {
    files: vec::IntoIter<TableFile>,
    /// The current file, and the next block of it.
    current: Option<(TableFile, usize)>,
    block: vec::IntoIter<R>,
}

impl<R: Picked> Rows<R> {
    pub(crate) fn new(files: Vec<TableFile>) -> Self {
        Self { files: files.into_iter(), current: None, block: Vec::new().into_iter() }
    }

    /// The next rows, as many as are read at once; `None` at the end.
    pub(crate) fn next_block(&mut self) -> Option<Result<Vec<R>, DataError>> {
        loop {
            if let Some((file, block)) = &mut self.current
                && *block < file.block_count()
            {
                let rows = file.read(*block);
                *block += 1;
                if rows.is_err() {
                    self.current = None;
                    self.files = Vec::new().into_iter();
                }
                return Some(rows);
            }
            self.current = Some((self.files.next()?, 0));
        }
    }
}

impl<R: Picked> Iterator for Rows<R> {
    type Item = Result<R, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.block.next() {
                return Some(Ok(row));
            }
            match self.next_block()? {
                Ok(rows) => self.block = rows.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
