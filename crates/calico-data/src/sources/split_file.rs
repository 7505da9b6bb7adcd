use std::path::{Path, PathBuf};

use crate::{DataError, Split};

/// The annotation file of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SplitFile {
    pub(super) split: Split,
    /// The split, as the source names it.
    pub(super) split_name: &'static str,
    pub(super) path: PathBuf,
    /// The path below the root of the source, with forward slashes.
    pub(super) shown: String,
    /// Length of the file.
    pub(super) bytes: u64,
}

impl SplitFile {
    /// The file at a path below a root, if it is there.
    pub(super) fn find(
        root: &Path,
        (split, split_name): (Split, &'static str),
        shown: String,
    ) -> Result<Option<Self>, DataError> {
        let path = root.join(&shown);
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => {
                Ok(Some(Self { split, split_name, path, shown, bytes: metadata.len() }))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            // A folder where a file is a part of the path.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(None),
            Err(error) => Err(DataError::read(&path, error)),
        }
    }
}
