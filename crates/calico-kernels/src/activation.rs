//! Activations become 8 bits.
//!
//! All of it is plain arithmetic that the compiler turns into the vectors of the level that calls
//! it, and every step has one result, so levels agree to the bit.

use crate::simd::{Job, Simd};

/// The largest code.
const TOP: f32 = 127.0;
/// Magnitudes below 2⁻¹⁰⁰ count as zero, because their scales would lose digits.
const LEAST: f32 = f32::from_bits((127 - 100) << 23);
/// 1.5 · 2²³: what is added to it is rounded to the nearest whole number, halves to even.
const ROUNDER: f32 = 12_582_912.0;

/// Writes the codes of some values, -127..=127, and returns their scale: the value of a code is
/// code · scale.
///
/// Codes are `round(x · (127 / peak))`, halves to even, and the scale is `peak / 127`, where the
/// peak is the largest magnitude. Values of which one is not finite have codes 0 and a scale that
/// is not a number.
#[inline(always)]
pub(crate) fn quantize(values: &[f32], codes: &mut [i8]) -> f32 {
    let peak = peak(values);
    if !peak.is_finite() || peak < LEAST {
        codes.fill(0);
        return if peak.is_finite() { 0.0 } else { f32::NAN };
    }
    let inverse = TOP / peak;
    for (code, &value) in codes.iter_mut().zip(values) {
        *code = round(value * inverse) as i8;
    }
    peak / TOP
}

/// [`quantize`] as a job.
pub(crate) struct Quantize<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) codes: &'a mut [i8],
}

impl Job for Quantize<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f32 {
        quantize(self.values, self.codes)
    }
}

/// The nearest whole number, halves to even, of magnitudes up to 2²².
#[inline(always)]
pub(crate) fn round(value: f32) -> i32 {
    (value + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32
}

/// The largest magnitude; not finite if a value is not.
#[inline(always)]
fn peak(values: &[f32]) -> f32 {
    // Magnitudes sort like their bits, and what is not finite has the largest.
    let mut peak = 0_i32;
    for value in values {
        peak = peak.max((value.to_bits() & i32::MAX as u32) as i32);
    }
    f32::from_bits(peak as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_the_nearest_and_halves_to_even() {
        let mut value = -130.0_f32;
        while value < 130.0 {
            assert_eq!(round(value), value.round_ties_even() as i32, "{value}");
            value += 0.0625;
        }
    }

    #[test]
    fn the_peak_has_the_largest_code() {
        for peak in [2.0_f32.powi(-100), 1e-20, 0.3, 1.0, 7.7, 1e30, f32::MAX] {
            let mut codes = [1; 3];
            let scale = quantize(&[peak, -peak, 0.0], &mut codes);
            assert_eq!(codes, [127, -127, 0], "{peak}");
            assert!((scale - peak / 127.0).abs() <= peak * 1e-8);
        }
    }

    #[test]
    fn what_is_not_finite_has_no_scale_and_what_is_tiny_is_zero() {
        for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut codes = [1; 2];
            assert!(quantize(&[1.0, value], &mut codes).is_nan());
            assert_eq!(codes, [0, 0]);
        }
        for value in [0.0, -0.0, 1e-40, 2.0_f32.powi(-101)] {
            let mut codes = [1; 2];
            assert_eq!(quantize(&[value, -value], &mut codes).to_bits(), 0);
            assert_eq!(codes, [0, 0]);
        }
    }
}
