/// How many samples may be skipped because something is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLimits {
    /// The most bad samples one after the other.
    pub in_a_row: u32,
    /// The most bad samples of a hundred, in percent.
    pub percent: u32,
    /// Samples of the epoch that must have been looked at before the percentage counts.
    pub percent_after: u64,
}

impl Default for BadLimits {
    fn default() -> Self {
        Self { in_a_row: 100, percent: 5, percent_after: 1000 }
    }
}

impl BadLimits {
    /// Whether so many bad samples, of so many that were looked at, are too many.
    pub fn are_passed(&self, bad: u64, in_a_row: u32, taken: u64) -> bool {
        let share_is_known = taken >= self.percent_after;
        in_a_row > self.in_a_row
            || share_is_known && bad.saturating_mul(100) > taken.saturating_mul(self.percent.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_only_after_enough_samples() {
        let limits = BadLimits { in_a_row: 10, percent: 5, percent_after: 100 };
        assert!(!limits.are_passed(9, 9, 10));
        assert!(limits.are_passed(11, 11, 11));
        assert!(!limits.are_passed(5, 1, 100));
        assert!(limits.are_passed(6, 1, 100));
    }
}
