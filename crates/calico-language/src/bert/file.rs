//! Small files that are not trusted.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::FolderProblem;

/// The largest file that is read: eight times a multilingual `tokenizer.json`.
const MOST_BYTES: u64 = 1 << 24;

/// The content of a file, or none where there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, FolderProblem> {
    let failed = |source| FolderProblem::Read { path: path.to_path_buf(), source };
    let kind = match path.metadata() {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !kind.is_file() {
        return Err(failed(Error::other("not a regular file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        let reason = format!("larger than {MOST_BYTES} bytes");
        return Err(content(path, reason));
    }
    Ok(Some(bytes))
}

/// A file that must be there.
pub(super) fn required(path: &Path, holds: &'static str) -> Result<Vec<u8>, FolderProblem> {
    let missing = || FolderProblem::Missing { path: path.to_path_buf(), holds };
    read(path)?.ok_or_else(missing)
}

/// The value of a JSON file, or none where there is no such file.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderProblem> {
    let parse = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes).map_err(|error| content(path, clipped(&error)))
    };
    read(path)?.map(parse).transpose()
}

/// A text as a message shows it: not longer than a line, whatever a file puts into it.
pub(super) fn clipped(text: &impl ToString) -> String {
    const SHOWN: usize = 100;
    let text = text.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A problem with what a file says.
pub(super) fn content(path: &Path, reason: impl Into<String>) -> FolderProblem {
    FolderProblem::Content { path: path.to_path_buf(), reason: reason.into() }
}
