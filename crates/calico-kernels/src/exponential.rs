//! The exponential function and its relatives, in arithmetic that compilers turn into vectors.
//!
//! The functions of the standard library call the C library once per value. These have no branch
//! and no table: a polynomial and two powers of two.

use std::f32::consts::LOG2_E;

/// Added and subtracted again, rounds any number of our range to a whole one.
const ROUNDING: f32 = 12_582_912.0; // 1.5 · 2²³

/// `eˣ`, within one unit in the last place; NaN stays NaN, `-∞` gives 0, and the subnormal
/// results are there too.
///
/// `x = n ln 2 + r`, and `eʳ` is the polynomial of Cephes' `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these, the result is 0 or infinite.
    let x = x.clamp(-104.0, 88.8);
    let shifted = x * LOG2_E + ROUNDING;
    let n = shifted - ROUNDING;
    // ln 2 in two parts, of which the first has so few digits that the product is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut q = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        q = q * r + coefficient;
    }
    let mantissa = q * (r * r) + r + 1.0;
    // Two factors, because 2ⁿ alone leaves the range of normal numbers before the result does.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUNDING.to_bits() as i32);
    let half = n >> 1;
    mantissa * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `2ⁿ` of a whole `n` from -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `ln(1 + x)` for `x` from 0 to 1, within three units in the last place.
///
/// `ln(1 + x) = 2 artanh(s)` with `s = x / (2 + x) ≤ 1/3`, so seven terms of its series do.
#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    let s = x / (2.0 + x);
    let square = s * s;
    let mut sum = 1.0 / 13.0;
    for coefficient in [1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        sum = sum * square + coefficient;
    }
    2.0 * s * sum
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact")]
mod tests {
    use super::*;

    /// The distance of two neighbours at `x`.
    fn unit(x: f64) -> f64 {
        let x = (x as f32).abs();
        f64::from(f32::from_bits(x.to_bits() + 1)) - f64::from(x)
    }

    #[test]
    fn exp_is_within_one_unit_in_the_last_place_wherever_the_result_is_finite() {
        // Every 997th number of f32.
        for bits in (0..=u32::MAX).step_by(997) {
            let x = f32::from_bits(bits);
            if x.is_finite() && (-103.0..=88.72).contains(&x) {
                let want = f64::from(x).exp();
                let error = (f64::from(exp(x)) - want).abs() / unit(want);
                assert!(error <= 1.0, "exp({x}) is {error} units off");
            }
        }
    }

    #[test]
    fn exp_has_the_limits_of_the_exponential_function() {
        assert_eq!(exp(0.0), 1.0);
        for low in [f32::NEG_INFINITY, -1e30, -1e4, -104.0] {
            assert_eq!(exp(low), 0.0);
        }
        for high in [f32::INFINITY, 1e30, 1e4, 89.0] {
            assert_eq!(exp(high), f32::INFINITY);
        }
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sigmoid_has_its_limits() {
        assert!(sigmoid(f32::NAN).is_nan());
        assert_eq!([sigmoid(-1e4), sigmoid(0.0), sigmoid(1e4)], [0.0, 0.5, 1.0]);
    }

    #[test]
    fn ln_1p_is_within_three_units_in_the_last_place_from_0_to_1() {
        for bits in (0..=1f32.to_bits()).step_by(997).chain([1f32.to_bits()]) {
            let x = f32::from_bits(bits);
            let want = f64::from(x).ln_1p();
            let error = (f64::from(ln_1p(x)) - want).abs() / unit(want);
            assert!(error <= 3.0, "ln_1p({x}) is {error} units off");
        }
        assert!(ln_1p(f32::NAN).is_nan());
    }
}
