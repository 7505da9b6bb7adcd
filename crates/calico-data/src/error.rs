use std::io;
use std::path::{Path, PathBuf};

use crate::TableError;

/// Everything that stops work on a data set; what only touches an image is a
/// [`Problem`](crate::Problem).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder cannot be read.
    #[error("cannot read {path:?}: {source}", path = path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A build configuration is wrong.
    #[error("the build configuration is wrong: {reason}")]
    Config {
        /// What is wrong, all of it.
        reason: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] calico_result::ResultError),
    /// A file of a table cannot be read or written.
    #[error("in {path:?}: {source}", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TableError,
    },
    /// A table got another number of rows than announced.
    #[error("found {found} or more rows for the table {table}, expected {expected}")]
    RowCount {
        /// The table.
        table: &'static str,
        /// Number of rows, or of as many as were counted.
        found: u64,
        /// Number of rows that was announced.
        expected: u64,
    },
    /// A file of an earlier data set could not be removed.
    #[error("cannot remove {path:?} of an earlier data set: {source}; remove it", path = path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn table(path: &Path, source: TableError) -> Self {
        Self::Table { path: path.to_owned(), source }
    }
}
