use std::collections::BTreeMap;

use super::directory::{Directory, Header, number};
use super::{SAVE_AGAIN, not_this, shown};
use crate::FormatError;
use crate::source::Source;

/// Bytes in front of an entry, without its name.
const LOCAL_HEADER: u64 = 30;
/// Flags of entries that are encrypted, in one way or another.
const ENCRYPTED: u64 = 1 | 1 << 6 | 1 << 13;

/// Where an entry's bytes lie in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) start: u64,
    pub(super) len: u64,
}

/// A zip file of `torch.save`: all entries are stored as they are, in one folder.
///
/// It is read here, not by a library, because tensors are read in place: what counts is where
/// bytes lie, that no two entries share any, and that no name stands for two.
pub(super) struct Archive {
    folder: String,
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    pub(super) fn open(source: &Source) -> Result<Self, FormatError> {
        let directory = Directory::read(source)?;
        let folder = folder(source, &directory.headers)?;
        let mut entries = BTreeMap::new();
        let mut ranges = Vec::with_capacity(directory.headers.len());
        for header in directory.headers {
            let entry = locate(source, &header)?;
            ranges.push((header.start, entry.start.saturating_add(entry.len)));
            if entries.contains_key(&header.name) {
                let reason = format!("two entries have the name `{}`", shown(&header.name));
                return Err(source.broken("directory", reason));
            }
            entries.insert(header.name, entry);
        }
        check_apart(source, ranges, directory.start)?;
        Ok(Self { folder, entries })
    }

    /// The bytes of an entry, if there is one, that takes no more than so many.
    pub(super) fn read(
        &self,
        source: &Source,
        name: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, FormatError> {
        let Some(entry) = self.entry(name) else { return Ok(None) };
        if entry.len > limit {
            let reason = format!("takes {} bytes; expected at most {limit}", entry.len);
            return Err(source.refused(&format!("entry {name}"), reason));
        }
        source.read(entry.start, entry.len).map(Some)
    }

    /// Where a storage lies.
    pub(super) fn storage(&self, key: &str) -> Option<Entry> {
        self.entry(&format!("data/{key}"))
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        self.entries.get(&format!("{}/{name}", self.folder)).copied()
    }
}

/// The folder in which the pickle lies, the only one with a pickle.
fn folder(source: &Source, headers: &[Header]) -> Result<String, FormatError> {
    let folders = |file: &'static str| {
        let names =
            headers.iter().filter_map(move |it| it.name.strip_suffix(file)?.strip_suffix('/'));
        names.filter(|folder| !folder.contains('/'))
    };
    if folders("constants.pkl").next().is_some() {
        let expected = "weights alone: load it with `torch.jit.load`, and save its `state_dict()`";
        return Err(not_this(source, "is a program of TorchScript", expected));
    }
    let mut found = folders("data.pkl");
    match (found.next(), found.next()) {
        (Some(folder), None) => Ok(folder.to_owned()),
        (Some(_), Some(_)) => Err(source.broken("directory", "lists more than one data.pkl")),
        (None, _) => {
            let found = "is a zip file without data.pkl in its folder";
            Err(not_this(source, found, "a file that `torch.save` wrote"))
        }
    }
}

/// Finds the bytes of an entry, and compares what is said in front of them.
fn locate(source: &Source, header: &Header) -> Result<Entry, FormatError> {
    let name = shown(&header.name);
    if header.flags & ENCRYPTED != 0 || header.method != 0 {
        let how = if header.flags & ENCRYPTED != 0 { "encrypted" } else { "compressed" };
        let found = format!("is a zip file whose entry `{name}` is {how}");
        return Err(not_this(source, found, &format!("one that `torch.save` wrote: {SAVE_AGAIN}")));
    }
    let broken = |reason: String| source.broken(&format!("entry `{name}`"), reason);
    let len = header.len;
    if header.stored_len != len {
        return Err(broken(format!("takes {} bytes for {len}", header.stored_len)));
    }
    let name_len = header.name.len() as u64;
    let before = source.read(header.start, LOCAL_HEADER + name_len)?;
    let (fixed, local_name) = before.split_at_checked(LOCAL_HEADER as usize).unwrap_or_default();
    let agrees = fixed.starts_with(b"PK\x03\x04")
        && number(fixed, 8, 2) == header.method
        && number(fixed, 26, 2) == name_len
        && local_name == header.name.as_bytes();
    if !agrees {
        return Err(broken(format!("found something else at byte {}", header.start)));
    }
    // Where the bytes end cannot overflow: what was read in front of them lies in the file.
    let start = header.start + LOCAL_HEADER + name_len + number(fixed, 28, 2);
    if !source.holds(start, len) {
        return Err(broken(format!("takes {len} bytes from byte {start}, outside of the file")));
    }
    Ok(Entry { start, len })
}

/// Refuses entries that share bytes, with each other or with the directory.
fn check_apart(
    source: &Source,
    mut ranges: Vec<(u64, u64)>,
    directory: u64,
) -> Result<(), FormatError> {
    ranges.sort_unstable();
    let next = ranges.iter().skip(1).map(|&(start, _)| start).chain([directory]);
    match ranges.iter().zip(next).find(|((_, end), next)| end > next) {
        None => Ok(()),
        Some((&(start, end), next)) => {
            let reason = format!(
                "the entry at byte {start} ends at byte {end}, but what follows begins at {next}"
            );
            Err(source.broken("directory", reason))
        }
    }
}
