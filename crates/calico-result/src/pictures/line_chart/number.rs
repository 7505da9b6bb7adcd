//! Round numbers at an axis, as texts.

use crate::pictures::chart::grouped;

/// `units · 10^power`, where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) units: i64,
    pub(super) power: i32,
}

impl Number {
    pub(super) fn value(self) -> f64 {
        // A division gives the nearest number, and a product with 0.1 does not.
        let factor = 10_f64.powi(self.power.abs());
        if self.power < 0 { self.units as f64 / factor } else { self.units as f64 * factor }
    }

    /// With powers of ten if `is_short`, as a plain decimal otherwise.
    pub(super) fn text(self, is_short: bool) -> String {
        let Self { units, power } = self;
        if units == 0 {
            return "0".to_owned();
        }
        let sign = if units < 0 { "−" } else { "" };
        if is_short {
            let digits = units.unsigned_abs().to_string();
            let exponent = power + digits.len() as i32 - 1;
            let rest = digits[1..].trim_end_matches('0');
            let point = if rest.is_empty() { "" } else { "." };
            let mantissa = format!("{}{point}{rest}", &digits[..1]);
            let times = if mantissa == "1" { String::new() } else { format!("{mantissa}×") };
            return format!("{sign}{times}10{}", raised(exponent));
        }
        let size = self.value().abs();
        let decimals = (-power).max(0) as usize;
        if decimals == 0 {
            return format!("{sign}{}", grouped(size as u64));
        }
        format!("{sign}{size:.decimals$}")
    }

    /// Whether the plain decimal would be long.
    pub(super) fn is_long(self) -> bool {
        let size = self.value().abs();
        size >= 1e7 || (size > 0.0 && size < 1e-3)
    }
}

fn raised(number: i32) -> String {
    let raise = |digit| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    };
    number.to_string().chars().map(raise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_or_have_powers_of_ten() {
        let texts = |units, power| {
            let number = Number { units, power };
            (number.text(false), number.text(true))
        };
        assert_eq!(texts(25, -2), ("0.25".to_owned(), "2.5×10⁻¹".to_owned()));
        assert_eq!(texts(20, -1), ("2.0".to_owned(), "2×10⁰".to_owned()));
        assert_eq!(texts(-12, 3), ("−12,000".to_owned(), "−1.2×10⁴".to_owned()));
        assert_eq!(texts(1, -5), ("0.00001".to_owned(), "10⁻⁵".to_owned()));
        assert_eq!(texts(0, 7), ("0".to_owned(), "0".to_owned()));
    }
}
