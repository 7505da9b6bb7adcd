//! The samples of the test split (mixedparts.md 7): equally many pairs for each source and
//! sub-task.

use std::collections::BTreeMap;

use calico_result::Task;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::balance::{Balanced, Cell, balance, interleaved};
use super::candidates::PairCandidates;
use super::judge::Judge;
use super::leaf::{Leaf, Planned, Step};
use super::{BuildStage, BuildWatch};
use crate::{DataError, HeldOut, Split};

/// Candidates of a cell that are looked at for the choice, about: all of a small one.
const CELL_POOL: usize = 8192;
/// Candidates of a cell that are looked at per wanted pair, at least about.
const POOL_PER_PAIR: usize = 16;
/// Candidates of a class pair that are looked at, however many class pairs a cell has.
const LEAST_POOL: usize = 256;
/// Draws after which a class pair is left that has given at least one candidate.
const ENOUGH_DRAWS: u64 = 65_536;
/// Draws between two looks at the stop flag.
const DRAWS_AT_ONCE: u64 = 16_384;

/// A source and sub-task of the test split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCell {
    /// The source.
    pub source: String,
    /// The sub-task.
    pub subtask: Task,
    /// Class pairs that have at least one pair of images.
    pub class_pairs: u64,
    /// Pairs of images that were found for the choice; of a large source not all are looked at.
    pub candidates: u64,
    /// Pairs that were chosen.
    pub pairs: u64,
}

/// Chooses the pairs of the test split.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HoldOut<'a> {
    pub(crate) candidates: &'a [PairCandidates<'a>],
    pub(crate) judge: Judge<'a>,
    pub(crate) limits: &'a HeldOut,
    pub(crate) seed: u64,
    pub(crate) watch: &'a BuildWatch<'a>,
}

impl HoldOut<'_> {
    /// Chooses pairs for all cells; `leaves` are sorted by task and branch.
    pub(crate) fn choose(
        &self,
        leaves: &[Leaf],
    ) -> Result<(Vec<Planned>, Vec<TestCell>), DataError> {
        let sources = &self.judge.corpus.sources;
        let mut cells = Vec::new();
        for task in Task::ALL {
            for source in 0..sources.len() {
                let is_of_cell =
                    |leaf: &&Leaf| leaf.task == task && usize::from(leaf.branch.0) == source;
                let leaves: Vec<&Leaf> = leaves.iter().filter(is_of_cell).collect();
                cells.push(self.pools(task, source, &leaves)?);
                let (done, all) = (cells.len(), Task::ALL.len() * sources.len());
                self.watch.report(BuildStage::Choose(Split::Test), done as u64, all as u64);
            }
        }
        let smallest = cells.iter().map(CellPools::len).filter(|count| *count > 0).min();
        let wanted = u64::from(self.limits.pairs_per_cell).min(smallest.unwrap_or(0));
        let mut chosen: Vec<Vec<Planned>> = vec![Vec::new(); cells.len()];
        for source in 0..sources.len() {
            self.choose_of_source(&cells, source, wanted, &mut chosen);
            self.watch.check()?;
        }
        // All cells that are not empty hold as many as the one that holds fewest.
        let each = chosen.iter().map(Vec::len).filter(|count| *count > 0).min().unwrap_or(0);
        let told = cells.iter().zip(&chosen).map(|(cell, chosen)| TestCell {
            source: sources[cell.source].name().to_owned(),
            subtask: cell.task,
            class_pairs: cell.pools.len() as u64,
            candidates: cell.len(),
            pairs: chosen.len().min(each) as u64,
        });
        let told = told.collect();
        let planned = chosen.into_iter().flat_map(|cell| cell.into_iter().take(each)).collect();
        Ok((planned, told))
    }

    /// The clear candidates of a cell.
    fn pools(&self, task: Task, source: usize, leaves: &[&Leaf]) -> Result<CellPools, DataError> {
        let all = CELL_POOL.max(POOL_PER_PAIR * self.limits.pairs_per_cell as usize);
        let most = (all / leaves.len().max(1)).max(LEAST_POOL);
        let pools: Vec<Vec<Planned>> =
            leaves.par_iter().map(|leaf| self.pool((*leaf).clone(), most)).collect();
        self.watch.check()?;
        let mut groups: BTreeMap<u32, Vec<Vec<Planned>>> = BTreeMap::new();
        for (leaf, pool) in leaves.iter().zip(pools) {
            if !pool.is_empty() {
                groups.entry(leaf.branch.1).or_default().push(pool);
            }
        }
        let id = format!("{}/{task}", self.judge.corpus.sources[source].name());
        let pools = interleaved(groups.into_values().collect(), self.seed, &id);
        Ok(CellPools { task, source, pools })
    }

    /// The first clear candidates of a leaf.
    fn pool(&self, mut leaf: Leaf, most: usize) -> Vec<Planned> {
        let mut found: Vec<Planned> = Vec::new();
        while found.len() < most && !self.watch.is_stopped() {
            match leaf.next(self.candidates, &self.judge, DRAWS_AT_ONCE) {
                Step::Found(sample) if sample.is_ambiguous => {}
                Step::Found(sample) => found.push(sample),
                Step::Walking => {}
                Step::Exhausted => break,
            }
            if !found.is_empty() && leaf.position >= ENOUGH_DRAWS {
                break;
            }
        }
        found
    }

    /// Chooses the pairs of all cells of a source. A cell that has candidates but gets none,
    /// because others need all of its images, is left empty, rather than to empty the others.
    fn choose_of_source(
        &self,
        cells: &[CellPools],
        source: usize,
        wanted: u64,
        chosen: &mut [Vec<Planned>],
    ) {
        let has_pairs = |at: &usize| cells[*at].source == source && cells[*at].len() > 0;
        let mut numbers: Vec<usize> = (0..cells.len()).filter(has_pairs).collect();
        let id = self.judge.corpus.sources[source].name();
        while !numbers.is_empty() {
            let of_source: Vec<&CellPools> = numbers.iter().map(|at| &cells[*at]).collect();
            let problem = renumbered(&of_source);
            let Balanced { picks, stuck } =
                balance(&problem, self.limits.max_uses, wanted, self.seed, id);
            if let (Some(stuck), true) = (stuck, picks.iter().all(Vec::is_empty)) {
                numbers.remove(stuck);
                continue;
            }
            for (at, picks) in numbers.iter().zip(picks) {
                let pools = &cells[*at].pools;
                chosen[*at] = picks.iter().map(|pick| pools[pick.pool][pick.edge]).collect();
            }
            return;
        }
    }
}

/// The clear candidates of a cell, by class pair.
#[derive(Debug)]
struct CellPools {
    task: Task,
    source: usize,
    pools: Vec<Vec<Planned>>,
}

impl CellPools {
    fn len(&self) -> u64 {
        self.pools.iter().map(|pool| pool.len() as u64).sum()
    }
}

/// The candidates of cells, with their images numbered without gaps.
fn renumbered(cells: &[&CellPools]) -> Vec<Cell> {
    let all = cells.iter().flat_map(|cell| cell.pools.iter().flatten());
    let mut images: Vec<u32> =
        all.flat_map(|sample| sample.members.map(|member| member.image)).collect();
    images.sort_unstable();
    images.dedup();
    let number = |image: u32| images.binary_search(&image).unwrap_or(0) as u32;
    let edges = |pool: &Vec<Planned>| {
        pool.iter().map(|sample| sample.members.map(|member| number(member.image))).collect()
    };
    cells.iter().map(|cell| Cell { pools: cell.pools.iter().map(edges).collect() }).collect()
}
