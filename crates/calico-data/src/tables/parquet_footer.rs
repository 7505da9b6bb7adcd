//! A look at the end of a Parquet file, before its metadata is parsed.
//!
//! The metadata is a Thrift structure whose second field lists the columns as a tree, and the
//! parser calls itself once per level of that tree. A list with few entries has few levels.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use super::TableError;

/// The most columns and groups of a file; ours have less than 30.
const MAX_COLUMNS: u64 = 500;
const MAGIC: &[u8] = b"PAR1";

/// Refuses a file that is no Parquet, or whose tree of columns is too large to be a table of ours.
pub(super) fn check(file: &mut File) -> Result<(), TableError> {
    let damaged = |reason: String| TableError::Damaged { reason };
    let bytes = start_of_footer(file).map_err(|error| damaged(error.to_string()))?;
    let columns = bytes.as_deref().and_then(column_count);
    match columns {
        Some(columns) if columns <= MAX_COLUMNS => Ok(()),
        Some(columns) => Err(damaged(format!("{columns} columns, at most {MAX_COLUMNS} are read"))),
        None => Err(damaged("no metadata at the end of the file".to_owned())),
    }
}

/// The first bytes of the metadata; `None` if the end of the file does not say where they are.
fn start_of_footer(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    let mut end = [0; 8];
    if length < 12 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(length - 8))?;
    file.read_exact(&mut end)?;
    let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if &end[4..] != MAGIC || footer > length - 12 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(length - 8 - footer))?;
    let mut start = Vec::new();
    file.take(footer.min(32)).read_to_end(&mut start)?;
    Ok(Some(start))
}

/// The length of the list in the second field (Thrift's compact protocol, `FileMetaData` of
/// parquet.thrift). All writers put the fields in the order of their numbers.
fn column_count(metadata: &[u8]) -> Option<u64> {
    const NUMBER_AFTER_START: u8 = 0x15;
    const LIST_AFTER_THAT: u8 = 0x19;
    const OF_STRUCTURES: u8 = 0x0c;
    let mut bytes = metadata.iter().copied();
    (bytes.next()? == NUMBER_AFTER_START).then_some(())?;
    variable_length(&mut bytes)?;
    (bytes.next()? == LIST_AFTER_THAT).then_some(())?;
    let list = bytes.next()?;
    (list & 0x0f == OF_STRUCTURES).then_some(())?;
    match list >> 4 {
        0x0f => variable_length(&mut bytes),
        short => Some(u64::from(short)),
    }
}

/// A number of 7 bits a byte, lowest first.
fn variable_length(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_columns_is_read_in_both_forms() {
        assert_eq!(column_count(&[0x15, 4, 0x19, 0x3c, 9]), Some(3));
        assert_eq!(column_count(&[0x15, 0x82, 1, 0x19, 0xfc, 0xa0, 0x8d, 6, 9]), Some(100_000));
        for other in [&[0x15, 4][..], &[0x15, 0x80], &[0x19, 0x3c], &[0x15, 4, 0x19, 0x35], &[]] {
            assert_eq!(column_count(other), None, "{other:?}");
        }
    }
}
