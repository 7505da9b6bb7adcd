use crate::BuildConfig;
use crate::sources::Reading;

/// What a data set is built from.
#[derive(Debug)]
pub struct BuildInput {
    /// What was read of each source, in any order.
    pub readings: Vec<Reading>,
    /// All limits.
    pub config: BuildConfig,
    /// Seed of every draw.
    pub seed: u64,
    /// Whether a finding of level E stops the build.
    pub is_strict: bool,
}
