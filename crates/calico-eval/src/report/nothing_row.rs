use serde::Serialize;

use crate::PairScore;
use crate::row::percent;

/// How a model answers where there is nothing to name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NothingRow {
    /// Samples whose true answer has no mask.
    pub pairs: usize,
    /// Those of them that got at least one mask.
    pub false_answers: usize,
    /// Their share, in percent.
    pub false_answer_rate: f64,
}

impl NothingRow {
    /// Of the pairs that have nothing to name; `None` if there is none.
    pub(super) fn of<'a>(pairs: impl Iterator<Item = &'a PairScore>) -> Option<Self> {
        let about = pairs.filter_map(|pair| pair.false_answer);
        let (pairs, false_answers) = about.fold((0_usize, 0_usize), |(pairs, wrong), is_false| {
            (pairs + 1, wrong + usize::from(is_false))
        });
        let rate = percent(false_answers as f64 / pairs.max(1) as f64);
        (pairs > 0).then_some(Self { pairs, false_answers, false_answer_rate: rate })
    }
}
