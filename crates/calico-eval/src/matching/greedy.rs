use super::{Match, Overlaps};

/// Takes the pair with the largest `IoU`, leaves out its target and its prediction, and begins
/// again, until no `IoU` above 0 is left; in the order of taking.
///
/// Of equal `IoUs` that of the lowest target, then of the lowest prediction, is taken first, as
/// in GLaMM's Recall (`find_best_matches` of `eval/gcg/evaluate.py`). Its mIoU (`compute_miou`)
/// looks at predictions first, which takes the same pairs in another order.
pub(crate) fn greedy(overlaps: &Overlaps) -> Vec<Match> {
    let mut free_targets: Vec<usize> = (0..overlaps.targets()).collect();
    let mut free_predictions: Vec<usize> = (0..overlaps.predictions()).collect();
    let mut taken = Vec::new();
    while let Some(best) = largest(overlaps, &free_targets, &free_predictions) {
        free_targets.retain(|&target| target != best.target);
        free_predictions.retain(|&prediction| prediction != best.prediction);
        taken.push(best);
    }
    taken
}

fn largest(overlaps: &Overlaps, targets: &[usize], predictions: &[usize]) -> Option<Match> {
    let mut best: Option<Match> = None;
    for &target in targets {
        for &prediction in predictions {
            let iou = overlaps.at(target, prediction);
            if iou > best.map_or(0.0, |best| best.iou) {
                best = Some(Match { target, prediction, iou });
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rows: &[Vec<f64>]) -> Vec<(usize, usize)> {
        let matches = greedy(&Overlaps::from_rows(rows));
        matches.iter().map(|found| (found.target, found.prediction)).collect()
    }

    #[test]
    fn the_largest_goes_first_and_blocks_its_row_and_column() {
        assert_eq!(taken(&[vec![0.6, 0.9], vec![0.5, 0.8], vec![0.0, 0.7]]), [(0, 1), (1, 0)]);
    }

    #[test]
    fn ties_go_to_the_lowest_target_and_then_to_the_lowest_prediction() {
        assert_eq!(taken(&[vec![0.0, 0.5], vec![0.5, 0.5]]), [(0, 1), (1, 0)]);
        assert_eq!(taken(&[vec![0.5, 0.5]]), [(0, 0)]);
    }

    #[test]
    fn masks_that_share_no_pixel_are_no_pair() {
        assert_eq!(taken(&[vec![0.0, 0.0]]), []);
        assert_eq!(taken(&[]), []);
    }
}
