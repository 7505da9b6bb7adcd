//! The forward pass: the heads on all cores.
//!
//! The kernel brings keys and values into its own order first, which pays where several queries
//! look at them. Few queries take the tiles that the backward pass takes.

use calico_kernels::attention::Head;
use rayon::prelude::*;

use super::bias::{Tile, TileBias};
use super::heads::Heads;
use super::lanes;
use super::problem::{Problem, Segment, Unit};
use super::scratch::{Rows, Scratch, deal, room};
use crate::ops::product::{Before, Matrix, MatrixMut, Threads, multiply};
use crate::process::kernels;

/// The result `[B, T, N K]`, and per unit the logarithm of the sum of each query's exponentials.
pub(super) fn forward(
    problem: &Problem,
    operands: [Heads<'_>; 3],
    bias: &TileBias<'_>,
) -> (Vec<f32>, Vec<Vec<f32>>) {
    let &Problem { batch, heads, queries, width, .. } = problem;
    let mut out = vec![0.0; batch * queries * heads * width];
    let units = problem.units();
    let segment_of = problem.segment_of(|segment| segment.queries.clone());
    let mut lists: Vec<Rows<'_>> = units.iter().map(|unit| list_for(unit)).collect();
    deal(&mut out, width, &mut lists, |row| {
        let (token, head) = (row / heads, row % heads);
        let (sample, segment) = (token / queries, segment_of[token % queries]);
        Some((sample * problem.segments.len() + segment) * heads + head)
    });
    let tasks = units.par_iter().zip(lists);
    let run = |scratch: &mut Scratch, (unit, rows): (&Unit<'_>, Rows<'_>)| {
        run_unit(problem, unit, &operands, bias, (rows, scratch))
    };
    let logs = tasks.map_init(Scratch::default, run).collect();
    (out, logs)
}

fn list_for<'a>(unit: &Unit<'_>) -> Rows<'a> {
    Vec::with_capacity(unit.segment.queries.len())
}

/// From so many queries on, the kernel is faster.
const SEVERAL: usize = 4;

/// One head of one segment.
fn run_unit(
    problem: &Problem,
    unit: &Unit<'_>,
    operands: &[Heads<'_>; 3],
    bias: &TileBias<'_>,
    (mut rows, scratch): (Rows<'_>, &mut Scratch),
) -> Vec<f32> {
    if unit.segment.queries.len() < SEVERAL {
        return run_tiles(problem, unit, operands, bias, (rows, scratch));
    }
    let Segment { queries, keys } = unit.segment;
    let [q, k, v] = operands;
    let head = Head {
        q: q.rows(unit.batch, unit.head, queries.clone()),
        k: k.rows(unit.batch, unit.kv_head, keys.clone()),
        v: v.rows(unit.batch, unit.kv_head, keys.clone()),
        scale: problem.scale,
        causal: problem.causal,
        bias: bias.of_unit(problem, unit, q, &mut scratch.grid),
    };
    let mut logs = vec![0.0; queries.len()];
    let done = kernels().attention(&head, &mut scratch.kernel, &mut rows, &mut logs);
    // The shapes were checked when the operation was made.
    done.unwrap_or_else(|error| panic!("attention: {error}"));
    logs
}

/// As [`run_unit`], tile by tile.
fn run_tiles(
    problem: &Problem,
    unit: &Unit<'_>,
    [q, k, v]: &[Heads<'_>; 3],
    bias: &TileBias<'_>,
    (mut rows, scratch): (Rows<'_>, &mut Scratch),
) -> Vec<f32> {
    let width = problem.width;
    let mut logs = vec![0.0; unit.segment.queries.len()];
    for queries in problem.tiles(unit.segment) {
        let tile = Tile::new(problem, unit, queries.clone());
        let (count, seen) = (queries.len(), tile.seen);
        let scores = room(&mut scratch.scores, count * seen);
        tile.scores(scores, [q, k], bias, &mut scratch.grid);
        let shares = room(&mut scratch.per_query, count);
        let logs = &mut logs[queries.clone()];
        lanes::exponentials(scores, seen, |index| tile.visible(index), [&mut *shares, logs]);

        let mixed = room(&mut scratch.mixed, count * width);
        let values = v.matrix(unit.batch, unit.kv_head, tile.keys());
        let operands = [Matrix::by_rows(scores, [count, seen], seen), values];
        let into = MatrixMut::by_rows(mixed, [count, width], width);
        multiply(into, Before::Drop, 1.0, operands, Threads::One);
        let results = rows[queries].iter_mut().zip(mixed.chunks(width)).zip(shares);
        for ((row, mixed), share) in results {
            row.iter_mut().zip(mixed).for_each(|(y, x)| *y = x * *share);
        }
    }
    logs
}
