use std::sync::atomic::{AtomicU64, Ordering};

use crate::DataError;
use crate::sources::Watch;

/// Counts the rows that were looked at.
pub(super) struct Progress<'a> {
    watch: &'a Watch<'a>,
    done: AtomicU64,
    total: u64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(watch: &'a Watch<'a>, total: u64) -> Self {
        Self { watch, done: AtomicU64::new(0), total }
    }

    /// Tells that so many more rows were looked at; an error if somebody asked to stop.
    pub(super) fn add(&self, rows: u64) -> Result<(), DataError> {
        let done = rows + self.done.fetch_add(rows, Ordering::Relaxed);
        self.watch.report(done.min(self.total), self.total);
        self.watch.check()
    }
}
