use std::io::{self, Write};

use serde::Serialize;

use crate::AnnotationError;

/// Writes a value as one line of JSON.
pub(crate) fn write(value: &impl Serialize, out: impl Write) -> Result<(), AnnotationError> {
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer(&mut out, value)
        .map_err(io::Error::from)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .map_err(|source| AnnotationError::Write { source })
}
