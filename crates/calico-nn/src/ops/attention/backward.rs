//! The backward pass: the probabilities of each tile are computed again from what the forward
//! pass kept of each query (`FlashAttention`, arXiv 2205.14135).

use rayon::prelude::*;

use super::bias::{GridTarget, Tile, TileBias};
use super::heads::Heads;
use super::lanes;
use super::problem::{Problem, Unit};
use super::scratch::{Rows, Scratch, room};
use crate::ops::product::{Before, Matrix, MatrixMut, Threads, multiply};

/// What the backward pass reads.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) q: Heads<'a>,
    pub(super) k: Heads<'a>,
    pub(super) v: Heads<'a>,
    /// The result, and its gradient.
    pub(super) out: Heads<'a>,
    pub(super) grad: Heads<'a>,
    /// Per unit, of each query the logarithm of the sum of its exponentials.
    pub(super) logs: &'a [Vec<f32>],
    pub(super) bias: TileBias<'a>,
}

/// Where the gradients of one key head of one segment go; rows that nobody wants are missing.
#[derive(Debug, Default)]
pub(super) struct Target<'a> {
    /// Per query head of the group.
    pub(super) q: Vec<Rows<'a>>,
    pub(super) k: Rows<'a>,
    pub(super) v: Rows<'a>,
    pub(super) grid: Option<GridTarget<'a>>,
}

/// Fills the targets, of which there is one per key head, segment and sample.
pub(super) fn backward(problem: &Problem, known: &Known<'_>, targets: &mut [Target<'_>]) {
    let units = problem.units();
    let groups = units.par_chunks(problem.group()).zip(known.logs.par_chunks(problem.group()));
    groups.zip(targets.par_iter_mut()).for_each_init(
        Scratch::default,
        |scratch, ((units, logs), target)| {
            run_group(problem, known, (units, logs), target, scratch);
        },
    );
}

/// The query heads that share one key head, one after the other.
fn run_group(
    problem: &Problem,
    known: &Known<'_>,
    (units, logs): (&[Unit<'_>], &[Vec<f32>]),
    target: &mut Target<'_>,
    scratch: &mut Scratch,
) {
    let width = problem.width;
    let keys = units.first().map_or(0, |unit| unit.segment.keys.len());
    for (sums, rows) in scratch.sums.iter_mut().zip([&target.k, &target.v]) {
        room(sums, rows.len() * width).fill(0.0);
    }
    let mut q_targets = target.q.iter_mut();
    for (unit, logs) in units.iter().zip(logs) {
        let mut q_rows = q_targets.next();
        for queries in problem.tiles(unit.segment) {
            let tile = Tile::new(problem, unit, queries.clone());
            let wanted = [!target.k.is_empty(), !target.v.is_empty()];
            probabilities(known, &tile, &logs[queries.clone()], scratch);
            score_gradients(known, &tile, wanted[1], scratch);
            if wanted[0] {
                key_gradients(known, &tile, scratch);
            }
            if q_rows.is_some() || target.grid.is_some() {
                query_gradients(known, &tile, target.grid.as_mut(), scratch);
            }
            if let Some(q_rows) = &mut q_rows {
                let rows = q_rows[queries].iter_mut();
                rows.zip(scratch.mixed.chunks(width)).for_each(|(row, d)| row.copy_from_slice(d));
            }
        }
    }
    for (sums, rows) in scratch.sums.iter().zip([&mut target.k, &mut target.v]) {
        debug_assert!(rows.is_empty() || rows.len() == keys, "a row per key");
        rows.iter_mut().zip(sums.chunks(width)).for_each(|(row, sum)| row.copy_from_slice(sum));
    }
}

/// Computes the probabilities of a tile again.
fn probabilities(known: &Known<'_>, tile: &Tile<'_>, logs: &[f32], scratch: &mut Scratch) {
    let scores = room(&mut scratch.scores, tile.queries.len() * tile.seen);
    tile.scores(scores, [&known.q, &known.k], &known.bias, &mut scratch.grid);
    lanes::probabilities(scores, tile.seen, |index| tile.visible(index), logs);
}

/// The gradients of the scores, from `dP = dO Vᵀ`; adds `Pᵀ dO` to the gradient of the values.
fn score_gradients<'a>(known: &Known<'a>, tile: &Tile<'_>, to_v: bool, scratch: &mut Scratch) {
    let Tile { problem, unit, seen, .. } = *tile;
    let (count, width) = (tile.queries.len(), problem.width);
    let p = &scratch.scores[..count * seen];
    let d_out = tile.query_matrix(&known.grad);
    if to_v {
        let probabilities = Matrix::by_rows(p, [count, seen], seen);
        let into = MatrixMut::by_rows(&mut scratch.sums[1], [seen, width], width);
        multiply(into, Before::Add, 1.0, [probabilities.t(), d_out], Threads::One);
    }
    let dp = room(&mut scratch.gradients, count * seen);
    let values = known.v.matrix(unit.batch, unit.kv_head, tile.keys());
    let into = MatrixMut::by_rows(dp, [count, seen], seen);
    multiply(into, Before::Drop, 1.0, [d_out, values.t()], Threads::One);
    let shifts = room(&mut scratch.per_query, count);
    let row = |heads: Heads<'a>, token| heads.row(unit.batch, unit.head, token);
    let pairs = tile.tokens().map(|token| [row(known.grad, token), row(known.out, token)]);
    lanes::dots(shifts, pairs);
    lanes::score_gradients(dp, p, seen, shifts);
}

/// Adds `scale dSᵀ Q` to the gradient of the keys.
fn key_gradients(known: &Known<'_>, tile: &Tile<'_>, scratch: &mut Scratch) {
    let (count, seen, width) = (tile.queries.len(), tile.seen, tile.problem.width);
    let ds = Matrix::by_rows(&scratch.gradients, [count, seen], seen);
    let into = MatrixMut::by_rows(&mut scratch.sums[0], [seen, width], width);
    let operands = [ds.t(), tile.query_matrix(&known.q)];
    multiply(into, Before::Add, tile.problem.scale, operands, Threads::One);
}

/// `scale dS K` into the memory for mixed rows, with what comes through the bias.
fn query_gradients(
    known: &Known<'_>,
    tile: &Tile<'_>,
    grid: Option<&mut GridTarget<'_>>,
    scratch: &mut Scratch,
) {
    let Tile { problem, unit, seen, .. } = *tile;
    let (count, width) = (tile.queries.len(), problem.width);
    let ds = &scratch.gradients[..count * seen];
    let dq = room(&mut scratch.mixed, count * width);
    let keys = known.k.matrix(unit.batch, unit.kv_head, tile.keys());
    let operands = [Matrix::by_rows(ds, [count, seen], seen), keys];
    let into = MatrixMut::by_rows(dq, [count, width], width);
    multiply(into, Before::Drop, problem.scale, operands, Threads::One);
    if let (TileBias::Grid(bias), Some(target)) = (&known.bias, grid) {
        let q = tile.query_matrix(&known.q);
        bias.backward(tile, ds, (q, dq), target, &mut scratch.grid);
    }
}
