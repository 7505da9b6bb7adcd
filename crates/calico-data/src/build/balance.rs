//! Chooses as many pairs for each of several cells as all of them can have, where every image is
//! shown a limited number of times in all (mixedparts.md 7, test set).
//!
//! The cells take turns, the scarcest first. A cell takes the class pair that it has used least,
//! and of it the pair of images that were shown least and that other cells need least. A cell that
//! finds no pair makes room: pairs chosen before, of any cell, are exchanged for others. If that
//! fails as well, the choice is made again in other orders, and the best one is kept.

use crate::{Permutation, Stream};

/// Orders that are tried before a smaller number is accepted, where the cells are small.
const MOST_ATTEMPTS: u64 = 32;
/// Candidates that all attempts together may look at, about.
const ATTEMPT_WORK: u64 = 4_000_000;
/// Candidates that one search for room may look at.
const ROOM_WORK: u64 = 4_000_000;
/// How many exchanges may depend on each other.
const ROOM_DEPTH: u32 = 3;

/// A pair of images for a cell; images are numbered from 0 without gaps.
pub(crate) type Edge = [u32; 2];

/// The candidates of a cell by class pair, in the order in which class pairs take turns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) pools: Vec<Vec<Edge>>,
}

impl Cell {
    pub(crate) fn len(&self) -> u64 {
        self.pools.iter().map(|pool| pool.len() as u64).sum()
    }
}

/// A candidate by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) pool: usize,
    pub(crate) edge: usize,
}

/// The picks of each cell, equally many, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balanced {
    pub(crate) picks: Vec<Vec<Pick>>,
    /// The cell that could not go on, if fewer than wanted were found.
    pub(crate) stuck: Option<usize>,
}

/// Finds `wanted` picks for each cell, or as many as can be found.
pub(crate) fn balance(cells: &[Cell], max_uses: u32, wanted: u64, seed: u64, id: &str) -> Balanced {
    let size: u64 = cells.iter().map(Cell::len).sum();
    let attempts = (ATTEMPT_WORK / size.max(1)).clamp(1, MOST_ATTEMPTS);
    let mut best = Balanced { picks: vec![Vec::new(); cells.len()], stuck: None };
    for attempt in 0..attempts {
        let mut search = Search::new(cells, max_uses, seed, &format!("{id}/{attempt}"));
        let stuck = search.run(wanted);
        let found = search.chosen.iter().map(Vec::len).min().unwrap_or(0);
        let before = best.picks.iter().map(Vec::len).min().unwrap_or(0);
        if attempt == 0 || found > before {
            search.chosen.iter_mut().for_each(|picks| picks.truncate(found));
            best = Balanced { picks: search.chosen, stuck };
        }
        if stuck.is_none() {
            break;
        }
    }
    best
}

struct Search<'a> {
    cells: &'a [Cell],
    max_uses: u32,
    uses: Vec<u32>,
    /// By cell and pool: which candidates are chosen.
    is_taken: Vec<Vec<Vec<bool>>>,
    /// By cell and pool: how many candidates are chosen.
    counts: Vec<Vec<usize>>,
    chosen: Vec<Vec<Pick>>,
    /// By cell and image: how much the other cells depend on the image, in millionths.
    demand: Vec<Vec<u64>>,
    /// By cell and pool: the order in which equally good candidates are preferred.
    order: Vec<Vec<Vec<u32>>>,
    /// Candidates that may still be looked at in the search for room.
    work: u64,
}

impl<'a> Search<'a> {
    fn new(cells: &'a [Cell], max_uses: u32, seed: u64, id: &str) -> Self {
        let edges = || cells.iter().flat_map(|cell| cell.pools.iter().flatten().flatten());
        let images = edges().max().map_or(0, |image| *image as usize + 1);
        let shares: Vec<Vec<u64>> = cells.iter().map(|cell| shares(cell, images)).collect();
        let others = |cell: usize, image: usize| {
            let rest = shares.iter().enumerate().filter(|(other, _)| *other != cell);
            rest.map(|(_, share)| share[image]).sum()
        };
        let demand = (0..cells.len())
            .map(|cell| (0..images).map(|image| others(cell, image)).collect())
            .collect();
        let order = |(number, cell): (usize, &Cell)| {
            let pools = cell.pools.iter().enumerate().map(|(at, pool)| {
                let stream = Stream::new(seed, "test order", &format!("{id}/{number}/{at}"));
                let order = Permutation::new(pool.len() as u64, stream);
                (0..order.len()).filter_map(|at| order.at(at)).map(|at| at as u32).collect()
            });
            pools.collect()
        };
        Self {
            cells,
            max_uses,
            uses: vec![0; images],
            is_taken: per_pool(cells, |pool| vec![false; pool.len()]),
            counts: per_pool(cells, |_| 0),
            chosen: vec![Vec::new(); cells.len()],
            demand,
            order: cells.iter().enumerate().map(order).collect(),
            work: 0,
        }
    }

    /// Gives every cell a pick in turn until they have enough; returns the cell that got none.
    fn run(&mut self, wanted: u64) -> Option<usize> {
        for _ in 0..wanted {
            let mut turns: Vec<(u64, usize)> =
                (0..self.cells.len()).map(|cell| (self.free_edges(cell), cell)).collect();
            turns.sort_unstable();
            for (_, cell) in turns {
                self.work = ROOM_WORK;
                if !self.place(cell, ROOM_DEPTH) {
                    return Some(cell);
                }
            }
        }
        None
    }

    fn edge(&self, cell: usize, pick: Pick) -> Edge {
        self.cells[cell].pools[pick.pool][pick.edge]
    }

