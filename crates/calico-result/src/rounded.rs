//! Numbers as they stand in a result: six significant decimal digits.
//!
//! A pixel mask carries no more; and rounding hides the last bits, which differ between
//! processors, so equal inputs give equal files.

/// Rounds to six significant decimal digits; infinities and NaN pass through.
pub(crate) fn single(value: f32) -> f32 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Rounds to six significant decimal digits; infinities and NaN pass through.
pub(crate) fn double(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_stay_whatever_the_magnitude() {
        assert_eq!(double(1_234.567_891).to_string(), "1234.57");
        assert_eq!(double(0.000_123_456_789).to_string(), "0.000123457");
        assert_eq!(single(0.876_543_2).to_string(), "0.876543");
        assert!(double(f64::NAN).is_nan());
    }
}
