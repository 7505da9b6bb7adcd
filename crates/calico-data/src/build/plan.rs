//! Which pairs of images become the samples of a split.

use std::collections::{BTreeMap, BTreeSet};

use calico_result::Task;

use super::BuildStage;
use super::BuildWatch;
use super::build_record::ClassPairCount;
use super::candidates::PairCandidates;
use super::corpus::{ClassMembers, Corpus, members_of};
use super::fill::{Fill, FillLimits};
use super::held_out::{HoldOut, TestCell};
use super::judge::Judge;
use super::leaf::{Leaf, Planned};
use crate::{BuildConfig, DataError, Split};

/// The samples of a split, not yet put into words.
#[derive(Debug)]
pub(crate) struct SplitPlan {
    pub(crate) split: Split,
    pub(crate) planned: Vec<Planned>,
    /// The class pairs that have samples.
    pub(crate) class_pairs: Vec<ClassPairCount>,
    /// Of the test split.
    pub(crate) cells: Vec<TestCell>,
    /// Number of samples wanted; of the test split, as many as all cells can have.
    pub(crate) wanted: u64,
}

/// Chooses the samples of a split.
pub(crate) fn plan(
    corpus: &Corpus,
    config: &BuildConfig,
    seed: u64,
    split: Split,
    watch: &BuildWatch<'_>,
) -> Result<SplitPlan, DataError> {
    let members: Vec<Vec<ClassMembers>> =
        (0..corpus.sources.len()).map(|source| members_of(corpus, source, split)).collect();
    let candidates: Vec<PairCandidates<'_>> = corpus
        .sources
        .iter()
        .enumerate()
        .zip(&members)
        .flat_map(|(source, members)| {
            let pairs = source.1.vocabulary.comparable.iter();
            pairs.filter_map(move |pair| PairCandidates::new(seed, split, source, pair, members))
        })
        .collect();
    let frequencies: Vec<Vec<u64>> = members
        .iter()
        .map(|classes| classes.iter().map(|class| class.members.len() as u64).collect())
        .collect();
    let judge =
        Judge { corpus, pairs: &config.pairs, answers: &config.answers, frequencies: &frequencies };
    let caps = match split {
        Split::Train => &config.train.max_per_class_pair,
        Split::Dev | Split::Test => &BTreeMap::new(),
    };
    let mut leaves = leaves(&candidates, caps);
    let samples = match split {
        Split::Train => config.train.samples,
        Split::Dev => config.dev.samples,
        Split::Test => {
            let held_out =
                HoldOut { candidates: &candidates, judge, limits: &config.test, seed, watch };
            let (planned, cells) = held_out.choose(&leaves)?;
            let (class_pairs, wanted) = (counts(corpus, &candidates, &planned), planned.len());
            return Ok(SplitPlan { split, planned, class_pairs, cells, wanted: wanted as u64 });
        }
    };
    let limits = FillLimits {
        samples,
        max_uses: config.pairs.max_uses,
        max_draws_per_sample: config.pairs.max_draws_per_sample,
    };
    let stage = BuildStage::Choose(split);
    let planned = Fill { candidates: &candidates, judge, limits }.run(&mut leaves, watch, stage)?;
    let class_pairs = counts(corpus, &candidates, &planned);
    Ok(SplitPlan { split, planned, class_pairs, cells: Vec::new(), wanted: samples })
}

/// A leaf for each sub-task of each class pair that has candidates, sorted.
fn leaves(candidates: &[PairCandidates<'_>], caps: &BTreeMap<Task, u64>) -> Vec<Leaf> {
    let groups: BTreeSet<(u16, &str)> =
        candidates.iter().map(|pairs| (pairs.source, pairs.pair.group.as_str())).collect();
    let mut leaves = Vec::new();
    for task in Task::ALL {
        for (number, pairs) in candidates.iter().enumerate() {
            if pairs.len(task) == 0 {
                continue;
            }
            let group = (pairs.source, pairs.pair.group.as_str());
            let group = groups.range(..group).count() as u32;
            let most = caps.get(&task).copied().unwrap_or(u64::MAX);
            leaves.push(Leaf {
                pair: number as u32,
                task,
                branch: (pairs.source, group),
                position: 0,
                filled: 0,
                target: 0,
                most,
                is_exhausted: most == 0,
            });
        }
    }
    leaves.sort_by_key(|leaf| (leaf.task, leaf.branch, leaf.pair));
    leaves
}

fn counts(
    corpus: &Corpus,
    candidates: &[PairCandidates<'_>],
    planned: &[Planned],
) -> Vec<ClassPairCount> {
    let mut counts: BTreeMap<u32, BTreeMap<Task, u64>> = BTreeMap::new();
    for sample in planned {
        *counts.entry(sample.pair).or_default().entry(sample.task).or_default() += 1;
    }
    let named = counts.into_iter().filter_map(|(number, samples)| {
        let pairs = candidates.get(number as usize)?;
        let vocabulary = &corpus.sources[usize::from(pairs.source)].vocabulary;
        Some(ClassPairCount {
            source: vocabulary.source.clone(),
            class_a: vocabulary.class_label(pairs.pair.a).to_owned(),
            class_b: vocabulary.class_label(pairs.pair.b).to_owned(),
            group: pairs.pair.group.clone(),
            samples,
        })
    });
    named.collect()
}
