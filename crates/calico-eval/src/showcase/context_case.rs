use serde::Serialize;

use super::{Exhibit, Verdict};

/// One image with two partners.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContextCase {
    /// Whether both answers are exactly right.
    pub both_right: bool,
    /// The two questions; the first image of both is the same.
    pub pairs: [Exhibit; 2],
}

impl ContextCase {
    pub(super) fn new(pairs: [Exhibit; 2]) -> Self {
        let both_right = pairs.iter().all(|pair| pair.verdict == Verdict::ExactlyRight);
        Self { both_right, pairs }
    }

    /// How many of the two answers are exactly right.
    pub(super) fn right(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.verdict == Verdict::ExactlyRight).count()
    }
}
