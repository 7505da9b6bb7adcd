use crate::{EvalError, PairTruth};

/// The samples of a split, in the order of their ids, which is the order in which AP50 meets
/// predictions with equal scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truths(Vec<PairTruth>);

impl Truths {
    /// Sorts the samples; two with the same id are refused.
    pub fn new(mut samples: Vec<PairTruth>) -> Result<Self, EvalError> {
        samples.sort_by(|a, b| a.sample_id.cmp(&b.sample_id));
        let repeated = samples.windows(2).find(|pair| pair[0].sample_id == pair[1].sample_id);
        match repeated {
            Some(pair) => Err(EvalError::RepeatedSample { sample_id: pair[0].sample_id.clone() }),
            None => Ok(Self(samples)),
        }
    }

    /// The samples.
    pub fn samples(&self) -> &[PairTruth] {
        &self.0
    }

    /// A sample and its index.
    pub fn find(&self, sample_id: &str) -> Option<(usize, &PairTruth)> {
        let index =
            self.0.binary_search_by(|sample| sample.sample_id.as_str().cmp(sample_id)).ok()?;
        Some((index, self.0.get(index)?))
    }
}
