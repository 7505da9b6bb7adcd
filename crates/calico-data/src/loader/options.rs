use serde::{Deserialize, Serialize};

use super::BadLimits;

/// How a [`Loader`](super::Loader) goes through the samples.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoaderOptions {
    /// The seed of the order; `None` for the order of the files.
    pub shuffle: Option<u64>,
    /// The share of the samples that this loader gives.
    pub shard: Shard,
    /// Where it begins.
    pub start: Position,
    /// What is looked at before a sample is given.
    pub check: Check,
    /// How many bad samples are skipped before it gives up.
    pub limits: BadLimits,
}

/// One of several equal shares of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 0.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

/// Where a loader is: it goes on from here as if it had never stopped, whatever was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The epoch, from 0; each has an order of its own.
    pub epoch: u64,
    /// Samples of the shard that were given or skipped in this epoch.
    pub taken: u64,
    /// Those of them that were skipped.
    pub bad: u64,
    /// Samples that were skipped since the last good one.
    pub bad_in_a_row: u32,
}

/// What is looked at before a sample is given; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Check {
    /// That its images and regions exist and belong together.
    References,
    /// That its masks can be decoded and have the size of their images.
    #[default]
    Masks,
    /// That its pictures are there, and have the size of their records: reads the headers.
    Pictures,
}
