use std::io;
use std::path::PathBuf;

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
}
