use serde::Serialize;

use crate::PairScore;
use crate::pair_score::AboutNothing;
use crate::row::percent;

/// How a model answers where there is nothing to name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NothingRow {
    /// Samples whose true answer has no mask.
    pub pairs: usize,
    /// Those of them that got at least one mask.
    pub false_answers: usize,
    /// Those of them without a prediction, or on which the model failed.
    pub unanswered: usize,
    /// Share of `pairs` that did not get the right answer, in percent: false and unanswered ones,
    /// as exact answers count them. A model that fails does not seem to know that there is nothing.
    pub false_answer_rate: f64,
}

impl NothingRow {
    /// Of the pairs that have nothing to name; `None` if there is none.
    pub(super) fn of<'a>(pairs: impl Iterator<Item = &'a PairScore>) -> Option<Self> {
        let about: Vec<AboutNothing> = pairs.filter_map(|pair| pair.about_nothing).collect();
        let count = |what| about.iter().filter(|found| **found == what).count();
        let (false_answers, unanswered) =
            (count(AboutNothing::False), count(AboutNothing::Unanswered));
        let pairs = about.len();
        let wrong = (false_answers + unanswered) as f64;
        (pairs > 0).then(|| Self {
            pairs,
            false_answers,
            unanswered,
            false_answer_rate: percent(wrong / pairs as f64),
        })
    }
}
