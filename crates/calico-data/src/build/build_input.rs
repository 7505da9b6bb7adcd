use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::BuildConfig;
use crate::sources::Reading;

/// What a data set is built from.
#[derive(Debug)]
pub struct BuildInput {
    /// What was read of each source.
    pub readings: Vec<Reading>,
    /// All limits.
    pub config: BuildConfig,
    /// Seed of every draw.
    pub seed: u64,
    /// Where the pictures of each source are on this machine, by the name of the source. It goes
    /// into `roots.toml` and nowhere else.
    pub roots: BTreeMap<String, PathBuf>,
    /// Whether a finding of level E stops the build.
    pub is_strict: bool,
}
