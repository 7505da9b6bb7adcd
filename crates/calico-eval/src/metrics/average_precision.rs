use super::Detection;

/// The recalls at which the precision is read: 0, 0.01, … 1.
const POINTS: u32 = 101;

/// The area under the precision of all detections of many images, read at 101 recalls; 0 without
/// a target.
///
/// `detections` come image by image; equal scores keep their order.
/// Source: `accumulate` of pycocotools' `cocoeval.py`.
pub(crate) fn average_precision(
    detections: impl IntoIterator<Item = Detection>,
    targets: usize,
) -> f64 {
    if targets == 0 {
        return 0.0;
    }
    let mut detections: Vec<Detection> = detections.into_iter().collect();
    detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut hits, mut recalls, mut precisions) = (0_usize, Vec::new(), Vec::new());
    for (index, detection) in detections.iter().enumerate() {
        hits += usize::from(detection.hit);
        recalls.push(hits as f64 / targets as f64);
        precisions.push(hits as f64 / ((index + 1) as f64 + f64::EPSILON));
    }
    // A precision never falls below those at higher recalls.
    for index in (1..precisions.len()).rev() {
        precisions[index - 1] = f64::max(precisions[index - 1], precisions[index]);
    }
    let at = |point: u32| {
        let recall = f64::from(point) * 0.01;
        let first = recalls.partition_point(|&reached| reached < recall);
        precisions.get(first).copied().unwrap_or(0.0)
    };
    (0..POINTS).map(at).sum::<f64>() / f64::from(POINTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ap(found: &[(f64, bool)], targets: usize) -> f64 {
        let detection = |&(score, hit): &(f64, bool)| Detection { score, hit };
        average_precision(found.iter().map(detection), targets)
    }

    #[test]
    fn all_targets_and_nothing_else_give_one() {
        assert!((ap(&[(1.0, true), (1.0, true)], 2) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_miss_halves_and_a_false_one_behind_costs_nothing() {
        // Recalls 0 to 0.5 have precision 1: 51 of 101 points.
        assert!((ap(&[(1.0, true)], 2) - 51.0 / 101.0).abs() < 1e-12);
        assert!((ap(&[(1.0, true), (0.5, false)], 2) - 51.0 / 101.0).abs() < 1e-12);
    }

    #[test]
    fn a_false_one_before_costs_precision_unless_its_score_is_lower() {
        assert!((ap(&[(1.0, false), (1.0, true)], 1) - 0.5).abs() < 1e-12);
        assert!((ap(&[(0.2, false), (0.9, true)], 1) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_found_or_nothing_to_find_gives_zero() {
        for (found, targets) in [(&[][..], 3), (&[(1.0, false)][..], 0), (&[][..], 0)] {
            assert!(ap(found, targets) == 0.0);
        }
    }
}
