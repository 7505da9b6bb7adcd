use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::build_stage::BuildStage;
use crate::DataError;

/// Sees how far a build is, and can end it early.
#[derive(Clone, Copy)]
pub struct BuildWatch<'a> {
    progress: &'a (dyn Fn(BuildStage, u64, u64) + Sync),
    stop: &'a AtomicBool,
}

impl<'a> BuildWatch<'a> {
    /// `progress` is told the stage, how much of it is done and how much there is in all, from any
    /// thread; a build ends with [`DataError::Stopped`] soon after `stop` becomes true.
    pub fn new(progress: &'a (dyn Fn(BuildStage, u64, u64) + Sync), stop: &'a AtomicBool) -> Self {
        Self { progress, stop }
    }

    /// Sees nothing and never stops.
    pub fn unwatched() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self { progress: &|_, _, _| (), stop: &NEVER }
    }

    pub(super) fn report(&self, stage: BuildStage, done: u64, total: u64) {
        (self.progress)(stage, done, total);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self) -> Result<(), DataError> {
        if self.is_stopped() { Err(DataError::Stopped) } else { Ok(()) }
    }
}

impl fmt::Debug for BuildWatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BuildWatch").field("stop", &self.stop).finish_non_exhaustive()
    }
}
