use std::io;
use std::path::PathBuf;

use crate::ResultError;

/// Why a batch cannot begin or go on. What fails for one item only is none of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The folder holds results of something else.
    #[error(
        "{path:?} was begun with something else: {}; \
         go on with what it was begun with, or choose another folder",
        differences.join("; "), path = path.display()
    )]
    OtherBatch {
        /// The folder.
        path: PathBuf,
        /// What differs, as sentences.
        differences: Vec<String>,
    },

    /// The folder has results, but does not say of what.
    #[error(
        "found {found} without {} in {path:?}, expected both or none; choose another folder",
        super::IDENTITY_NAME, path = path.display()
    )]
    NoBatch {
        /// The folder.
        path: PathBuf,
        /// The file with results.
        found: String,
    },

    /// What the folder says of itself cannot be understood.
    #[error(
        "{path:?} says not what was begun here ({reason}); \
         use the version of calico that wrote it, or choose another folder",
        path = path.display()
    )]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A line is not one that we wrote.
    #[error(
        "line {line} of {path:?} is none of this batch ({reason}); \
         restore the file, or choose another folder",
        path = path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },

    /// Another process is at it.
    #[error(
        "another process is writing {what} of {path:?}; \
         wait for it, or split the work with --shard",
        path = path.display()
    )]
    Busy {
        /// The folder.
        path: PathBuf,
        /// Which part of it.
        what: String,
    },

    /// A file cannot be read.
    #[error("cannot read {path:?}: {source}; check its rights and the disk", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file cannot be written. What was written before is whole.
    #[error(
        "cannot write {path:?}: {source}; make room or check the rights, then run the same command \
         again to go on",
        path = path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The folder, or a file of an item, cannot be written.
    #[error(transparent)]
    Result(#[from] ResultError),
}

impl BatchError {
    /// Whether the caller's input is at fault, not the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Write { .. } => false,
            Self::Result(error) => matches!(
                error,
                ResultError::FolderIsFile { .. } | ResultError::FolderNotWritable { .. }
            ),
            _ => true,
        }
    }
}
