use std::path::Path;

use crate::FormatError;

/// What is wrong, before the file is named.
#[derive(Debug)]
pub(super) struct Fault {
    refused: bool,
    place: String,
    reason: String,
}

impl Fault {
    /// The tokenizer contradicts itself or its format.
    pub(super) fn broken(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { refused: false, place: place.into(), reason: reason.into() }
    }

    /// The tokenizer asks for what cannot be done.
    pub(super) fn refused(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { refused: true, place: place.into(), reason: reason.into() }
    }

    /// The error for the file at `path`.
    pub(super) fn of(self, path: &Path) -> FormatError {
        let Self { refused, place, reason } = self;
        let path = path.to_path_buf();
        if refused {
            FormatError::Refused { path, place, reason }
        } else {
            FormatError::Broken { path, place, reason }
        }
    }
}

/// A text for messages: short, without line breaks.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
