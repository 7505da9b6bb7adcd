use std::path::Path;

use crate::watch::{TrainRow, ValidationRow};

/// Sees a training while it goes on, and tells it the time. Every method does nothing by default.
pub trait TrainObserver {
    /// Seconds of a clock that only goes forward; written into `timings.jsonl` and nothing else.
    fn seconds(&self) -> f64 {
        0.0
    }

    /// Seconds since 1970, for `TensorBoard`.
    fn unix_seconds(&self) -> f64 {
        0.0
    }

    /// The most memory that this process has held so far, in bytes, where it is known.
    fn peak_memory(&self) -> Option<u64> {
        None
    }

    /// The run begins, or goes on after `done` of `total` optimiser steps.
    fn begins(&mut self, done: u64, total: u64) {
        let _ = (done, total);
    }

    /// An optimiser step was made.
    fn stepped(&mut self, row: &TrainRow, total: u64) {
        let _ = (row, total);
    }

    /// `done` of `total` questions of a validation were answered.
    fn validating(&mut self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// A validation ended; `best` if it is the best so far.
    fn validated(&mut self, row: &ValidationRow, best: bool) {
        let _ = (row, best);
    }

    /// A checkpoint was written.
    fn saved(&mut self, path: &Path) {
        let _ = path;
    }

    /// Something is not as it should be, but training goes on.
    fn warns(&mut self, warning: &str) {
        let _ = warning;
    }
}

/// Sees nothing.
impl TrainObserver for () {}
