use std::path::{Path, PathBuf};

use super::block::Block;
use super::parquet_file::ParquetFile;
use super::{Picked, json_lines};
use crate::{DataError, TableFormat};

/// A file of a table, open for reading block by block, in any order.
#[derive(Clone)]
pub(crate) struct TableFile {
    path: PathBuf,
    blocks: Vec<Block>,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Parquet(ParquetFile),
    JsonLines,
}

impl TableFile {
    /// Opens a file, and checks that it has the columns of `R` where the format has columns.
    pub(crate) fn open<R: Picked>(path: &Path, format: TableFormat) -> Result<Self, DataError> {
        let (form, blocks) = match format {
            TableFormat::Parquet => {
                let (file, blocks) = ParquetFile::open::<R>(path)?;
                (Form::Parquet(file), blocks)
            }
            TableFormat::JsonLines => (Form::JsonLines, json_lines::open(path)?),
        };
        Ok(Self { path: path.to_owned(), blocks, form })
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.first_row + u64::from(block.rows))
    }

    /// Number of blocks; none has more than a few thousand rows.
    pub(crate) fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Number of rows of a block.
    pub(crate) fn block_rows(&self, block: usize) -> u32 {
        self.blocks.get(block).map_or(0, |block| block.rows)
    }

    /// Reads some or all columns of a block.
    pub(crate) fn read<R: Picked>(&self, block: usize) -> Result<Vec<R>, DataError> {
        let Some(block) = self.blocks.get(block) else { return Ok(Vec::new()) };
        match &self.form {
            Form::Parquet(file) => file.read(&self.path, block),
            Form::JsonLines => json_lines::read(&self.path, block),
        }
    }
}
