use super::head::{Bias, Head};
use super::scratch::{BLOCK_PANELS, GROUP, LANES, MOST_ROWS, Scores, Scratch};
use crate::exponential::exp;
use crate::simd::{self, Job, Simd};

/// Attention of one head.
pub(super) struct Attend<'a, 'y> {
    pub(super) head: &'a Head<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) out: &'a mut [&'y mut [f32]],
    pub(super) logs: &'a mut [f32],
}

/// What is known of a query after some blocks of keys.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The largest score so far.
    most: f32,
    /// The sum of the exponentials of scores less `most`.
    sum: f32,
}

/// A block of keys.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// The first key.
    start: usize,
    /// Number of keys.
    len: usize,
}

/// Queries that are computed together.
#[derive(Debug, Clone, Copy)]
struct Together {
    /// The first query.
    query: usize,
    /// The same, counted from the first of the group.
    place: usize,
}

impl Job for Attend<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        self.scratch.pack(self.head);
        let queries = self.head.q.len();
        for first in (0..queries).step_by(GROUP) {
            self.group(s, first, GROUP.min(queries - first));
        }
    }
}

impl Attend<'_, '_> {
    /// The queries `first..first + count`.
    #[inline(always)]
    fn group<S: Simd>(&mut self, s: S, first: usize, count: usize) {
        let width = self.head.q.width();
        let columns = width.div_ceil(LANES);
        let mut known = [Known { most: f32::NEG_INFINITY, sum: 0.0 }; GROUP];
        self.scratch.queries.clear();
        self.scratch.queries.resize(count * width, 0.0);
        self.scratch.mixed.clear();
        self.scratch.mixed.resize(count * columns, [0.0; LANES]);
        let mut place = 0;
        while place < count {
            let rows = simd::group(count - place, S::ROWS);
            let to = &mut self.scratch.queries[place * width..][..rows * width];
            for r in 0..rows {
                let row = self.head.q.row(first + place + r);
                for (to, &value) in to[r..].iter_mut().step_by(rows).zip(row) {
                    *to = value * self.head.scale;
                }
            }
            place += rows;
        }
        let keys = self.head.k.len();
        let blocks = keys.div_ceil(BLOCK_PANELS * LANES);
        let len = keys.div_ceil(blocks).next_multiple_of(LANES);
        for start in (0..keys).step_by(len) {
            let block = Block { start, len: len.min(keys - start) };
            let mut place = 0;
            while place < count {
                let rows = simd::group(count - place, S::ROWS);
                let together = Together { query: first + place, place };
                let known = &mut known[place..];
                match rows {
                    8 => self.block::<S, 8>(s, block, together, known),
                    4 => self.block::<S, 4>(s, block, together, known),
                    2 => self.block::<S, 2>(s, block, together, known),
                    _ => self.block::<S, 1>(s, block, together, known),
                }
                place += rows;
            }
        }
        let mut place = 0;
        while place < count {
            let rows = simd::group(count - place, S::ROWS);
            let mixed = &self.scratch.mixed[place * columns..][..rows * columns];
            for r in 0..rows {
                let Known { most, sum } = known[place + r];
                let row = &mut *self.out[first + place + r];
                for (to, mixed) in row.chunks_mut(LANES).zip(mixed[r..].iter().step_by(rows)) {
                    for (to, value) in to.iter_mut().zip(mixed) {
                        *to = value / sum;
                    }
                }
                self.logs[first + place + r] = most + sum.ln();
            }
            place += rows;
        }
    }

    /// What `R` queries learn from a block of keys.
    #[inline(always)]
    fn block<S: Simd, const R: usize>(
        &mut self,
        s: S,
        block: Block,
        together: Together,
        known: &mut [Known],
    ) {
        let Block { start, len } = block;
        let last = together.query + R - 1;
        if self.head.visible(last) <= start {
            return;
        }
        let (width, panels) = (self.head.q.width(), len.div_ceil(LANES));
        let mut scores: Scores = [[[0.0; LANES]; BLOCK_PANELS]; MOST_ROWS];
        for r in 0..R {
            add_bias(&self.head.bias, together.query + r, block, &mut scores[r]);
        }
        let queries = &self.scratch.queries[together.place * width..][..R * width];
        let keys = &self.scratch.keys[start / LANES * width..][..panels * width];
        for (panel, keys) in keys.chunks_exact(width).enumerate() {
            products::<S, R>(s, keys, queries.as_chunks::<R>().0, &mut scores, panel);
        }
        let mut factors = [0.0; R];
        for r in 0..R {
            let seen = self.head.visible(together.query + r).saturating_sub(start).min(len);
            let row = &mut scores[r][..panels];
            row.as_flattened_mut()[seen..].fill(f32::NEG_INFINITY);
            factors[r] = exponentials(s, row, &mut known[r]);
        }
        let columns = width.div_ceil(LANES);
        let mixed = &mut self.scratch.mixed[together.place * columns..][..R * columns];
        let all = self.scratch.values.chunks_exact(self.head.v.len());
        for (values, mixed) in all.zip(mixed.as_chunks_mut::<R>().0) {
            mix::<S, R>(s, &values[start..][..len], &scores, factors, mixed);
        }
    }
}

