//! Sums and maxima in a fixed order that vectors can follow.

#![expect(clippy::inline_always, reason = "they must become part of the loop that calls them")]

use std::ops::Range;

/// Sums that run side by side: a multiple of the width of every vector unit.
const LANES: usize = 32;

/// The sum of all values.
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f32 {
    sum_of(
        x,
        #[inline(always)]
        |x| x,
    )
}

/// The sum of `term` over all values.
#[inline(always)]
pub(crate) fn sum_of(x: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for x in blocks {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane]);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += term(*x);
    }
    halve(
        lanes,
        #[inline(always)]
        |a, b| a + b,
    )
}

/// The sum of `term` over the values of two slices of equal length.
#[inline(always)]
pub(crate) fn sum_of_two(x: &[f32], y: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], y[lane]);
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *lane += term(*x, *y);
    }
    halve(
        lanes,
        #[inline(always)]
        |a, b| a + b,
    )
}

/// The sum of `len` terms that cost more than an addition: `fill(range, terms)` computes some at
/// a time, in a loop of its own.
#[inline(always)]
pub(crate) fn sum_in_blocks(len: usize, fill: impl Fn(Range<usize>, &mut [f32])) -> f32 {
    let mut terms = [0f32; 8 * LANES];
    let mut total = 0.0;
    for start in (0..len).step_by(terms.len()) {
        let terms = &mut terms[..(len - start).min(8 * LANES)];
        fill(start..start + terms.len(), terms);
        total += sum(terms);
    }
    total
}

/// The largest value, or minus infinity; NaN is passed over.
#[inline(always)]
pub(crate) fn highest(x: &[f32]) -> f32 {
    let higher = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane = higher(*lane, *x);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = higher(*lane, *x);
    }
    halve(lanes, higher)
}

/// Joins the lanes in pairs, again and again.
#[inline(always)]
fn halve(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact")]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once_whatever_the_length() {
        for len in 0..70 {
            let x: Vec<f32> = (1..=len).map(|i| i as f32).collect();
            assert_eq!(sum(&x), (len * (len + 1) / 2) as f32);
            let squares = (len * (len + 1) * (2 * len + 1) / 6) as f32;
            assert_eq!(sum_of(&x, |x| x * x), squares);
            assert_eq!(sum_of_two(&x, &x, |a, b| a * b), squares);
            assert_eq!(highest(&x), if len == 0 { f32::NEG_INFINITY } else { len as f32 });
        }
    }

    #[test]
    fn blocks_of_terms_cover_every_length() {
        for len in [0, 1, 255, 256, 257, 600] {
            let fill = |range: Range<usize>, terms: &mut [f32]| {
                terms.iter_mut().zip(range).for_each(|(term, i)| *term = i as f32);
            };
            assert_eq!(sum_in_blocks(len, fill), (len * len.saturating_sub(1) / 2) as f32);
        }
    }

    #[test]
    fn the_highest_value_is_found_wherever_it_is() {
        for place in 0..40 {
            let mut x = [-3.0; 40];
            x[place] = -2.0;
            assert_eq!(highest(&x), -2.0);
        }
    }
}
