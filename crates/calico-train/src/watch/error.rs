use std::io;
use std::path::PathBuf;

use calico_result::ResultError;

/// What can go wrong while a run is written down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A file of a new run is already there.
    #[error("found {path:?} of an earlier run, expected no such file; resume that run or choose another folder", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },

    /// The file lost what a checkpoint says was written.
    #[error(
        "found {found} bytes in {path:?}, expected at least {expected}, which the checkpoint saw; \
         put the file back, or resume from an older checkpoint",
        path = path.display()
    )]
    Shorter {
        /// The file.
        path: PathBuf,
        /// Its length in bytes, 0 if there is none.
        found: u64,
        /// The length that the checkpoint recorded.
        expected: u64,
    },

    /// The file was changed: what the checkpoint saw does not end where a line ends.
    #[error(
        "found byte {bytes} of {path:?} within a line, expected the end of one; \
         put back the file that belongs to the checkpoint",
        path = path.display()
    )]
    NotAtLineEnd {
        /// The file.
        path: PathBuf,
        /// The length that the checkpoint recorded.
        bytes: u64,
    },

    /// JSON has no such number, and a run that has one must stop.
    #[error(
        "found {value} for {field} of step {step}, expected a finite number; \
         stop the run and go back to the last checkpoint"
    )]
    NotFinite {
        /// The name of the value, as in the file.
        field: String,
        /// The step of the row.
        step: u64,
        /// NaN or an infinity.
        value: f64,
    },

    /// A line that is not of this file's form.
    #[error("found a line {line} in {path:?} that is no row ({source}); remove the line or put the file back", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// Where and why reading stopped.
        source: serde_json::Error,
    },

    /// A line that is too long to be of this file.
    #[error("found a line {line} in {path:?} of more than {limit} bytes, expected a short row; put the file back", path = path.display())]
    LongLine {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// The most bytes a line may have.
        limit: u64,
    },

    /// A row could not be turned into JSON.
    #[error("cannot write a row as json: {0}")]
    Row(#[source] serde_json::Error),

    /// A file could not be read.
    #[error("cannot read {path:?}: {source}; check that it is there and readable", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file could not be written; what was in it before is still there.
    #[error("cannot write {path:?}: {source}; check the free space and the rights", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A step that the format of event files cannot hold.
    #[error("found step {step}, expected at most {most}; event files count no further", most = i64::MAX)]
    Step {
        /// The step.
        step: u64,
    },

    /// Event files show pictures as PNG.
    #[error(
        "found a picture {tag:?} of {bytes} bytes that is no png, expected a png of less than 1 GiB"
    )]
    Picture {
        /// The tag of the picture.
        tag: String,
        /// How many bytes were given.
        bytes: usize,
    },

    /// A picture or a page could not be made.
    #[error(transparent)]
    Result(#[from] ResultError),
}
