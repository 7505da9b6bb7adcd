//! What is added to the scores of a tile, and what its gradient is.

use std::ops::Range;

use calico_kernels::attention::Bias;

use super::heads::{Heads, strided};
use super::lanes;
use super::problem::{Problem, Unit};
use super::scratch::room;
use crate::ops::product::{Before, Matrix, MatrixMut, Threads, multiply};

/// What is added to the scores of a tile.
#[derive(Debug, Clone, Copy)]
pub(super) enum TileBias<'a> {
    None,
    Full(Full<'a>),
    Grid(Grid<'a>),
}

/// One value per query and key, the keys contiguous.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full<'a> {
    pub(super) data: &'a [f32],
    /// From sample to sample, head to head and query to query.
    pub(super) strides: [usize; 3],
}

/// One value per query and key row, and one per query and key column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid<'a> {
    /// Rows and columns of the keys.
    pub(super) sides: [usize; 2],
    pub(super) source: GridSource,
    /// `[B, N, T, h]` and `[B, N, T, w]` if given, `[2 h - 1, K]` and `[2 w - 1, K]` if tables.
    pub(super) data: [&'a [f32]; 2],
}

/// Where the values of a grid come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GridSource {
    Given,
    /// The products of each query with the entry of a table for each distance.
    Tables,
}

/// Memory for the values of a grid in one tile, or for their gradients.
#[derive(Debug, Default)]
pub(super) struct GridScratch {
    sides: [Vec<f32>; 2],
    products: Vec<f32>,
}

/// Where the gradients of a grid go.
#[derive(Debug)]
pub(super) enum GridTarget<'a> {
    /// The values of the unit's head.
    Given([&'a mut [f32]; 2]),
    /// The unit's part of the gradients of the tables.
    Tables([Vec<f32>; 2]),
}

/// A tile of queries of one unit.
#[derive(Debug, Clone)]
pub(super) struct Tile<'a> {
    pub(super) problem: &'a Problem,
    pub(super) unit: &'a Unit<'a>,
    /// Counted from the first query of the segment.
    pub(super) queries: Range<usize>,
    /// How many keys the last query sees.
    pub(super) seen: usize,
}

impl<'a> Tile<'a> {
    pub(super) fn new(problem: &'a Problem, unit: &'a Unit<'a>, queries: Range<usize>) -> Self {
        let seen = problem.visible(unit.segment, queries.end - 1);
        Self { problem, unit, queries, seen }
    }

    /// The queries, counted from the first of the sample.
    pub(super) fn tokens(&self) -> Range<usize> {
        let start = self.unit.segment.queries.start;
        start + self.queries.start..start + self.queries.end
    }

    /// The keys that are seen, counted from the first of the sample.
    pub(super) fn keys(&self) -> Range<usize> {
        let start = self.unit.segment.keys.start;
        start..start + self.seen
    }

    /// Queries before the tile, over all samples and heads.
    fn offset(&self) -> usize {
        let Self { problem, unit, .. } = self;
        (unit.batch * problem.heads + unit.head) * problem.queries + self.queries.start
    }

    /// How many keys a query of the tile sees.
    pub(super) fn visible(&self, index: usize) -> usize {
        self.problem.visible(self.unit.segment, self.queries.start + index)
    }

    pub(super) fn query_matrix<'q>(&self, q: &Heads<'q>) -> Matrix<'q> {
        q.matrix(self.unit.batch, self.unit.head, self.tokens())
    }

    /// Scaled scores with their bias.
    pub(super) fn scores(
        &self,
        scores: &mut [f32],
        [q, k]: [&Heads<'_>; 2],
        bias: &TileBias<'_>,
        scratch: &mut GridScratch,
    ) {
        let keys = k.matrix(self.unit.batch, self.unit.kv_head, self.keys());
        let into = MatrixMut::by_rows(scores, [self.queries.len(), self.seen], self.seen);
        let operands = [self.query_matrix(q), keys.t()];
        multiply(into, Before::Drop, self.problem.scale, operands, Threads::One);
        match bias {
            TileBias::None => {}
            TileBias::Full(full) => full.add(self, scores),
            TileBias::Grid(grid) => grid.add(self, scores, q, scratch),
        }
    }
}

impl<'a> TileBias<'a> {
    /// What is added to the scores of all queries of a unit.
    pub(super) fn of_unit<'s>(
        &self,
        problem: &Problem,
        unit: &Unit<'_>,
        q: &Heads<'_>,
        scratch: &'s mut GridScratch,
    ) -> Bias<'s>
    where
        'a: 's,
    {
        let segment = unit.segment;
        let queries = segment.queries.len();
        match self {
            Self::None => Bias::None,
            Self::Full(Full { data, strides: [batch, head, query] }) => {
                let start = unit.batch * batch + unit.head * head + segment.queries.start * query;
                Bias::Full(strided(&data[start..], [queries, segment.keys.len()], *query))
            }
            Self::Grid(grid) => {
                let tile = Tile::new(problem, unit, 0..queries);
                let [rows, columns] = grid.values(&tile, q, scratch);
                let [h, w] = grid.sides;
                Bias::Grid(strided(rows, [queries, h], h), strided(columns, [queries, w], w))
            }
        }
    }
}

