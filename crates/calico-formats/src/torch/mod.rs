//! The files of PyTorch: a zip file with a pickle, which says how tensors lie in storages, and
//! the storages beside it.
//!
//! ```text
//! Archive ─ data.pkl ─► Pickle: dicts, lists, tensors ─ state_dict ─► names
//!    └───── data/0, data/1, … ─────────── placement ────────────────► places in the file
//! ```
//!
//! A pickle is a program, so it is run by an interpreter that can do nothing but build values.

mod archive;
mod directory;
mod older;
mod pickle;
mod placement;
mod state_dict;
mod zero;

use archive::Archive;
use pickle::Pickle;

use crate::FormatError;
use crate::contents::Contents;
use crate::source::Source;

/// What to do with a file whose weights cannot be taken as it is.
const SAVE_AGAIN: &str = "load it in Python, if you trust it, and save the weights alone: \
                          `torch.save(model.state_dict(), path)`, or as safetensors";

/// Bytes of the entry that names an order of bytes.
const BYTE_ORDER_BYTES: u64 = 16;

/// Whether a file begins as one of PyTorch, including the forms that have to be converted.
pub(crate) fn begins(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || older::form(head).is_some()
}

pub(crate) fn read(source: &Source) -> Result<Contents, FormatError> {
    zero::check_file_name(source)?;
    let head = source.read(0, source.len().min(64))?;
    if let Some(form) = older::form(&head) {
        return Err(not_this(source, form, SAVE_AGAIN));
    }
    let archive = Archive::open(source)?;
    if let Some(order) = archive.read(source, "byteorder", BYTE_ORDER_BYTES)?
        && order != b"little"
    {
        let found = "does not store its values little-endian";
        let expected = "the file as a little-endian machine saves it: load and save it there";
        return Err(not_this(source, found, expected));
    }
    let bytes = archive.read(source, "data.pkl", crate::limits::HEADER_BYTES)?.unwrap_or_default();
    let pickle = Pickle::load(&bytes)
        .map_err(|(at, problem)| problem.into_error(source, &format!("pickle at byte {at}")))?;
    state_dict::read(source, &archive, &pickle)
}

fn not_this(source: &Source, found: impl Into<String>, expected: &str) -> FormatError {
    let (path, expected) = (source.path().to_path_buf(), expected.to_owned());
    FormatError::NotThis { path, found: found.into(), expected }
}

/// The beginning of a text of the file, fit to be shown: it may hold anything.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() { start + "…" } else { start }
}
