use std::ops::Range;

use crate::source::Source;
use crate::{FormatError, limits};

/// Entries of a zip file: a storage per tensor, a few of those that an optimiser keeps.
const ENTRIES: u64 = 1 << 20;
/// Bytes of the record at the end, without its comment.
const END_BYTES: u64 = 22;
/// Bytes of the record that says where the long form of the one at the end lies.
const LOCATOR_BYTES: u64 = 20;
/// Bytes of the long form.
const LONG_END_BYTES: u64 = 56;
/// Bytes of a header in the directory, without names.
const HEADER_BYTES: usize = 46;

/// What the central directory of a zip file says about an entry.
pub(super) struct Header {
    pub(super) name: String,
    pub(super) flags: u64,
    pub(super) method: u64,
    pub(super) stored_len: u64,
    pub(super) len: u64,
    /// Of the header in front of the bytes.
    pub(super) start: u64,
}

/// The central directory of a zip file.
pub(super) struct Directory {
    pub(super) start: u64,
    pub(super) headers: Vec<Header>,
}

impl Directory {
    pub(super) fn read(source: &Source) -> Result<Self, FormatError> {
        let (place, count) = find(source)?;
        let len = place.end.saturating_sub(place.start);
        if len > limits::HEADER_BYTES || count > ENTRIES {
            let reason = format!(
                "lists {count} entries in {len} bytes; expected at most {ENTRIES} in {}",
                limits::HEADER_BYTES
            );
            return Err(source.refused("directory", reason));
        }
        let bytes = source.read(place.start, len)?;
        let mut rest = bytes.as_slice();
        // Memory is taken as headers are found, whatever number is claimed.
        let mut headers = Vec::new();
        for index in 0..count {
            let broken = |reason| source.broken(&format!("directory, entry {index}"), reason);
            headers.push(header(&mut rest).map_err(broken)?);
        }
        if !rest.is_empty() {
            let reason = format!("{} bytes follow the {count} entries that it counts", rest.len());
            return Err(source.broken("directory", reason));
        }
        Ok(Self { start: place.start, headers })
    }
}

/// What a record at the end of the file says about the directory.
#[derive(Clone, Copy)]
struct End {
    count: u64,
    len: u64,
    start: u64,
    /// Whether everything lies in this file.
    is_whole: bool,
}

/// Where the directory lies and how many entries it lists, by the record at the end of the file.
fn find(source: &Source) -> Result<(Range<u64>, u64), FormatError> {
    let broken = |reason: &str| source.broken("end of the zip file", reason);
    let tail_len = source.len().min(END_BYTES + u64::from(u16::MAX));
    let tail_start = source.len() - tail_len;
    let tail = source.read(tail_start, tail_len)?;
    // A comment follows the record, up to the end of the file.
    let ends_file = |record: &[u8]| {
        let comment = number(record, 20, 2);
        record.starts_with(b"PK\x05\x06") && record.len() as u64 == END_BYTES + comment
    };
    let mut starts = (0..tail.len()).rev().filter_map(|at| Some((at, tail.get(at..)?)));
    let Some((at, record)) = starts.find(|(_, record)| ends_file(record)) else {
        return Err(broken("found no directory; it may be cut off: copy or download it again"));
    };
    let [disk, of_directory, here, count] = [4, 6, 8, 10].map(|at| number(record, at, 2));
    let is_whole = disk == 0 && of_directory == 0 && here == count;
    let short = End { count, len: number(record, 12, 4), start: number(record, 16, 4), is_whole };
    let at = tail_start + at as u64;
    let (end, at) = long_end(source, short, at)?.unwrap_or((short, at));
    if !end.is_whole {
        return Err(broken("it is one of several parts; expected a whole file"));
    }
    match end.start.checked_add(end.len) {
        Some(directory_end) if directory_end <= at => Ok((end.start..directory_end, end.count)),
        _ => {
            let End { len, start, .. } = end;
            let reason = format!(
                "the directory takes {len} bytes from byte {start}; \
                 expected it in front of byte {at}"
            );
            Err(broken(&reason))
        }
    }
}

/// The record for files of any size, and where it lies, if a locator in front of the short one
/// leads to it.
fn long_end(source: &Source, short: End, at: u64) -> Result<Option<(End, u64)>, FormatError> {
    let Some(locator_at) = at.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let locator = source.read(locator_at, LOCATOR_BYTES)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(None);
    }
    let at = number(&locator, 8, 8);
    let record = source.read(at, LONG_END_BYTES)?;
    let [here, count, len, start] = [24, 32, 40, 48].map(|at| number(&record, at, 8));
    let is_whole = short.is_whole && number(&record, 16, 8) == 0 && here == count;
    // All bits are set where a number does not fit, or is left to the long form.
    let agrees = |short, long, full: u32| short == long || short == u64::from(full);
    let all_agree = agrees(short.count, count, u16::MAX.into())
        && agrees(short.len, len, u32::MAX)
        && agrees(short.start, start, u32::MAX);
    if !record.starts_with(b"PK\x06\x06") || !all_agree {
        let reason = "its two records contradict each other";
        return Err(source.broken("end of the zip file", reason));
    }
    Ok(Some((End { count, len, start, is_whole }, at)))
}

/// Takes the next header off the front.
fn header(rest: &mut &[u8]) -> Result<Header, String> {
    let cut = || "the directory ends within it".to_owned();
    let (fixed, tail) = rest.split_at_checked(HEADER_BYTES).ok_or_else(cut)?;
    if !fixed.starts_with(b"PK\x01\x02") {
        return Err("found no header of an entry".to_owned());
    }
    let [name, extra, comment] = [28, 30, 32].map(|at| number(fixed, at, 2) as usize);
    let (name, tail) = tail.split_at_checked(name).ok_or_else(cut)?;
    let (extra, tail) = tail.split_at_checked(extra).ok_or_else(cut)?;
    (_, *rest) = tail.split_at_checked(comment).ok_or_else(cut)?;

    let name =
        std::str::from_utf8(name).map_err(|error| format!("its name is no text, {error}"))?;
    let mut numbers = [24, 20, 42].map(|at| number(fixed, at, 4));
    let mut long = long_numbers(extra).chunks_exact(8);
    for short in &mut numbers {
        if *short == u64::from(u32::MAX) {
            *short = number(long.next().ok_or("a number of 64 bits is missing")?, 0, 8);
        }
    }
    let [len, stored_len, start] = numbers;
    let (flags, method) = (number(fixed, 8, 2), number(fixed, 10, 2));
    Ok(Header { name: name.to_owned(), flags, method, stored_len, len, start })
}

/// What stands in for numbers that do not fit into 32 bits.
fn long_numbers(mut extra: &[u8]) -> &[u8] {
    while let Some((field, rest)) = extra.split_at_checked(4) {
        let len = number(field, 2, 2) as usize;
        let Some((content, rest)) = rest.split_at_checked(len) else { break };
        if number(field, 0, 2) == 1 {
            return content;
        }
        extra = rest;
    }
    &[]
}

/// A little-endian number; bytes beyond the end of the record count as zero.
pub(super) fn number(record: &[u8], at: usize, width: usize) -> u64 {
    record.iter().skip(at).take(width).rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}
