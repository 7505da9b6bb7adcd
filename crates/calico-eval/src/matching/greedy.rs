use super::{Match, Overlaps};

/// Which of several pairs with the same `IoU` is taken first.
///
/// GLaMM takes the first maximum of a matrix, whose rows are predictions for mIoU and targets for
/// Recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ties {
    /// The one of the lowest prediction, then of the lowest target.
    PredictionFirst,
    /// The one of the lowest target, then of the lowest prediction.
    TargetFirst,
}

/// Takes the pair with the largest `IoU`, leaves out its target and its prediction, and begins
/// again, until no `IoU` above 0 is left; in the order of taking.
///
/// Source: `compute_miou` and `find_best_matches` of GLaMM's `eval/gcg/evaluate.py`.
pub(crate) fn greedy(overlaps: &Overlaps, ties: Ties) -> Vec<Match> {
    let mut free_targets: Vec<usize> = (0..overlaps.targets()).collect();
    let mut free_predictions: Vec<usize> = (0..overlaps.predictions()).collect();
    let mut taken = Vec::new();
    while let Some(best) = largest(overlaps, ties, &free_targets, &free_predictions) {
        free_targets.retain(|&target| target != best.target);
        free_predictions.retain(|&prediction| prediction != best.prediction);
        taken.push(best);
    }
    taken
}

fn largest(
    overlaps: &Overlaps,
    ties: Ties,
    targets: &[usize],
    predictions: &[usize],
) -> Option<Match> {
    let mut best: Option<Match> = None;
    let mut look = |target, prediction| {
        let iou = overlaps.at(target, prediction);
        if iou > best.map_or(0.0, |best| best.iou) {
            best = Some(Match { target, prediction, iou });
        }
    };
    match ties {
        Ties::PredictionFirst => {
            for &prediction in predictions {
                for &target in targets {
                    look(target, prediction);
                }
            }
        }
        Ties::TargetFirst => {
            for &target in targets {
                for &prediction in predictions {
                    look(target, prediction);
                }
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rows: &[Vec<f64>], ties: Ties) -> Vec<(usize, usize)> {
        let matches = greedy(&Overlaps::from_rows(rows), ties);
        matches.iter().map(|found| (found.target, found.prediction)).collect()
    }

    #[test]
    fn the_largest_goes_first_and_blocks_its_row_and_column() {
        let rows = [vec![0.6, 0.9], vec![0.5, 0.8], vec![0.0, 0.7]];
        assert_eq!(taken(&rows, Ties::PredictionFirst), [(0, 1), (1, 0)]);
    }

    #[test]
    fn ties_go_to_the_first_row_of_glamms_matrix() {
        let rows = [vec![0.0, 0.5], vec![0.5, 0.5]];
        assert_eq!(taken(&rows, Ties::PredictionFirst), [(1, 0), (0, 1)]);
        assert_eq!(taken(&rows, Ties::TargetFirst), [(0, 1), (1, 0)]);
    }

    #[test]
    fn masks_that_share_no_pixel_are_no_pair() {
        assert_eq!(taken(&[vec![0.0, 0.0]], Ties::TargetFirst), []);
        assert_eq!(taken(&[], Ties::TargetFirst), []);
    }
}
