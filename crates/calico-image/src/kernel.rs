use crate::Filter;

/// Fractional bits of a weight: 32, less 8 for the pixel and 2 for overshoot.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The weights that make one resized line out of a source line, in fixed point.
///
/// This is `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's `Resample.c`, in `f64`
/// and in the same order of operations.
pub(crate) struct Kernel {
    /// First source pixel and number of source pixels of each resized pixel.
    spans: Vec<(usize, usize)>,
    /// The weights of all resized pixels, one after the other.
    weights: Vec<i32>,
}

/// What one resized pixel is made of.
pub(crate) struct Window<'a> {
    /// First source pixel.
    pub(crate) start: usize,
    /// Weights of the source pixels from there on.
    pub(crate) weights: &'a [i32],
}

impl Kernel {
    /// The weights from a line of `from` pixels to one of `to` pixels.
    pub(crate) fn new(filter: Filter, from: u32, to: u32) -> Self {
        let scale = f64::from(from) / f64::from(to);
        // When shrinking, the filter widens with the scale, which is what avoids aliasing.
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let mut kernel = Self { spans: Vec::with_capacity(to as usize), weights: Vec::new() };
        let mut line = Vec::new();
        for position in 0..to {
            let centre = (f64::from(position) + 0.5) * scale;
            let start = (centre - support + 0.5).max(0.0) as u32;
            let end = ((centre + support + 0.5) as u32).min(from);
            line.clear();
            line.extend(
                (start..end).map(|source| {
                    filter.weight((f64::from(source) - centre + 0.5) * (1.0 / stretch))
                }),
            );
            let total: f64 = line.iter().sum();
            kernel.spans.push((start as usize, line.len()));
            kernel
                .weights
                .extend(line.iter().map(|&weight| {
                    fixed_point(if total == 0.0 { weight } else { weight / total })
                }));
        }
        kernel
    }

    /// What each resized pixel is made of, in order.
    pub(crate) fn windows(&self) -> Vec<Window<'_>> {
        let mut rest = self.weights.as_slice();
        let window = |&(start, count): &(usize, usize)| {
            let (weights, after) = rest.split_at(count);
            rest = after;
            Window { start, weights }
        };
        self.spans.iter().map(window).collect()
    }
}

/// The start value of a weighted sum: one half, which turns the final cut into rounding.
pub(crate) const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Adds one weighted pixel to a sum.
///
/// The absolute weights of a window add up to less than 2, so the sum stays below
/// `2 * 255 * 2^22 < 2^31`; saying `wrapping` keeps overflow checks out of the inner loops.
pub(crate) fn accumulate(sum: &mut i32, pixel: u8, weight: i32) {
    *sum = sum.wrapping_add(i32::from(pixel).wrapping_mul(weight));
}

/// The pixel value of a weighted sum.
pub(crate) fn pixel(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Rounds half away from zero, as Pillow does.
fn fixed_point(weight: f64) -> i32 {
    let half = if weight < 0.0 { -0.5 } else { 0.5 };
    (half + weight * f64::from(1 << PRECISION_BITS)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_weighted_sum_can_overflow() {
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            for from in 1..40 {
                for to in 1..40 {
                    for window in Kernel::new(filter, from, to).windows() {
                        let reach: i64 = window.weights.iter().map(|&w| i64::from(w).abs()).sum();
                        assert!(reach * 255 + i64::from(HALF) <= i64::from(i32::MAX));
                    }
                }
            }
        }
    }

    #[test]
    fn equal_sizes_copy() {
        for window in Kernel::new(Filter::Bicubic, 7, 7).windows() {
            let ones: Vec<_> = window.weights.iter().filter(|&&weight| weight != 0).collect();
            assert_eq!(ones, [&(1 << PRECISION_BITS)]);
        }
    }
}
