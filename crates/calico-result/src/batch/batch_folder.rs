use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::line_file::LineFile;
use super::{BatchError, BatchIdentity, FailureLine, ResultLine, Shard};
use crate::export::MASKS_FOLDER;
use crate::{OutputFolder, ResultError, create_output_folder};

const RESULTS: &str = "results";
const FAILURES: &str = "failures";
const LINES: &str = ".jsonl";
const LOCK: &str = ".lock";
const ITEMS: &str = "items";

/// How many characters of an id stand in the name of its folder.
const NAME_CHARACTERS: usize = 48;

/// The folder of a batch, or of one part of it, which no other process writes.
#[derive(Debug)]
pub struct BatchFolder {
    folder: OutputFolder,
    results: LineFile,
    failures: LineFile,
    done: BTreeSet<String>,
    failed: BTreeSet<String>,
    total: usize,
    /// Unlocked when it is closed, however the process ends.
    _lock: File,
}

/// How far a batch, or a part of it, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Items in all.
    pub total: usize,
    /// Items with a result.
    pub done: usize,
    /// Items without one, because they failed.
    pub failed: usize,
}

impl Progress {
    /// Items that are still to come.
    pub fn open(self) -> usize {
        self.total.saturating_sub(self.done + self.failed)
    }
}

impl BatchFolder {
    /// Opens the folder of a batch that begins or goes on; `ids` are the items of this part.
    ///
    /// # Errors
    /// If the folder holds something else, a line that is not of this batch, or another process
    /// writes this part. Nothing in it is changed then.
    pub fn open(
        path: &Path,
        identity: &BatchIdentity,
        shard: Shard,
        ids: &BTreeSet<&str>,
    ) -> Result<Self, BatchError> {
        let folder = create_output_folder(path)?;
        identity.settle(&folder, is_line_file)?;
        // Before anything is read: who comes second would see a line that is being written.
        let lock = lock(path, shard)?;
        let file = |stem| path.join(shard.file_name(stem, LINES));
        let mut done = BTreeSet::new();
        let results = LineFile::open(file(RESULTS), &mut |line| {
            let head: ResultHead = serde_json::from_slice(line).map_err(|e| e.to_string())?;
            take(head.id, ids, &BTreeSet::new(), &mut done)
        })?;
        let mut failed = BTreeSet::new();
        let failures = LineFile::open(file(FAILURES), &mut |line| {
            let line: FailureLine = serde_json::from_slice(line).map_err(|e| e.to_string())?;
            take(line.id, ids, &done, &mut failed)
        })?;
        Ok(Self { folder, results, failures, done, failed, total: ids.len(), _lock: lock })
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        Progress { total: self.total, done: self.done.len(), failed: self.failed.len() }
    }

    /// Whether an item has neither a result nor a failure.
    pub fn is_open(&self, id: &str) -> bool {
        !self.done.contains(id) && !self.failed.contains(id)
    }

    /// Forgets all failures, so that their items are open again.
    pub fn reopen_failed(&mut self) -> Result<(), BatchError> {
        self.failures.clear()?;
        self.failed.clear();
        Ok(())
    }

    /// Adds the result of an open item; when this returns, it is on disk.
    pub fn add_result(&mut self, line: &ResultLine) -> Result<(), BatchError> {
        debug_assert!(self.is_open(&line.id), "{} comes twice", line.id);
        self.results.add(line)?;
        self.done.insert(line.id.clone());
        Ok(())
    }

    /// Adds the failure of an open item; when this returns, it is on disk.
    pub fn add_failure(&mut self, line: &FailureLine) -> Result<(), BatchError> {
        debug_assert!(self.is_open(&line.id), "{} comes twice", line.id);
        self.failures.add(line)?;
        self.failed.insert(line.id.clone());
        Ok(())
    }

    /// Where the results are.
    pub fn results_path(&self) -> &Path {
        self.results.path()
    }

    /// Where the failures are.
    pub fn failures_path(&self) -> &Path {
        self.failures.path()
    }

    /// The folder for the files of one item: `items/000007-ID`, where characters that not every
    /// system allows in names are replaced. What a killed process left in it is removed.
    pub fn item_folder(&self, line: usize, id: &str) -> Result<OutputFolder, ResultError> {
        let items = self.folder.subfolder(ITEMS)?;
        let folder = items.subfolder(&item_name(line, id))?;
        folder.clear_unfinished()?;
        if folder.path().join(MASKS_FOLDER).is_dir() {
            folder.subfolder(MASKS_FOLDER)?.clear_unfinished()?;
        }
        folder.clear_previous()?;
        Ok(folder)
    }
}

/// The fields of a [`ResultLine`], without what takes long to read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResultHead {
    id: String,
    #[serde(rename = "line")]
    _line: IgnoredAny,
    #[serde(rename = "images")]
    _images: IgnoredAny,
    #[serde(rename = "result")]
    _result: IgnoredAny,
}

/// Notes that a file has an item.
fn take(
    id: String,
    ids: &BTreeSet<&str>,
    others: &BTreeSet<String>,
    own: &mut BTreeSet<String>,
) -> Result<(), String> {
    if !ids.contains(id.as_str()) {
        return Err(format!("no item of this part is called {id:?}"));
    }
    if others.contains(&id) {
        return Err(format!("item {id:?} has a result"));
    }
    if own.contains(&id) {
        return Err(format!("item {id:?} stands in an earlier line"));
    }
    own.insert(id);
    Ok(())
}

/// Whether a batch gives this name to a file with lines.
fn is_line_file(name: &str) -> bool {
    let stem = name.strip_suffix(LINES);
    stem.is_some_and(|stem| stem.starts_with(RESULTS) || stem.starts_with(FAILURES))
}

fn lock(folder: &Path, shard: Shard) -> Result<File, BatchError> {
    let path = folder.join(shard.file_name(LOCK, ""));
    let unwritable = |source| BatchError::Write { path: path.clone(), source };
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let what =
                if shard.is_whole() { "the results".to_owned() } else { format!("part {shard}") };
            Err(BatchError::Busy { path: folder.to_owned(), what })
        }
        Err(TryLockError::Error(source)) => Err(unwritable(source)),
    }
}

fn item_name(line: usize, id: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain = id.chars().take(NAME_CHARACTERS).map(|c| if is_plain(c) { c } else { '_' });
    format!("{line:06}-{}", plain.collect::<String>())
}

#[cfg(test)]
mod tests;
