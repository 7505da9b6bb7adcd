//! The search for the scale and the min of a sub-block.
//!
//! For each candidate the codes are fixed, and then the best scale and min for these codes follow
//! from weighted least squares in closed form; the candidate that leaves the smallest error wins.
//! Sums have sixteen lanes and one order, so that every level finds the same.

use crate::simd::Simd;

/// 1.5 · 2²³: what is added to it is rounded to the nearest whole number, halves to even.
const ROUNDER: f32 = 12_582_912.0;
/// How much further apart, in codes, the ends of a sub-block are taken to be.
const STRETCHES: [f32; 10] = [-1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0];
/// Spreads below this have no scale: a number of 16 bits would be zero long before.
const LEAST_SPREAD: f32 = 1e-20;

/// How values become codes: value = scale · code − min.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    /// Not negative.
    pub(super) scale: f32,
    /// Not negative.
    pub(super) min: f32,
}

/// The `16 · V` values of a sub-block, and how much an error of each counts.
#[derive(Clone, Copy)]
pub(super) struct Sample<S: Simd, const V: usize> {
    s: S,
    values: [S::Floats; V],
    weights: [S::Floats; V],
}

impl<S: Simd, const V: usize> Sample<S, V> {
    /// The `i`-th sub-block of some values and weights.
    #[inline(always)]
    pub(super) fn new(s: S, values: &[f32], weights: &[f32], i: usize) -> Self {
        let values = &values.as_chunks::<16>().0[i * V..][..V];
        let weights = &weights.as_chunks::<16>().0[i * V..][..V];
        let mut sample = Self { s, values: [s.all(0.0); V], weights: [s.all(0.0); V] };
        for v in 0..V {
            sample.values[v] = s.load_floats(&values[v]);
            sample.weights[v] = s.load_floats(&weights[v]);
        }
        sample
    }

    /// The smallest and the largest value.
    #[inline(always)]
    fn ends(self) -> (f32, f32) {
        let s = self.s;
        let (mut low, mut high) = (self.values[0], self.values[0]);
        for v in 1..V {
            (low, high) = (s.least(low, self.values[v]), s.most(high, self.values[v]));
        }
        (
            fold(s, low, |a, b| if a < b { a } else { b }),
            fold(s, high, |a, b| if a > b { a } else { b }),
        )
    }

    /// Weighted sums over the values with the codes `round((value − from) · inverse)` within
    /// `range`: of code, code², and code · value.
    #[inline(always)]
    fn moments(self, from: f32, inverse: f32, range: (f32, f32)) -> [f32; 3] {
        let s = self.s;
        let (from, inverse) = (s.all(from), s.all(inverse));
        let mut sums = [s.all(0.0); 3];
        for v in 0..V {
            let codes = codes(s, s.mul(s.sub(self.values[v], from), inverse), range);
            let weighted = s.mul(self.weights[v], codes);
            sums[0] = s.add(sums[0], weighted);
            sums[1] = s.add(sums[1], s.mul(weighted, codes));
            sums[2] = s.add(sums[2], s.mul(weighted, self.values[v]));
        }
        [total(s, sums[0]), total(s, sums[1]), total(s, sums[2])]
    }

    /// The weighted sums of 1 and of the values.
    #[inline(always)]
    fn sums(self) -> [f32; 2] {
        let s = self.s;
        let mut sums = [s.all(0.0); 2];
        for v in 0..V {
            sums[0] = s.add(sums[0], self.weights[v]);
            sums[1] = s.add(sums[1], s.mul(self.weights[v], self.values[v]));
        }
        [total(s, sums[0]), total(s, sums[1])]
    }

    /// The weighted squared error with a given scale and min.
    #[inline(always)]
    fn error(self, affine: Affine, top: f32) -> f32 {
        let s = self.s;
        let (scale, min) = (s.all(affine.scale), s.all(affine.min));
        let inverse = s.all(affine.inverse());
        let mut sum = s.all(0.0);
        for v in 0..V {
            let codes = codes(s, s.mul(s.add(self.values[v], min), inverse), (0.0, top));
            let miss = s.sub(s.sub(s.mul(scale, codes), min), self.values[v]);
            sum = s.add(sum, s.mul(self.weights[v], s.mul(miss, miss)));
        }
        total(s, sum)
    }
}

