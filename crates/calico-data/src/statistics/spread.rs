use serde::{Deserialize, Serialize};

/// How numbers are spread.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// How many numbers.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The smallest.
    pub min: u64,
    /// The smaller of the two in the middle, where there are two.
    pub median: u64,
    /// The sum by the count; 0 if there is no number.
    pub mean: f64,
    /// The largest.
    pub max: u64,
}

impl Spread {
    /// The spread of numbers, each with how often it occurs, ascending.
    pub(super) fn of(numbers: impl Iterator<Item = (u64, u64)> + Clone) -> Self {
        let numbers = numbers.filter(|(_, times)| *times > 0);
        let count: u64 = numbers.clone().map(|(_, times)| times).sum();
        let sum = numbers.clone().map(|(number, times)| number * times).sum();
        let mut before = 0;
        let median = numbers.clone().find(|(_, times)| {
            before += times;
            2 * before >= count
        });
        let mean = if count == 0 { 0.0 } else { sum as f64 / count as f64 };
        let first = numbers.clone().next();
        let number = |found: Option<(u64, u64)>| found.map_or(0, |(number, _)| number);
        let (min, median, max) = (number(first), number(median), number(numbers.last()));
        Self { count, sum, min, median, mean, max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_repeat_count_each_time() {
        let spread = Spread::of([(1, 2), (2, 0), (3, 1), (10, 1)].into_iter());
        let expected = Spread { count: 4, sum: 15, min: 1, median: 1, mean: 3.75, max: 10 };
        assert_eq!(spread, expected);
        assert_eq!(Spread::of([].into_iter()), Spread::default());
    }
}