impl Full<'_> {
    fn add(&self, tile: &Tile<'_>, scores: &mut [f32]) {
        let [batch, head, query] = self.strides;
        let start = tile.unit.batch * batch + tile.unit.head * head;
        for (scores, token) in scores.chunks_mut(tile.seen).zip(tile.tokens()) {
            let row = &self.data[start + token * query..][..tile.seen];
            scores.iter_mut().zip(row).for_each(|(score, bias)| *score += bias);
        }
    }
}

impl<'a> Grid<'a> {
    fn add(&self, tile: &Tile<'_>, scores: &mut [f32], q: &Heads<'_>, scratch: &mut GridScratch) {
        let [rows, columns] = self.values(tile, q, scratch);
        lanes::add_grid(scores, rows, columns, self.sides);
    }

    /// The values for rows and for columns of the queries of a tile.
    fn values<'s>(
        &self,
        tile: &Tile<'_>,
        q: &Heads<'_>,
        scratch: &'s mut GridScratch,
    ) -> [&'s [f32]; 2]
    where
        'a: 's,
    {
        match self.source {
            GridSource::Given => [0, 1].map(|axis| {
                let side = self.sides[axis];
                &self.data[axis][tile.offset() * side..][..tile.queries.len() * side]
            }),
            GridSource::Tables => {
                let GridScratch { sides: [rows, columns], products } = scratch;
                [self.along(0, tile, q, rows, products), self.along(1, tile, q, columns, products)]
            }
        }
    }

    fn table(&self, axis: usize, width: usize) -> Matrix<'a> {
        Matrix::by_rows(self.data[axis], [2 * self.sides[axis] - 1, width], width)
    }

    /// Where a query lies on an axis of the grid.
    fn place(&self, axis: usize, query: usize) -> usize {
        if axis == 0 { query / self.sides[1] } else { query % self.sides[1] }
    }

    /// The values along one axis for the queries of a tile: entry `query - key + side - 1` of the
    /// products of each query with the table.
    fn along<'s>(
        &self,
        axis: usize,
        tile: &Tile<'_>,
        q: &Heads<'_>,
        values: &'s mut Vec<f32>,
        products: &mut Vec<f32>,
    ) -> &'s [f32] {
        let side = self.sides[axis];
        let (count, entries) = (tile.queries.len(), 2 * side - 1);
        let products = room(products, count * entries);
        let operands = [tile.query_matrix(q), self.table(axis, tile.problem.width).t()];
        let into = MatrixMut::by_rows(products, [count, entries], entries);
        multiply(into, Before::Drop, 1.0, operands, Threads::One);
        let values = room(values, count * side);
        let rows = values.chunks_mut(side).zip(products.chunks(entries));
        for ((values, products), query) in rows.zip(tile.queries.clone()) {
            let place = self.place(axis, query);
            let backwards = products[place..place + side].iter().rev();
            values.iter_mut().zip(backwards).for_each(|(value, product)| *value = *product);
        }
        values
    }

    /// Sends the gradients of the scores of a tile to the grid, and, where the queries look up
    /// tables, adds theirs to `dq` `[tile, K]`.
    pub(super) fn backward(
        &self,
        tile: &Tile<'_>,
        ds: &[f32],
        (q, dq): (Matrix<'_>, &mut [f32]),
        target: &mut GridTarget<'_>,
        scratch: &mut GridScratch,
    ) {
        let (start, count) = (tile.queries.start, tile.queries.len());
        match target {
            GridTarget::Given([rows, columns]) => {
                let [h, w] = self.sides;
                let rows = &mut rows[start * h..][..count * h];
                let columns = &mut columns[start * w..][..count * w];
                lanes::sum_grid(ds, rows, columns, self.sides);
            }
            GridTarget::Tables(tables) => {
                let GridScratch { sides: [rows, columns], products } = scratch;
                let rows = room(rows, count * self.sides[0]);
                let columns = room(columns, count * self.sides[1]);
                lanes::sum_grid(ds, rows, columns, self.sides);
                for (axis, values) in [&*rows, &*columns].into_iter().enumerate() {
                    let d_products = self.spread(axis, tile, values, products);
                    let width = tile.problem.width;
                    let into = MatrixMut::by_rows(dq, [count, width], width);
                    let operands = [d_products, self.table(axis, width)];
                    multiply(into, Before::Add, 1.0, operands, Threads::One);
                    let entries = 2 * self.sides[axis] - 1;
                    let into = MatrixMut::by_rows(&mut tables[axis], [entries, width], width);
                    multiply(into, Before::Add, 1.0, [d_products.t(), q], Threads::One);
                }
            }
        }
    }

    /// The reverse of [`Grid::along`]: the gradients of the products with the table.
    fn spread<'s>(
        &self,
        axis: usize,
        tile: &Tile<'_>,
        values: &[f32],
        products: &'s mut Vec<f32>,
    ) -> Matrix<'s> {
        let side = self.sides[axis];
        let (count, entries) = (tile.queries.len(), 2 * side - 1);
        let products = room(products, count * entries);
        products.fill(0.0);
        let rows = products.chunks_mut(entries).zip(values.chunks(side));
        for ((products, values), query) in rows.zip(tile.queries.clone()) {
            let place = self.place(axis, query);
            let backwards = products[place..place + side].iter_mut().rev();
            backwards.zip(values).for_each(|(product, value)| *product = *value);
        }
        Matrix::by_rows(products, [count, entries], entries)
    }
}