/// Writes the biases of one query and a block of keys.
#[inline(always)]
fn add_bias(bias: &Bias<'_>, query: usize, block: Block, to: &mut [[f32; LANES]; BLOCK_PANELS]) {
    let to = &mut to.as_flattened_mut()[..block.len];
    match bias {
        Bias::None => {}
        Bias::Full(full) => to.copy_from_slice(&full.row(query)[block.start..][..block.len]),
        Bias::Grid(rows, columns) => {
            let (rows, columns) = (rows.row(query), columns.row(query));
            let (mut y, mut x) = (block.start / columns.len(), block.start % columns.len());
            let mut left = to;
            while !left.is_empty() {
                let (line, rest) = left.split_at_mut(left.len().min(columns.len() - x));
                let row = rows[y];
                for (to, column) in line.iter_mut().zip(&columns[x..]) {
                    *to = row + column;
                }
                (y, x, left) = (y + 1, 0, rest);
            }
        }
    }
}

/// Adds the products of `R` queries with sixteen keys.
#[inline(always)]
fn products<S: Simd, const R: usize>(
    s: S,
    keys: &[[f32; LANES]],
    queries: &[[f32; R]],
    scores: &mut Scores,
    panel: usize,
) {
    let mut sums = [s.all(0.0); R];
    for r in 0..R {
        sums[r] = s.load_floats(&scores[r][panel]);
    }
    for (keys, queries) in keys.iter().zip(queries) {
        let keys = s.load_floats(keys);
        for r in 0..R {
            sums[r] = s.mul_add(s.all(queries[r]), keys, sums[r]);
        }
    }
    for r in 0..R {
        s.store_floats(sums[r], &mut scores[r][panel]);
    }
}

/// Turns scores into exponentials, and returns by what everything so far has to be multiplied.
#[inline(always)]
fn exponentials<S: Simd>(s: S, row: &mut [[f32; LANES]], known: &mut Known) -> f32 {
    let mut most = s.all(known.most);
    for scores in &*row {
        most = s.most(most, s.load_floats(scores));
    }
    let mut lanes = [0.0; LANES];
    s.store_floats(most, &mut lanes);
    let most =
        lanes.iter().fold(f32::NEG_INFINITY, |most, &lane| if lane > most { lane } else { most });
    let is_no_number = |score: &f32| score.is_nan();
    if most == f32::NEG_INFINITY && !row.as_flattened().iter().any(is_no_number) {
        // Nothing is seen yet, and infinities less infinities are no numbers.
        row.as_flattened_mut().fill(0.0);
        return 1.0;
    }
    let mut sums = [0.0; LANES];
    for scores in row {
        for lane in 0..LANES {
            scores[lane] = exp(scores[lane] - most);
            sums[lane] += scores[lane];
        }
    }
    let factor = exp(known.most - most);
    let sum = sums.iter().sum::<f32>();
    *known = Known { most, sum: known.sum * factor + sum };
    factor
}

/// Adds sixteen columns of the values, mixed by exponentials.
#[inline(always)]
fn mix<S: Simd, const R: usize>(
    s: S,
    values: &[[f32; LANES]],
    exponentials: &Scores,
    factors: [f32; R],
    mixed: &mut [[f32; LANES]; R],
) {
    let mut sums = [s.all(0.0); R];
    for r in 0..R {
        sums[r] = s.mul(s.all(factors[r]), s.load_floats(&mixed[r]));
    }
    for (panel, values) in values.chunks(LANES).enumerate() {
        for (lane, value) in values.iter().enumerate() {
            let value = s.load_floats(value);
            for r in 0..R {
                sums[r] = s.mul_add(s.all(exponentials[r][panel][lane]), value, sums[r]);
            }
        }
    }
    for r in 0..R {
        s.store_floats(sums[r], &mut mixed[r]);
    }
}
