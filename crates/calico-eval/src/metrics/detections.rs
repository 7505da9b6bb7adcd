use crate::matching::Overlaps;

/// The `IoU` from which a prediction counts as a hit.
pub(crate) const HIT: f64 = 0.5;

/// The most predictions of an image that AP50 looks at.
const MOST: usize = 100;

/// A prediction as AP50 sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Detection {
    pub(crate) score: f64,
    pub(crate) hit: bool,
}

/// The predictions of an image, the best score first, equal scores in the order of the file.
///
/// Each in turn takes the free target with the largest `IoU`, if that is at least 0.5, and of
/// several such targets the last.
/// Source: `evaluateImg` of pycocotools' `cocoeval.py` at the `IoU` threshold 0.5, area `all`.
pub(crate) fn detections(overlaps: &Overlaps, scores: &[f64]) -> Vec<Detection> {
    let mut order: Vec<usize> = (0..overlaps.predictions()).collect();
    let score = |prediction: usize| scores.get(prediction).copied().unwrap_or(1.0);
    order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    order.truncate(MOST);
    let mut free = vec![true; overlaps.targets()];
    let mut take = |prediction| {
        let mut best: Option<usize> = None;
        let mut iou = HIT;
        for (target, _) in free.iter().enumerate().filter(|(_, free)| **free) {
            if overlaps.at(target, prediction) >= iou {
                iou = overlaps.at(target, prediction);
                best = Some(target);
            }
        }
        if let Some(target) = best {
            free[target] = false;
        }
        Detection { score: score(prediction), hit: best.is_some() }
    };
    order.into_iter().map(&mut take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(rows: &[Vec<f64>], scores: &[f64]) -> Vec<bool> {
        let found = detections(&Overlaps::from_rows(rows), scores);
        found.iter().map(|detection| detection.hit).collect()
    }

    #[test]
    fn a_target_is_hit_once_and_by_the_best_score() {
        let rows = [vec![0.9, 0.6, 0.95]];
        assert_eq!(hits(&rows, &[1.0; 3]), [true, false, false]);
        let found = detections(&Overlaps::from_rows(&rows), &[0.1, 0.3, 0.2]);
        let scores: Vec<f64> = found.iter().map(|detection| detection.score).collect();
        assert_eq!(scores, [0.3, 0.2, 0.1]);
        assert_eq!(hits(&rows, &[0.1, 0.3, 0.2]), [true, false, false]);
    }

    #[test]
    fn of_targets_with_the_same_iou_the_last_is_taken() {
        // The second prediction can only hit the first target.
        let rows = [vec![0.7, 0.8], vec![0.7, 0.1]];
        assert_eq!(hits(&rows, &[1.0; 2]), [true, true]);
        let rows = [vec![0.7, 0.1], vec![0.7, 0.8]];
        assert_eq!(hits(&rows, &[1.0; 2]), [true, false]);
    }

    #[test]
    fn half_is_enough_and_less_is_not() {
        assert_eq!(hits(&[vec![0.5]], &[1.0]), [true]);
        assert_eq!(hits(&[vec![0.499_999_999]], &[1.0]), [false]);
    }

    #[test]
    fn only_a_hundred_predictions_are_looked_at() {
        let mut ious = vec![0.0; 101];
        ious[100] = 1.0;
        assert_eq!(hits(&[ious], &[1.0; 101]), [false; 100]);
    }
}
