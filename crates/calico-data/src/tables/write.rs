use std::fs;
use std::io;

use calico_result::OutputFolder;

use super::block::Block;
use super::parquet_file::WriteError;
use super::{Row, Table, json_lines, parquet_file};
use crate::{DataError, ImageRecord, RegionRecord, SampleRecord, Split, TableFormat, Tables};

/// Writes the images of a split into `images/`, in place of earlier ones.
pub fn write_images(
    folder: &OutputFolder,
    split: Split,
    images: &[ImageRecord],
    tables: &Tables,
) -> Result<(), DataError> {
    write_whole(folder, split, &mut images.iter().cloned(), tables)
}

/// Writes the regions of a split into `regions/`, in place of earlier ones.
pub fn write_regions(
    folder: &OutputFolder,
    split: Split,
    mut regions: impl Iterator<Item = RegionRecord>,
    tables: &Tables,
) -> Result<(), DataError> {
    write_whole(folder, split, &mut regions, tables)
}

/// Writes the samples of a split into `samples/`, in files of [`Tables::rows_per_file`] rows, in
/// place of earlier ones.
///
/// `total` is their number, which is part of the file names; another number is an error.
pub fn write_samples(
    folder: &OutputFolder,
    split: Split,
    total: u64,
    mut samples: impl Iterator<Item = SampleRecord>,
    tables: &Tables,
) -> Result<(), DataError> {
    let per_file = u64::from(tables.rows_per_file.max(1));
    let parts = total.div_ceil(per_file).max(1);
    let inside = folder.subfolder(Table::Samples.name())?;
    let mut written = 0;
    let mut names = Vec::new();
    for part in 0..parts {
        let expected = per_file.min(total - written);
        let name = Table::Samples.file_name(split, (part, parts), tables.format);
        let rows =
            write_file(&inside, &name, &mut samples.by_ref().take(expected as usize), tables)?;
        written += rows;
        names.push(name);
        if rows < expected {
            return Err(DataError::RowCount { table: "samples", found: written, expected: total });
        }
    }
    if samples.next().is_some() {
        return Err(DataError::RowCount { table: "samples", found: total + 1, expected: total });
    }
    remove_others(&inside, Table::Samples, split, &names)
}

fn write_whole<R: Row>(
    folder: &OutputFolder,
    split: Split,
    rows: &mut dyn Iterator<Item = R>,
    tables: &Tables,
) -> Result<(), DataError> {
    let inside = folder.subfolder(R::TABLE.name())?;
    let name = R::TABLE.file_name(split, (0, 1), tables.format);
    write_file(&inside, &name, rows, tables)?;
    remove_others(&inside, R::TABLE, split, &[name])
}

/// Writes a file, all or nothing; returns the number of rows.
fn write_file<R: Row>(
    folder: &OutputFolder,
    name: &str,
    rows: &mut dyn Iterator<Item = R>,
    tables: &Tables,
) -> Result<u64, DataError> {
    let mut count = 0;
    let mut bad_row = None;
    let next_batch = || {
        let batch: Vec<R> = rows.take(Block::ROWS as usize).collect();
        count += batch.len() as u64;
        batch
    };
    let written = folder.write_with(name, |file| match tables.format {
        TableFormat::JsonLines => json_lines::write(file, next_batch),
        TableFormat::Parquet => match parquet_file::write(file, next_batch, tables) {
            Ok(()) => Ok(()),
            Err(WriteError::Bytes(error)) => Err(error),
            Err(WriteError::Row(error)) => {
                bad_row = Some(error);
                Err(io::ErrorKind::InvalidData.into())
            }
        },
    });
    match bad_row {
        Some(source) => Err(DataError::table(&folder.path().join(name), source)),
        None => Ok(written.map(|_| count)?),
    }
}

/// Removes the files of a table and split that an earlier run wrote and this one did not: in
/// another format, or of another number of parts.
fn remove_others(
    folder: &OutputFolder,
    table: Table,
    split: Split,
    kept: &[String],
) -> Result<(), DataError> {
    let list = fs::read_dir(folder.path()).map_err(|e| DataError::read(folder.path(), e))?;
    for entry in list {
        let entry = entry.map_err(|source| DataError::read(folder.path(), source))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let ours = table.parse_file_name(name).is_some_and(|(found, ..)| found == split);
        if ours && !kept.iter().any(|kept| kept == name) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|source| DataError::Remove { path, source })?;
        }
    }
    Ok(())
}
