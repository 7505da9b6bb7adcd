use super::number::Number;

/// Beyond it a difference of two numbers may be infinite.
const LARGEST: f64 = 1e300;

/// A range of numbers and the marks on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    is_logarithmic: bool,
    /// Numbers on the axis, rising, with their texts.
    pub(super) marks: Vec<(f64, String)>,
}

impl Axis {
    /// From the first step to the last, whole numbers marked within.
    pub(super) fn steps(low: f64, high: f64) -> Self {
        // A run that begins near 0 begins at 0.
        let low = if low > 0.0 && low < 0.1 * high { 0.0 } else { low };
        let (low, high) = if high > low { (low, high) } else { (low, low + 1.0) };
        let (digit, power) = step((high - low) / 9.0);
        let (digit, power) = if power < 0 { (1, 0) } else { (digit, power) };
        let marks = numbers(low, high, (digit, power), false);
        Self { low, high, is_logarithmic: false, marks: texts(&marks) }
    }

    /// A range that holds the values and ends at marks.
    pub(super) fn linear(low: f64, high: f64) -> Self {
        // A range that is not far from 0 shows it, so that heights can be compared.
        let low = if low > 0.0 && low < 0.4 * high { 0.0 } else { low };
        let high = if high < 0.0 && high > 0.4 * low { 0.0 } else { high };
        let size = low.abs().max(high.abs());
        let (low, high) = if size == 0.0 {
            (0.0, 1.0)
        } else if high - low <= 1e-9 * size {
            (low - 0.1 * size, high + 0.1 * size)
        } else {
            (low, high)
        };
        let marks = numbers(low, high, step((high - low) / 6.0), true);
        let ends = (marks.first().map(|mark| mark.value()), marks.last().map(|mark| mark.value()));
        let (low, high) = (ends.0.unwrap_or(low), ends.1.unwrap_or(high));
        Self { low, high, is_logarithmic: false, marks: texts(&marks) }
    }

    /// A range that holds the values, which are positive, and ends at 1, 2 or 5 times a power of
    /// ten.
    pub(super) fn logarithmic(low: f64, high: f64) -> Self {
        let first = rung_below(low);
        let mut last = rung_below(high);
        if rung(last).value() < high * (1.0 - 1e-9) || last == first {
            last += 1;
        }
        // Over many powers of ten, and then over very many, fewer numbers are written.
        let every = match last - first {
            ..=7 => 1,
            8..=24 => 3,
            more => 3 * (more / 24 + 1),
        };
        let written = (first..=last).filter(|at| at.rem_euclid(every) == 0).map(rung);
        let marks = written.map(|mark| (mark.value(), mark.text(mark.is_long()))).collect();
        let (low, high) = (rung(first).value(), rung(last).value());
        Self { low, high, is_logarithmic: true, marks }
    }

    /// Where a value lies, 0 at the low end to 1 at the high one; `None` for what has no place.
    /// A value beyond an end lies at it.
    pub(super) fn place(&self, value: f64) -> Option<f32> {
        let value = self.transformed(value)?;
        let (low, high) = (self.transformed(self.low)?, self.transformed(self.high)?);
        Some(((value - low) / (high - low)).clamp(0.0, 1.0) as f32)
    }

    fn transformed(&self, value: f64) -> Option<f64> {
        transformed(value, self.is_logarithmic)
    }
}

/// The value, or its logarithm, if it can be drawn.
pub(super) fn transformed(value: f64, is_logarithmic: bool) -> Option<f64> {
    if is_logarithmic {
        return (value > 1.0 / LARGEST && value < LARGEST).then(|| value.ln());
    }
    (value.abs() < LARGEST).then_some(value)
}

/// The round step, as digit and power of ten, that is at least as long as the smallest one.
fn step(smallest: f64) -> (i64, i32) {
    let power = smallest.log10().floor() as i32;
    let fits = |digit: &i64| *digit as f64 * 10_f64.powi(power) >= smallest * (1.0 - 1e-9);
    [1, 2, 5].into_iter().find(fits).map_or((1, power + 1), |digit| (digit, power))
}

