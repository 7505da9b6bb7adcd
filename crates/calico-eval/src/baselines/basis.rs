use std::borrow::Cow;

use calico_data::{Dataset, Split};

use crate::{EvalError, Truths};

/// The most samples that baselines are made from; the labels and colours of a data set are known
/// from far fewer.
const MOST: usize = 1500;

/// The samples that baselines are made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis<'t> {
    pub(super) truths: Cow<'t, Truths>,
    pub(super) split: Split,
    /// Whether they are those that are scored, which is generous to the baselines.
    pub(super) is_scored: bool,
}

impl<'t> Basis<'t> {
    /// The train split of a data set, if it has one with samples and another one is scored; else
    /// the samples that are scored.
    ///
    /// Of a long train split 1500 samples are read, evenly spread.
    pub fn read(dataset: &Dataset, scored: Split, truths: &'t Truths) -> Result<Self, EvalError> {
        let has_train = dataset.splits().any(|split| split == Split::Train);
        if has_train && scored != Split::Train {
            let train = Truths::read_spread(dataset, Split::Train, MOST)?;
            if !train.samples().is_empty() {
                return Ok(Self {
                    truths: Cow::Owned(train),
                    split: Split::Train,
                    is_scored: false,
                });
            }
        }
        Ok(Self::scored(truths, scored))
    }

    /// The samples that are scored.
    pub fn scored(truths: &'t Truths, split: Split) -> Self {
        Self { truths: Cow::Borrowed(truths), split, is_scored: true }
    }

    /// What it is, in words.
    pub(super) fn reading(&self) -> String {
        let (split, count) = (self.split.name(), self.truths.samples().len());
        let generous = if self.is_scored { ", those that are scored" } else { "" };
        format!("{count} samples of the split {split}{generous}")
    }
}
