use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::DataError;

/// Sees how far a reading is, and can end it early.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    progress: &'a (dyn Fn(u64, u64) + Sync),
    stop: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    /// `progress` is told how much is done and how much there is in all, in a unit of its own and
    /// from any thread; a reading ends with [`DataError::Stopped`] soon after `stop` becomes true.
    pub fn new(progress: &'a (dyn Fn(u64, u64) + Sync), stop: &'a AtomicBool) -> Self {
        Self { progress, stop }
    }

    /// Sees nothing and never stops.
    pub fn unwatched() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self { progress: &|_, _| (), stop: &NEVER }
    }

    pub(crate) fn report(&self, done: u64, total: u64) {
        (self.progress)(done, total);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), DataError> {
        if self.is_stopped() { Err(DataError::Stopped) } else { Ok(()) }
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("stop", &self.stop).finish_non_exhaustive()
    }
}