/// The multiples of a step within a range, or around it.
fn numbers(low: f64, high: f64, (digit, power): (i64, i32), is_around: bool) -> Vec<Number> {
    let step = digit as f64 * 10_f64.powi(power);
    let (low, high) = (low / step, high / step);
    let (first, last) = if is_around {
        ((low + 1e-9).floor(), (high - 1e-9).ceil())
    } else {
        ((low - 1e-9).ceil(), (high + 1e-9).floor())
    };
    let last = last.min(first + 20.0);
    (first as i64..=last as i64)
        .map(|count| Number { units: count.saturating_mul(digit), power })
        .collect()
}

/// All plain, or all with powers of ten.
fn texts(marks: &[Number]) -> Vec<(f64, String)> {
    let largest = marks.iter().copied().max_by(|a, b| a.value().abs().total_cmp(&b.value().abs()));
    let is_short = largest.is_some_and(Number::is_long);
    marks.iter().map(|mark| (mark.value(), mark.text(is_short))).collect()
}

/// The numbers 1, 2, 5 times the powers of ten, counted from 1.
fn rung(at: i32) -> Number {
    let units = [1, 2, 5][at.rem_euclid(3) as usize];
    Number { units, power: at.div_euclid(3) }
}

/// The last rung that is at most a positive number.
fn rung_below(value: f64) -> i32 {
    let near = 3 * value.log10().floor() as i32;
    let below = |at: &i32| rung(*at).value() <= value * (1.0 + 1e-9);
    (near - 1..near + 4).rev().find(below).unwrap_or(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn marks_are_round_and_hold_the_values() {
        assert_eq!(words(&Axis::linear(0.3, 2.4)), ["0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        assert_eq!(words(&Axis::linear(61.0, 64.2)), ["61", "62", "63", "64", "65"]);
        let rates = ["0", "10⁻⁴", "2×10⁻⁴", "3×10⁻⁴", "4×10⁻⁴"];
        assert_eq!(words(&Axis::linear(0.0, 4e-4)), rates);
        assert_eq!(words(&Axis::linear(5.0, 5.0)).first(), Some(&"4.4"));
        assert_eq!(words(&Axis::linear(0.0, 0.0)).first(), Some(&"0"));
        assert_eq!(words(&Axis::linear(-1.0, 1.0)).first(), Some(&"−1.0"));
    }

    #[test]
    fn steps_are_whole() {
        assert_eq!(words(&Axis::steps(1.0, 3.0)), ["1", "2", "3"]);
        assert_eq!(words(&Axis::steps(7.0, 7.0)), ["7", "8"]);
        let many = Axis::steps(1.0, 100_000.0);
        assert_eq!(words(&many)[..3], ["0", "20,000", "40,000"]);
        assert_eq!(many.place(50_000.0), Some(0.5));
        let late = Axis::steps(5000.0, 6000.0);
        assert_eq!(words(&late)[0], "5,000");
    }

    #[test]
    fn equal_ratios_are_equally_far_apart() {
        let axis = Axis::logarithmic(0.013, 8.0);
        assert_eq!(words(&axis), ["0.01", "0.1", "1", "10"]);
        let near = Axis::logarithmic(0.3, 1.4);
        assert_eq!(words(&near), ["0.2", "0.5", "1", "2"]);
        let gaps = [0.2, 0.6, 1.8].map(|value| near.place(value).unwrap());
        assert!((gaps[1] - gaps[0] - (gaps[2] - gaps[1])).abs() < 1e-6, "{gaps:?}");
        assert_eq!((near.place(0.0), near.place(-1.0), near.place(f64::NAN)), (None, None, None));
        let wide = Axis::logarithmic(1e-200, 1e200);
        assert!((4..=20).contains(&wide.marks.len()), "{:?}", words(&wide));
    }
}
