use serde::Serialize;

use crate::PairScore;
use crate::context::ContextCases;
use crate::row::percent;

/// How many images are answered right for both of their partners.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ContextTally {
    /// All that are shown.
    pub cases: usize,
    /// Those of which both answers are exactly right.
    pub both_right: usize,
    /// Their share in percent.
    pub context_accuracy: f64,
}

impl ContextTally {
    /// `None` without a case.
    pub(super) fn new(scores: &[PairScore]) -> Option<Self> {
        let cases = ContextCases::new(scores);
        let share = cases.accuracy()?;
        Some(Self { cases: cases.all, both_right: cases.right, context_accuracy: percent(share) })
    }
}