    fn is_free(&self, edge: Edge) -> bool {
        edge.iter().all(|image| self.uses[*image as usize] < self.max_uses)
    }

    fn free_edges(&self, cell: usize) -> u64 {
        let pools = self.cells[cell].pools.iter().zip(&self.is_taken[cell]);
        let free = pools.flat_map(|(pool, taken)| pool.iter().zip(taken));
        free.filter(|(edge, taken)| !**taken && self.is_free(**edge)).count() as u64
    }

    /// Pools of a cell, the least used first.
    fn pools_by_use(&self, cell: usize) -> Vec<usize> {
        let mut pools: Vec<usize> = (0..self.cells[cell].pools.len()).collect();
        pools.sort_by_key(|pool| self.counts[cell][*pool]);
        pools
    }

    fn best(&mut self, cell: usize) -> Option<Pick> {
        for pool in self.pools_by_use(cell) {
            self.work = self.work.saturating_sub(self.order[cell][pool].len() as u64);
            let edges =
                self.order[cell][pool].iter().map(|edge| Pick { pool, edge: *edge as usize });
            let free = edges.filter(|pick| {
                !self.is_taken[cell][pool][pick.edge] && self.is_free(self.edge(cell, *pick))
            });
            let best = free.min_by_key(|pick| {
                let images = self.edge(cell, *pick).map(|image| image as usize);
                let [a, b] = images.map(|image| self.uses[image]);
                let demand: u64 = images.iter().map(|image| self.demand[cell][*image]).sum();
                (a.max(b), a + b, demand)
            });
            if best.is_some() {
                return best;
            }
        }
        None
    }

    fn add(&mut self, cell: usize, pick: Pick) {
        for image in self.edge(cell, pick) {
            self.uses[image as usize] += 1;
        }
        self.is_taken[cell][pick.pool][pick.edge] = true;
        self.counts[cell][pick.pool] += 1;
        self.chosen[cell].push(pick);
    }

    fn remove(&mut self, cell: usize, at: usize) {
        let pick = self.chosen[cell].swap_remove(at);
        for image in self.edge(cell, pick) {
            self.uses[image as usize] -= 1;
        }
        self.is_taken[cell][pick.pool][pick.edge] = false;
        self.counts[cell][pick.pool] -= 1;
    }

    fn restore(&mut self, chosen: &[Vec<Pick>]) {
        for (cell, picks) in chosen.iter().enumerate() {
            while !self.chosen[cell].is_empty() {
                self.remove(cell, self.chosen[cell].len() - 1);
            }
            for pick in picks {
                self.add(cell, *pick);
            }
        }
    }

    /// Adds a pick to a cell, by exchanging others if it must; without success nothing changes.
    fn place(&mut self, cell: usize, depth: u32) -> bool {
        if let Some(pick) = self.best(cell) {
            self.add(cell, pick);
            return true;
        }
        if depth == 0 {
            return false;
        }
        let before = self.chosen.clone();
        for pool in self.pools_by_use(cell) {
            for index in 0..self.order[cell][pool].len() {
                if self.work == 0 {
                    return false;
                }
                let pick = Pick { pool, edge: self.order[cell][pool][index] as usize };
                if self.is_taken[cell][pool][pick.edge] {
                    continue;
                }
                self.add(cell, pick);
                if self.make_room((cell, pick), depth) {
                    return true;
                }
                self.restore(&before);
            }
        }
        false
    }

    /// Exchanges picks, but not the one that came, until no image is shown too often.
    fn make_room(&mut self, came: (usize, Pick), depth: u32) -> bool {
        let crowded = self.edge(came.0, came.1).into_iter();
        let mut crowded = crowded.filter(|image| self.uses[*image as usize] > self.max_uses);
        let Some(image) = crowded.next() else { return true };
        let before = self.chosen.clone();
        for cell in 0..self.cells.len() {
            for at in 0..before[cell].len() {
                self.work = self.work.saturating_sub(1);
                let pick = before[cell][at];
                if (cell, pick) == came || !self.edge(cell, pick).contains(&image) {
                    continue;
                }
                self.remove(cell, at);
                if self.place(cell, depth - 1) && self.make_room(came, depth) {
                    return true;
                }
                self.restore(&before);
                if self.work == 0 {
                    return false;
                }
            }
        }
        false
    }
}

/// By image: its share of the candidates of a cell, in millionths.
fn shares(cell: &Cell, images: usize) -> Vec<u64> {
    let mut counts = vec![0_u64; images];
    for image in cell.pools.iter().flatten().flatten() {
        counts[*image as usize] += 1;
    }
    let all = cell.len().max(1);
    counts.into_iter().map(|count| count * 1_000_000 / all).collect()
}

fn per_pool<T>(cells: &[Cell], value: impl Fn(&[Edge]) -> T) -> Vec<Vec<T>> {
    let of_cell = |cell: &Cell| cell.pools.iter().map(|pool| value(pool)).collect();
    cells.iter().map(of_cell).collect()
}

/// Orders class pairs so that their groups take turns, each group in a random order of its own.
pub(crate) fn interleaved<T>(groups: Vec<Vec<T>>, seed: u64, id: &str) -> Vec<T> {
    let mut ranked = Vec::new();
    for (number, group) in groups.into_iter().enumerate() {
        let stream = Stream::new(seed, "test class pairs", &format!("{id}/{number}"));
        let order = Permutation::new(group.len() as u64, stream);
        for (at, pair) in group.into_iter().enumerate() {
            ranked.push((order.at(at as u64), number, pair));
        }
    }
    ranked.sort_by_key(|(turn, group, _)| (*turn, *group));
    ranked.into_iter().map(|(_, _, pair)| pair).collect()
}

#[cfg(test)]
mod tests;
