//! Tables as Apache Parquet.

use std::fmt::Display;
use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{RecordBatch, StructArray, new_empty_array};
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::block::{Block, Place};
use super::columns::Columns;
use super::{Picked, Row, TableError, parquet_footer};
use crate::{DataError, Tables};

/// The most rows of a file that is read; ours have less than a million.
const MAX_ROWS: u64 = u32::MAX as u64;

/// Writes the rows of batches until there is none.
pub(super) fn write<R: Row>(
    file: &mut File,
    mut next_batch: impl FnMut() -> Vec<R>,
    tables: &Tables,
) -> Result<(), WriteError> {
    let schema = Arc::new(Schema::new(R::fields()));
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties::<R>(tables)?))?;
    let mut first_row = 0;
    loop {
        let rows = next_batch();
        if rows.is_empty() {
            break;
        }
        let arrays = R::to_arrays(&rows).map_err(|error| error.in_file(first_row))?;
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
        first_row += rows.len() as u64;
    }
    writer.close()?;
    Ok(())
}

/// Why a file could not be written.
pub(super) enum WriteError {
    /// A row does not fit into the table.
    Row(TableError),
    /// The bytes could not be written.
    Bytes(std::io::Error),
}

impl From<TableError> for WriteError {
    fn from(error: TableError) -> Self {
        Self::Row(error)
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        Self::Bytes(error.into())
    }
}

impl From<ArrowError> for WriteError {
    fn from(error: ArrowError) -> Self {
        Self::Bytes(std::io::Error::other(error))
    }
}

fn properties<R: Row>(tables: &Tables) -> Result<WriterProperties, ParquetError> {
    let level = ZstdLevel::try_new(tables.zstd_level)?;
    let mut properties = WriterProperties::builder()
        // Neither a version of a library nor a time: equal rows are equal bytes.
        .set_created_by("calico".to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(tables.row_group as usize))
        .set_data_page_row_count_limit(Block::ROWS as usize)
        // Limits of a page are looked at once per so many rows.
        .set_write_batch_size(1024)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_enabled(false);
    for &column in R::LABELS {
        let path = ColumnPath::new(column.split('.').map(str::to_owned).collect());
        properties = properties.set_column_dictionary_enabled(path, true);
    }
    Ok(properties.build())
}

/// A file whose metadata was read and checked.
#[derive(Clone)]
pub(super) struct ParquetFile {
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    /// Reads the metadata of a file, checks that it has the columns of `R`, and lists its blocks.
    pub(super) fn open<R: Picked>(path: &Path) -> Result<(Self, Vec<Block>), DataError> {
        let mut file = File::open(path).map_err(|source| DataError::read(path, source))?;
        let length = file.metadata().map_err(|source| DataError::read(path, source))?.len();
        let open = || {
            parquet_footer::check(&mut file)?;
            // The types of the columns count, not those of the program that wrote them.
            let options = ArrowReaderOptions::new()
                .with_skip_arrow_metadata(true)
                .with_column_index_policy(PageIndexPolicy::Skip)
                .with_offset_index_policy(PageIndexPolicy::Optional);
            let metadata = ArrowReaderMetadata::load(&file, options).map_err(damaged)?;
            let blocks = blocks(&metadata, length)?;
            let file = Self { metadata };
            let fields = file.metadata.schema().fields().iter();
            let wanted = fields.filter(|field| is_wanted::<R>(field.name())).cloned();
            let none = new_empty_array(&DataType::Struct(wanted.collect()));
            R::from_columns(&Columns::new(none.as_struct(), 0))?;
            Ok((file, blocks))
        };
        caught(open).map_err(|source| DataError::table(path, source))
    }

    /// Reads some columns of a block.
    pub(super) fn read<R: Picked>(&self, path: &Path, block: &Block) -> Result<Vec<R>, DataError> {
        let file = File::open(path).map_err(|source| DataError::read(path, source))?;
        caught(|| self.rows(file, block)).map_err(|source| DataError::table(path, source))
    }

    fn rows<R: Picked>(&self, file: File, block: &Block) -> Result<Vec<R>, TableError> {
        let Place::RowGroup { group, skipped } = block.place else { return Ok(Vec::new()) };
        let fields = self.metadata.schema().fields().iter().enumerate();
        let roots = fields.filter(|(_, field)| is_wanted::<R>(field.name())).map(|(root, _)| root);
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_projection(ProjectionMask::roots(self.metadata.parquet_schema(), roots))
                .with_row_groups(vec![group])
                .with_offset(skipped as usize)
                .with_limit(block.rows as usize)
                .with_batch_size(block.rows as usize)
                .build()
                .map_err(damaged)?;
        let mut rows = Vec::new();
        for batch in reader {
            let batch = StructArray::from(batch.map_err(damaged)?);
            let first_row = block.first_row + rows.len() as u64;
            rows.append(&mut R::from_columns(&Columns::new(&batch, first_row))?);
        }
        if rows.len() == block.rows as usize {
            return Ok(rows);
        }
        let (found, expected) = (rows.len(), block.rows);
        Err(TableError::Damaged { reason: format!("{found} rows where {expected} are announced") })
    }
}

fn is_wanted<R: Picked>(column: &str) -> bool {
    R::COLUMNS.contains(&column)
}

/// Runs the reader so that its panics become errors.
///
/// Version 60 of the parquet crate divides by zero, misses a dictionary or leaves a buffer on
/// some damaged files; `no_damaged_byte_makes_reading_panic` finds such places. Nothing that the
/// reader touched is used after a panic. The message of the panic still reaches the program's
/// panic hook, which belongs to the program.
fn caught<T>(read: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(damaged(format!("the reader gave up: {}", text.unwrap_or("no reason given"))))
    })
}

/// The blocks of a file of `length` bytes, all of whose columns lie within it.
fn blocks(metadata: &ArrowReaderMetadata, length: u64) -> Result<Vec<Block>, TableError> {
    let mut blocks = Vec::new();
    let mut first_row = 0;
    for (group, row_group) in metadata.metadata().row_groups().iter().enumerate() {
        for column in row_group.columns() {
            let codec = column.compression();
            if !matches!(
                codec,
                Compression::UNCOMPRESSED | Compression::ZSTD(_) | Compression::SNAPPY
            ) {
                return Err(TableError::Compression { found: codec.to_string() });
            }
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            let inside = |end: i64| u64::try_from(end).is_ok_and(|end| end <= length);
            if start < 0 || column.compressed_size() < 0 || !end.is_some_and(inside) {
                let name = column.column_path().string();
                return Err(damaged(format!("column {name} of row group {group} is outside")));
            }
        }
        let rows = u64::try_from(row_group.num_rows()).unwrap_or(u64::MAX);
        if rows > MAX_ROWS - first_row {
            let reason = format!("more than {MAX_ROWS} rows announced");
            return Err(TableError::Damaged { reason });
        }
        for skipped in (0..rows).step_by(Block::ROWS as usize) {
            let rows = (rows - skipped).min(u64::from(Block::ROWS)) as u32;
            let place = Place::RowGroup { group, skipped };
            blocks.push(Block { first_row: first_row + skipped, rows, place });
        }
        first_row += rows;
    }
    Ok(blocks)
}

fn damaged(error: impl Display) -> TableError {
    TableError::Damaged { reason: error.to_string() }
}
