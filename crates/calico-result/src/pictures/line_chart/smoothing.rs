/// Fewer points are seen well enough as they are.
const FEWEST: usize = 20;

/// The mean of the neighbours of each value, weighted less the further away they are, on both
/// sides alike, so that the result does not lag behind. `None` for few values.
///
/// The weights fall by a constant factor from point to point; half of the weight lies within about
/// a fiftieth of a line of `length` points, of which the values are a piece.
pub(super) fn smoothed(values: &[f64], length: usize) -> Option<Vec<f64>> {
    if length < FEWEST {
        return None;
    }
    let keep = 1.0 - 1.0 / (1.0 + length as f64 / 80.0);
    let before = decayed(values.iter().copied(), keep);
    let mut after = decayed(values.iter().rev().copied(), keep);
    after.reverse();
    let sums = before.into_iter().zip(after).zip(values);
    // The value itself is in both sums.
    let mean = sums
        .map(|((before, after), value)| (before.0 + after.0 - value) / (before.1 + after.1 - 1.0));
    Some(mean.collect())
}

/// Sum of the values up to each, and of their weights.
fn decayed(values: impl Iterator<Item = f64>, keep: f64) -> Vec<(f64, f64)> {
    let next = |state: &mut (f64, f64), value: f64| {
        *state = (state.0 * keep + value, state.1 * keep + 1.0);
        Some(*state)
    };
    values.scan((0.0, 0.0), next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_and_the_middle_of_a_slope_stay_and_noise_shrinks() {
        let constant = smoothed(&[2.5; 50], 50).unwrap();
        assert!(constant.iter().all(|value| (value - 2.5).abs() < 1e-12));
        let slope: Vec<f64> = (0..1001).map(f64::from).collect();
        assert!((smoothed(&slope, 1001).unwrap()[500] - 500.0).abs() < 1e-6);
        let noise: Vec<f64> = (0..1000).map(|at| f64::from(at % 2) - 0.5).collect();
        assert!(smoothed(&noise, 1000).unwrap()[500].abs() < 0.05);
        assert_eq!(smoothed(&[1.0; 19], 19), None);
    }
}
