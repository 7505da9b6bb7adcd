//! Cases of the suite `context`: one image that holds two objects is paired once with a partner
//! for each, so that the same picture has two right answers.
//!
//! A case is told by the ids of its two samples, and by nothing else: `context/CASE/a` and
//! `context/CASE/b`, for example `context/00012/a`.

use std::collections::BTreeMap;

use crate::PairScore;

/// What the ids of all such samples begin with.
const PREFIX: &str = "context/";

/// The case of a sample and which of its two samples it is, if it is one of a case.
pub(crate) fn case_of(sample_id: &str) -> Option<(&str, usize)> {
    let (case, half) = sample_id.rsplit_once('/')?;
    let half = ["a", "b"].iter().position(|name| *name == half)?;
    case.strip_prefix(PREFIX).filter(|name| !name.is_empty())?;
    Some((case, half))
}

/// The cases of which both samples are there, and those of which both are answered right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ContextCases {
    pub(crate) all: usize,
    pub(crate) right: usize,
}

impl ContextCases {
    /// Counts; samples of no case, and those whose other sample is not there, count for nothing.
    pub(crate) fn new(scores: &[PairScore]) -> Self {
        let mut cases: BTreeMap<&str, [Option<bool>; 2]> = BTreeMap::new();
        for score in scores {
            if let Some((case, half)) = case_of(&score.sample_id) {
                cases.entry(case).or_default()[half] = Some(score.answer.masks);
            }
        }
        let mut counts = Self::default();
        for case in cases.into_values() {
            if let [Some(a), Some(b)] = case {
                counts.all += 1;
                counts.right += usize::from(a && b);
            }
        }
        counts
    }

    /// The share of cases that are right; `None` without a case.
    pub(crate) fn accuracy(self) -> Option<f64> {
        (self.all > 0).then(|| self.right as f64 / self.all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_told_by_the_ids_of_its_samples() {
        assert_eq!(case_of("context/00012/a"), Some(("context/00012", 0)));
        assert_eq!(case_of("context/00012/b"), Some(("context/00012", 1)));
        for id in ["context/00012/c", "context/a", "context//a", "test/00012/a", "context", ""] {
            assert_eq!(case_of(id), None, "{id}");
        }
    }
}
