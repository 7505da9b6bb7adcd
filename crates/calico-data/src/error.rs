use std::io;
use std::path::{Path, PathBuf};

use crate::TableError;
use crate::build::BuildError;

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
    /// The sources do not make a data set, or it cannot be put in its place.
    #[error(transparent)]
    Build(#[from] BuildError),
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
    /// Text of a file is no JSON, has another shape than expected, or passes a limit.
    #[error(
        "in {path:?}, byte {offset}: {reason}; fetch or export the file again",
        path = path.display()
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// Position of the fault in the file, in bytes.
        offset: u64,
        /// What was found; names line and column where the parser knows them.
        reason: String,
    },
    /// A folder holds nothing of a source.
    #[error(
        "found no {what} in {path:?}, expected {expected}: name the folder that holds it",
        path = path.display()
    )]
    NoSource {
        /// The source.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
    /// A folder holds splits of both releases of `PartImageNet`.
    #[error(
        "found {first} and {second} in {path:?}, which belong to different releases of \
         PartImageNet, whose splits contradict each other: remove one of them",
        path = path.display()
    )]
    MixedReleases {
        /// The folder.
        path: PathBuf,
        /// A file of the one release.
        first: String,
        /// A file of the other.
        second: String,
    },
    /// Somebody asked to stop.
    #[error("stopped before the end, as asked")]
    Stopped,
}

impl DataError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn table(path: &Path, source: TableError) -> Self {
        Self::Table { path: path.to_owned(), source }
    }
}
