use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::DataError;

use crate::SynthError;

/// Follows the drawing of a data set, and ends it.
pub struct SynthWatch<'a> {
    /// Called after every few cases with how many are done, and of how many.
    pub progress: &'a dyn Fn(u64, u64),
    /// Nothing is left of a data set that is ended.
    pub stop: &'a AtomicBool,
}

impl SynthWatch<'_> {
    pub(super) fn check(&self) -> Result<(), SynthError> {
        if self.stop.load(Ordering::Relaxed) { Err(DataError::Stopped.into()) } else { Ok(()) }
    }
}
