//! The samples of the training and development splits.

use super::candidates::PairCandidates;
use super::judge::Judge;
use super::leaf::{Leaf, Planned, Step};
use super::shares::set_targets;
use super::{BuildStage, BuildWatch};
use crate::DataError;

/// Samples that a leaf may make before it is another's turn, so that all of them meet the limit of
/// uses of an image at the same time.
const TURN: u64 = 16;

/// Limits of a split that is filled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FillLimits {
    /// Number of samples wanted.
    pub(crate) samples: u64,
    /// The most samples that show one image.
    pub(crate) max_uses: u32,
    /// Candidates per wanted sample after which a leaf counts as exhausted.
    pub(crate) max_draws_per_sample: u32,
}

/// Chooses the pairs of a split.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill<'a> {
    pub(crate) candidates: &'a [PairCandidates<'a>],
    pub(crate) judge: Judge<'a>,
    pub(crate) limits: FillLimits,
}

impl Fill<'_> {
    /// Chooses pairs until the amount is reached or nothing is left. Leaves are sorted by task and
    /// branch.
    pub(crate) fn run(
        &self,
        leaves: &mut [Leaf],
        watch: &BuildWatch<'_>,
        stage: BuildStage,
    ) -> Result<Vec<Planned>, DataError> {
        let wanted = self.limits.samples;
        let mut planned: Vec<Planned> = Vec::new();
        let mut uses = vec![0_u32; self.judge.corpus.images.len()];
        loop {
            set_targets(leaves, wanted);
            let open_before = leaves.iter().filter(|leaf| !leaf.is_exhausted).count();
            let mut is_working = true;
            while is_working {
                is_working = false;
                for leaf in &mut *leaves {
                    let turn = TURN.min(wanted - planned.len() as u64);
                    let mut made = 0;
                    while made < turn && !leaf.is_exhausted && leaf.filled < leaf.target {
                        if let Some(sample) = self.draw(leaf, &mut uses) {
                            planned.push(sample);
                            made += 1;
                        }
                    }
                    is_working |= made > 0;
                }
                watch.check()?;
                watch.report(stage, planned.len() as u64, wanted);
            }
            let open = leaves.iter().filter(|leaf| !leaf.is_exhausted).count();
            if planned.len() as u64 >= wanted || open == 0 || open == open_before {
                return Ok(planned);
            }
        }
    }

    /// The next pair of a leaf whose images may be used once more; `None` if the leaf is
    /// exhausted.
    fn draw(&self, leaf: &mut Leaf, uses: &mut [u32]) -> Option<Planned> {
        let most = leaf.target.saturating_mul(u64::from(self.limits.max_draws_per_sample));
        loop {
            let steps = most.saturating_sub(leaf.position);
            match leaf.next(self.candidates, &self.judge, steps) {
                Step::Found(sample) => {
                    let images = sample.members.map(|member| member.image as usize);
                    if images.iter().all(|image| uses[*image] < self.limits.max_uses) {
                        for image in images {
                            uses[image] += 1;
                        }
                        leaf.filled += 1;
                        leaf.is_exhausted |= leaf.filled >= leaf.most;
                        return Some(sample);
                    }
                }
                Step::Walking | Step::Exhausted => {
                    leaf.is_exhausted = true;
                    return None;
                }
            }
        }
    }
}
