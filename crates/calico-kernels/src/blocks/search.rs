//! The search for the scale and the min of a sub-block.
//!
//! For each candidate the codes are fixed, and then the best scale and min for these codes follow
//! from weighted least squares in closed form; the candidate that leaves the smallest error wins.
//! Sums have eight lanes and one order, so that every level finds the same.

#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the caller's level")]

/// Lanes of a sum.
const LANES: usize = 8;
/// 1.5 · 2²³: what is added to it is rounded to the nearest whole number, halves to even.
const ROUNDER: f32 = 12_582_912.0;
/// How much further apart, in codes, the ends of a sub-block are taken to be.
const STRETCHES: [f32; 10] = [-1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0];

/// How values become codes: value = scale · code − min.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    /// Not negative.
    pub(super) scale: f32,
    /// Not negative.
    pub(super) min: f32,
}

/// Values of a sub-block, and how much an error of each counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) values: &'a [f32],
    pub(super) weights: &'a [f32],
}

impl Sample<'_> {
    /// The smallest and the largest value.
    #[inline(always)]
    fn ends(self) -> (f32, f32) {
        let (mut low, mut high) = ([f32::MAX; LANES], [f32::MIN; LANES]);
        for values in self.values.as_chunks::<LANES>().0 {
            for (lane, &value) in values.iter().enumerate() {
                low[lane] = least(low[lane], value);
                high[lane] = most(high[lane], value);
            }
        }
        (low.into_iter().fold(f32::MAX, least), high.into_iter().fold(f32::MIN, most))
    }

    /// Weighted sums over the values with the codes `round((value − from) · inverse)` within
    /// `range`: of code, code², and code · value.
    #[inline(always)]
    fn moments(self, from: f32, inverse: f32, range: (f32, f32)) -> [f32; 3] {
        let mut sums = [[0.0; LANES]; 3];
        let chunks = self.values.as_chunks::<LANES>().0.iter();
        for (values, weights) in chunks.zip(self.weights.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                let code = code((values[lane] - from) * inverse, range);
                let weighted = weights[lane] * code;
                sums[0][lane] += weighted;
                sums[1][lane] += weighted * code;
                sums[2][lane] += weighted * values[lane];
            }
        }
        sums.map(total)
    }

    /// The weighted sums of 1 and of the values.
    #[inline(always)]
    fn sums(self) -> [f32; 2] {
        let mut sums = [[0.0; LANES]; 2];
        let chunks = self.values.as_chunks::<LANES>().0.iter();
        for (values, weights) in chunks.zip(self.weights.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[0][lane] += weights[lane];
                sums[1][lane] += weights[lane] * values[lane];
            }
        }
        sums.map(total)
    }

    /// The weighted squared error with a given scale and min.
    #[inline(always)]
    fn error(self, affine: Affine, top: f32) -> f32 {
        let inverse = affine.inverse();
        let mut sums = [0.0; LANES];
        let chunks = self.values.as_chunks::<LANES>().0.iter();
        for (values, weights) in chunks.zip(self.weights.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                let code = code((values[lane] + affine.min) * inverse, (0.0, top));
                let miss = affine.scale * code - affine.min - values[lane];
                sums[lane] += weights[lane] * miss * miss;
            }
        }
        total(sums)
    }
}

impl Affine {
    /// Codes per value; 0 where there is no scale.
    #[inline(always)]
    pub(super) fn inverse(self) -> f32 {
        if self.scale > 0.0 { 1.0 / self.scale } else { 0.0 }
    }

    /// The code of a value, 0..=top.
    #[inline(always)]
    pub(super) fn code(self, value: f32, inverse: f32, top: f32) -> u8 {
        code((value + self.min) * inverse, (0.0, top)) as u8
    }
}

/// The best scale and min for codes 0..=top.
#[inline(always)]
pub(super) fn affine(sample: Sample<'_>, top: f32) -> Affine {
    let (low, high) = sample.ends();
    let low = least(low, 0.0);
    if high <= low {
        return Affine { scale: 0.0, min: -low };
    }
    let [count, sum] = sample.sums();
    let (mut best, mut best_gain) = (Affine { scale: (high - low) / top, min: -low }, f32::MIN);
    for stretch in STRETCHES {
        let [c, cc, cx] = sample.moments(low, (top + stretch) / (high - low), (0.0, top));
        if cc <= 0.0 {
            continue;
        }
        let determinant = count * cc - c * c;
        // Codes that are all alike determine no min, and leave a determinant of noise.
        let (mut scale, mut offset) = (cx / cc, 0.0);
        if determinant > 1e-5 * count * cc {
            let line = (cc * sum - c * cx) / determinant;
            if line < 0.0 {
                (scale, offset) = ((count * cx - sum * c) / determinant, line);
            }
        }
        // The error is what the values weigh without this.
        let gain = scale * cx + offset * sum;
        if scale > 0.0 && gain > best_gain {
            (best, best_gain) = (Affine { scale, min: -offset }, gain);
        }
    }
    best
}

/// The whole numbers near `scale / d` and `min / dmin` that leave the smallest error.
#[inline(always)]
pub(super) fn nearby(sample: Sample<'_>, d: f32, dmin: f32, fit: Affine, top: f32) -> [u8; 2] {
    let whole = |value: f32, unit: f32| {
        if unit > 0.0 { code(value / unit, (0.0, 63.0)) } else { 0.0 }
    };
    let (scale, min) = (whole(fit.scale, d), whole(fit.min, dmin));
    let (mut best, mut least_error) = ([scale, min], f32::MAX);
    for scale in [scale, scale - 1.0, scale + 1.0] {
        for min in [min, min - 1.0, min + 1.0] {
            if !(0.0..=63.0).contains(&scale) || !(0.0..=63.0).contains(&min) {
                continue;
            }
            let error = sample.error(Affine { scale: d * scale, min: dmin * min }, top);
            if error < least_error {
                (best, least_error) = ([scale, min], error);
            }
        }
    }
    best.map(|whole| whole as u8)
}

/// The best scale, of either sign, for codes -32..=31 without a min.
#[inline(always)]
pub(super) fn symmetric(sample: Sample<'_>) -> f32 {
    let (low, high) = sample.ends();
    // The larger magnitude becomes code -32, of which there is no positive twin.
    let peak = if -low > high { low } else { high };
    let (mut best, mut best_gain) = (0.0, 0.0);
    if peak == 0.0 {
        return best;
    }
    for stretch in STRETCHES {
        for end in [-32.0 - stretch, 31.0 + stretch] {
            let [_, cc, cx] = sample.moments(0.0, end / peak, (-32.0, 31.0));
            if cc > 0.0 && cx * cx / cc > best_gain {
                (best, best_gain) = (cx / cc, cx * cx / cc);
            }
        }
    }
    best
}

/// The nearest code within a range.
#[inline(always)]
pub(super) fn code(place: f32, (low, high): (f32, f32)) -> f32 {
    (least(most(place, low), high) + ROUNDER) - ROUNDER
}

#[inline(always)]
fn total(lanes: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

// Unlike `f32::min` and `f32::max` these are one instruction.
#[inline(always)]
fn least(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn most(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}
