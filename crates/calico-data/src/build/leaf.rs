use calico_result::Task;

use super::candidates::PairCandidates;
use super::corpus::Member;
use super::judge::{Judge, Verdict};

/// A sub-task of a pair of classes in one split: a source of samples, walked in its random order.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    /// Index of its candidates.
    pub(crate) pair: u32,
    pub(crate) task: Task,
    /// Where its class pair belongs: source, then group. Leaves are sorted by task and this.
    pub(crate) branch: (u16, u32),
    /// The next candidate.
    pub(crate) position: u64,
    /// Samples made.
    pub(crate) filled: u64,
    /// Samples wanted.
    pub(crate) target: u64,
    /// The most samples allowed.
    pub(crate) most: u64,
    /// Whether no further sample can come.
    pub(crate) is_exhausted: bool,
}

/// A sample to be made, in 24 bytes: there are millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Index of the candidates that it comes from.
    pub(crate) pair: u32,
    /// The object of the first class of the pair, and that of the second; not yet in the order of
    /// the images.
    pub(crate) members: [Member; 2],
    pub(crate) task: Task,
    pub(crate) is_ambiguous: bool,
}

impl Leaf {
    /// Walks on to the next pair that the judge accepts, at most to a number of steps.
    pub(crate) fn next(
        &mut self,
        candidates: &[PairCandidates<'_>],
        judge: &Judge<'_>,
        steps: u64,
    ) -> Step {
        let Some(pairs) = candidates.get(self.pair as usize) else { return Step::Exhausted };
        for _ in 0..steps {
            let Some((left, right)) = pairs.at(self.task, self.position) else {
                self.is_exhausted = true;
                return Step::Exhausted;
            };
            self.position += 1;
            if let Some(Verdict { is_ambiguous }) = judge.judge(self.task, left, right) {
                let members = [left, right];
                let (pair, task) = (self.pair, self.task);
                return Step::Found(Planned { pair, members, task, is_ambiguous });
            }
        }
        Step::Walking
    }
}

/// What a walk of a leaf came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A pair.
    Found(Planned),
    /// No pair yet.
    Walking,
    /// There is no further candidate.
    Exhausted,
}
