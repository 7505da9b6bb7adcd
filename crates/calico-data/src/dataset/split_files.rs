use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::tables::Table;
use crate::{DataError, Split, TableFormat};

const TABLES: [Table; 3] = [Table::Images, Table::Regions, Table::Samples];

/// The files of a split, by table, each list in the order of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SplitFiles(BTreeMap<Table, Vec<PathBuf>>);

impl SplitFiles {
    /// The files of a table.
    pub(crate) fn of(&self, table: Table) -> &[PathBuf] {
        self.0.get(&table).map_or(&[], Vec::as_slice)
    }
}

/// A file of a table, by its name.
struct Found {
    table: Table,
    split: Split,
    /// Which part it is, of how many.
    part: (u64, u64),
    format: TableFormat,
    path: PathBuf,
}

/// Lists the files of a data set and checks that none is missing and all have one format.
pub(super) fn list(folder: &Path) -> Result<(TableFormat, BTreeMap<Split, SplitFiles>), DataError> {
    let mut found = Vec::new();
    for table in TABLES {
        found.extend(of_table(folder, table)?);
    }
    let Some(format) = found.first().map(|file| file.format) else {
        return Err(DataError::NoDataset { folder: folder.to_owned() });
    };
    if let Some(other) = found.iter().find(|file| file.format != format) {
        let (first, second) = (found[0].path.clone(), other.path.clone());
        return Err(DataError::MixedFormats { first, second });
    }
    let mut splits = BTreeMap::new();
    for split in Split::ALL {
        let files: Vec<&Found> = found.iter().filter(|file| file.split == split).collect();
        if !files.is_empty() {
            splits.insert(split, of_split(folder, split, format, &files)?);
        }
    }
    Ok((format, splits))
}

fn of_table(folder: &Path, table: Table) -> Result<Vec<Found>, DataError> {
    let folder = folder.join(table.name());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(DataError::read(&folder, source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| DataError::read(&folder, source))?;
        let name = entry.file_name();
        let parsed = name.to_str().and_then(|name| table.parse_file_name(name));
        if let Some((split, part, format)) = parsed {
            found.push(Found { table, split, part, format, path: entry.path() });
        }
    }
    // The system lists files in any order.
    found.sort_by_key(|file| (file.split, file.part));
    Ok(found)
}

fn of_split(
    folder: &Path,
    split: Split,
    format: TableFormat,
    found: &[&Found],
) -> Result<SplitFiles, DataError> {
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let files = || found.iter().filter(move |file| file.table == table);
        let parts = files().next().map_or(1, |file| file.part.1);
        if let Some(other) = files().find(|file| file.part.1 != parts) {
            let first = files().next().map_or(folder, |file| file.path.as_path()).to_owned();
            return Err(DataError::MixedParts { first, second: other.path.clone() });
        }
        let mut paths = Vec::new();
        for part in 0..parts {
            let missing = || {
                let name = table.file_name(split, (part, parts), format);
                DataError::MissingTable { path: folder.join(table.name()).join(name) }
            };
            let file = files().nth(part as usize).filter(|file| file.part.0 == part);
            paths.push(file.ok_or_else(missing)?.path.clone());
        }
        tables.insert(table, paths);
    }
    Ok(SplitFiles(tables))
}
