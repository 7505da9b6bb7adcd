//! The loops over the scores of a tile, compiled for the widest registers of the machine.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for the least machine")]

use crate::ops::cpu::{exp, highest, sum, sum_of_two, vectorised};

/// Turns each row of a tile into `exp(score - max)`, zero where the query does not see the key.
///
/// `visible` says how many keys each row sees. Per row, `shares` receives the reciprocal of the sum
/// and `logs` the logarithm of the sum of the exponentials of the scores.
pub(super) fn exponentials(
    scores: &mut [f32],
    row_len: usize,
    visible: impl Fn(usize) -> usize,
    [shares, logs]: [&mut [f32]; 2],
) {
    vectorised(
        #[inline(always)]
        || {
            let per_row = shares.iter_mut().zip(logs.iter_mut());
            for (index, (row, (share, log))) in scores.chunks_mut(row_len).zip(per_row).enumerate()
            {
                let (seen, hidden) = row.split_at_mut(visible(index));
                let shift = highest(seen);
                exponential_row(seen, shift);
                let total = sum(seen);
                hidden.fill(0.0);
                *share = total.recip();
                *log = shift + total.ln();
            }
        },
    );
}

/// Turns each row of a tile into `exp(score - log)`, the probabilities, zero where the query does
/// not see the key.
pub(super) fn probabilities(
    scores: &mut [f32],
    row_len: usize,
    visible: impl Fn(usize) -> usize,
    logs: &[f32],
) {
    vectorised(
        #[inline(always)]
        || {
            for (index, (row, log)) in scores.chunks_mut(row_len).zip(logs).enumerate() {
                let (seen, hidden) = row.split_at_mut(visible(index));
                exponential_row(seen, *log);
                hidden.fill(0.0);
            }
        },
    );
}

/// Turns the gradients of probabilities into those of scores: `p (dp - shift)`, row by row.
pub(super) fn score_gradients(dp: &mut [f32], p: &[f32], row_len: usize, shifts: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            let rows = dp.chunks_mut(row_len).zip(p.chunks(row_len)).zip(shifts);
            for ((dp, p), shift) in rows {
                dp.iter_mut().zip(p).for_each(|(dp, p)| *dp = p * (*dp - shift));
            }
        },
    );
}

/// Adds one value per key row and one per key column to each row of a tile; the keys are a grid.
pub(super) fn add_grid(scores: &mut [f32], rows: &[f32], columns: &[f32], [h, w]: [usize; 2]) {
    vectorised(
        #[inline(always)]
        || {
            let biases = rows.chunks(h).zip(columns.chunks(w));
            for (scores, (rows, columns)) in scores.chunks_mut(h * w).zip(biases) {
                for (scores, row) in scores.chunks_mut(w).zip(rows) {
                    scores
                        .iter_mut()
                        .zip(columns)
                        .for_each(|(score, column)| *score += row + column);
                }
            }
        },
    );
}

/// Sums the gradients of the scores over the columns of the grid of keys, and over its rows.
pub(super) fn sum_grid(ds: &[f32], rows: &mut [f32], columns: &mut [f32], [h, w]: [usize; 2]) {
    vectorised(
        #[inline(always)]
        || {
            columns.fill(0.0);
            let sums = rows.chunks_mut(h).zip(columns.chunks_mut(w));
            for (ds, (rows, columns)) in ds.chunks(h * w).zip(sums) {
                for (ds, row) in ds.chunks(w).zip(rows) {
                    *row = sum(ds);
                    columns.iter_mut().zip(ds).for_each(|(column, d)| *column += d);
                }
            }
        },
    );
}

/// The sum of the products of two rows, for each pair of rows.
pub(super) fn dots<'a>(results: &mut [f32], pairs: impl Iterator<Item = [&'a [f32]; 2]>) {
    vectorised(
        #[inline(always)]
        || {
            for (result, [x, y]) in results.iter_mut().zip(pairs) {
                *result = sum_of_two(
                    x,
                    y,
                    #[inline(always)]
                    |x, y| x * y,
                );
            }
        },
    );
}

/// Replaces `x` by `exp(x - shift)`.
#[inline(always)]
fn exponential_row(row: &mut [f32], shift: f32) {
    for x in row {
        *x = exp(*x - shift);
    }
}
