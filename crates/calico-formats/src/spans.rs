use std::ops::Range;

use crate::FormatError;
use crate::contents::{of_tensor, shown};
use crate::source::Source;

/// Where in a file the values of a tensor lie.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) name: String,
}

/// Checks that no two tensors share bytes and, where the format says so, that together they fill
/// a part of the file. A name that the header repeats for the same bytes is no clash: it is
/// listed as doubled.
pub(crate) fn check(
    source: &Source,
    mut spans: Vec<Span>,
    filled: Option<Range<u64>>,
) -> Result<(), FormatError> {
    spans.retain(|span| span.start < span.end);
    spans.sort_unstable();
    spans.dedup();
    let mut end = filled.as_ref().map_or(0, |part| part.start);
    let mut before = "";
    for span in &spans {
        if span.start < end {
            let reason = format!(
                "its values begin at byte {}, inside of those of tensor `{}`, which end at byte \
                 {end}; expected values that no two tensors share",
                span.start,
                shown(before)
            );
            return Err(source.broken(&of_tensor(&span.name), reason));
        }
        if filled.is_some() && span.start > end {
            let reason = format!(
                "the bytes from {end} to {} belong to no tensor; expected tensors without gaps",
                span.start
            );
            return Err(source.broken("header", reason));
        }
        (end, before) = (span.end, &span.name);
    }
    match filled {
        Some(part) if end != part.end => {
            let (len, left) = (source.len(), part.end.saturating_sub(end));
            let reason = format!(
                "the last {left} of the file's {len} bytes belong to no tensor; expected that \
                 tensors fill it to its end"
            );
            Err(source.broken("file", reason))
        }
        _ => Ok(()),
    }
}
