/// The marks of an axis from 0 to at least `largest`: about five, at round numbers.
pub(super) fn ticks(largest: u64) -> Vec<u64> {
    let least_step = largest.div_ceil(5).max(1);
    let mut power: u64 = 1;
    let step = loop {
        let fits = [1, 2, 5].into_iter().map(|digit| power.saturating_mul(digit));
        if let Some(step) = fits.into_iter().find(|step| *step >= least_step) {
            break step;
        }
        power = power.saturating_mul(10);
    };
    let count = largest.div_ceil(step).max(1);
    (0..=count).map(|mark| step.saturating_mul(mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_reach_the_largest_value() {
        assert_eq!(ticks(0), [0, 1]);
        assert_eq!(ticks(3), [0, 1, 2, 3]);
        assert_eq!(ticks(88), [0, 20, 40, 60, 80, 100]);
        assert_eq!(ticks(266_667), [0, 100_000, 200_000, 300_000]);
        for largest in [1, 9, 10, 11, 4_999, u64::MAX] {
            let marks = ticks(largest);
            assert!(marks.len() <= 7 && marks.last().is_some_and(|last| *last >= largest));
        }
    }
}