impl Affine {
    /// Codes per value; 0 where there is no scale.
    #[inline(always)]
    pub(super) fn inverse(self) -> f32 {
        if self.scale > 0.0 { 1.0 / self.scale } else { 0.0 }
    }
}

/// The best scale and min for codes 0..=top.
#[inline(always)]
pub(super) fn affine<S: Simd>(sample: Sample<S, 2>, top: f32) -> Affine {
    let (low, high) = sample.ends();
    let low = if low < 0.0 { low } else { 0.0 };
    if high - low < LEAST_SPREAD {
        return Affine { scale: 0.0, min: -low };
    }
    let [count, sum] = sample.sums();
    let (mut best, mut best_gain) = (Affine { scale: (high - low) / top, min: -low }, f32::MIN);
    for stretch in 0..STRETCHES.len() {
        let inverse = (top + STRETCHES[stretch]) / (high - low);
        let [c, cc, cx] = sample.moments(low, inverse, (0.0, top));
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
pub(super) fn nearby<S: Simd>(
    sample: Sample<S, 2>,
    [d, dmin]: [f32; 2],
    fit: Affine,
    top: f32,
) -> [u8; 2] {
    let (scale, min) = (whole(fit.scale, d), whole(fit.min, dmin));
    let (mut best, mut least_error) = ([scale, min], f32::MAX);
    for step in 0..9 {
        let scale = scale + [0.0, -1.0, 1.0][step / 3];
        let min = min + [0.0, -1.0, 1.0][step % 3];
        if !(0.0..=63.0).contains(&scale) || !(0.0..=63.0).contains(&min) {
            continue;
        }
        let error = sample.error(Affine { scale: d * scale, min: dmin * min }, top);
        if error < least_error {
            (best, least_error) = ([scale, min], error);
        }
    }
    [best[0] as u8, best[1] as u8]
}

/// The best scale, of either sign, for codes -32..=31 without a min.
#[inline(always)]
pub(super) fn symmetric<S: Simd>(sample: Sample<S, 1>) -> f32 {
    let (low, high) = sample.ends();
    // The larger magnitude becomes code -32, of which there is no positive twin.
    let peak = if -low > high { low } else { high };
    let (mut best, mut best_gain) = (0.0, 0.0);
    if peak.abs() < LEAST_SPREAD {
        return best;
    }
    for candidate in 0..2 * STRETCHES.len() {
        let stretch = STRETCHES[candidate / 2];
        let end = if candidate % 2 == 0 { -32.0 - stretch } else { 31.0 + stretch };
        let [_, cc, cx] = sample.moments(0.0, end / peak, (-32.0, 31.0));
        if cc > 0.0 && cx * cx / cc > best_gain {
            (best, best_gain) = (cx / cc, cx * cx / cc);
        }
    }
    best
}

/// The nearest whole number of units, 0..=63.
#[inline(always)]
fn whole(value: f32, unit: f32) -> f32 {
    if unit > 0.0 { code(value / unit, (0.0, 63.0)) } else { 0.0 }
}

/// The nearest code within a range.
#[inline(always)]
pub(super) fn code(place: f32, (low, high): (f32, f32)) -> f32 {
    (place.clamp(low, high) + ROUNDER) - ROUNDER
}

/// The nearest codes within a range.
#[inline(always)]
fn codes<S: Simd>(s: S, places: S::Floats, (low, high): (f32, f32)) -> S::Floats {
    let within = s.least(s.most(places, s.all(low)), s.all(high));
    s.sub(s.add(within, s.all(ROUNDER)), s.all(ROUNDER))
}

#[inline(always)]
fn total<S: Simd>(s: S, lanes: S::Floats) -> f32 {
    fold(s, lanes, |a, b| a + b)
}

/// Joins the lanes, the upper half with the lower half again and again.
#[inline(always)]
fn fold<S: Simd>(s: S, lanes: S::Floats, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut all = [0.0; 16];
    s.store_floats(lanes, &mut all);
    let mut half = 8;
    while half > 0 {
        for lane in 0..half {
            all[lane] = join(all[lane], all[lane + half]);
        }
        half /= 2;
    }
    all[0]
}
