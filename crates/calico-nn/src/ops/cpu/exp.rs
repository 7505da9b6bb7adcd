//! Relatives of the exponential function, in arithmetic that compilers turn into vectors.

#![expect(clippy::inline_always, reason = "they must become part of the loop that calls them")]

pub(crate) use calico_kernels::exp;

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `ln(1 + x)` for `x` from 0 to 1, within three units in the last place.
///
/// `ln(1 + x) = 2 artanh(s)` with `s = x / (2 + x) ≤ 1/3`, so seven terms of its series do.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
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
