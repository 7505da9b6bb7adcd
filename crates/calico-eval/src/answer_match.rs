use std::collections::{BTreeMap, BTreeSet};

use calico_image::{ImageError, Rle};

use crate::matching::{Overlaps, greedy};
use crate::metrics::HIT;

/// Whether an answer is right as a whole, over all its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerMatch {
    /// In every image the set of predicted labels equals that of the true ones.
    pub(crate) labels: bool,
    /// Also every true mask is met by a prediction of its label with an `IoU` of at least 0.5,
    /// and nothing else is predicted.
    pub(crate) masks: bool,
}

impl AnswerMatch {
    /// Of a sample without images; the start of a chain of [`and`](Self::and).
    pub(crate) const RIGHT: Self = Self { labels: true, masks: true };

    /// Of a sample that was not answered. Silence is right where nothing is to be found; the lack
    /// of an answer is not.
    pub(crate) const WRONG: Self = Self { labels: false, masks: false };

    /// Of one image, from normalised labels and their masks.
    pub(crate) fn of_image(
        wanted: &[String],
        targets: &[&Rle],
        found: &[String],
        predictions: &[&Rle],
    ) -> Result<Self, ImageError> {
        let set = |labels: &[String]| labels.iter().cloned().collect::<BTreeSet<_>>();
        if set(wanted) != set(found) {
            return Ok(Self::WRONG);
        }
        // A label may be there twice: a leg of a chair and one of a table.
        let mut groups: BTreeMap<&str, [Vec<&Rle>; 2]> = BTreeMap::new();
        for (side, (labels, masks)) in [(wanted, targets), (found, predictions)].iter().enumerate()
        {
            for (label, mask) in labels.iter().zip(masks.iter()) {
                groups.entry(label).or_default()[side].push(mask);
            }
        }
        for [targets, predictions] in groups.values() {
            let is_met = targets.len() == predictions.len() && {
                let pairs = greedy(&Overlaps::new(targets, predictions)?);
                pairs.iter().filter(|pair| pair.iou >= HIT).count() == targets.len()
            };
            if !is_met {
                return Ok(Self { labels: true, masks: false });
            }
        }
        Ok(Self::RIGHT)
    }

    /// Right only where both are.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { labels: self.labels && other.labels, masks: self.masks && other.masks }
    }
}

#[cfg(test)]
mod tests {
    use calico_image::Size;

    use super::*;

    /// A row of pixels in a mask of one row.
    fn row(from: u32, to: u32) -> Rle {
        Rle::from_counts(Size::new(1, 100), vec![from, to - from, 100 - to]).unwrap()
    }

    fn found(wanted: &[(&str, Rle)], found: &[(&str, Rle)]) -> (bool, bool) {
        let labels = |list: &[(&str, Rle)]| -> Vec<String> {
            list.iter().map(|(label, _)| (*label).to_owned()).collect()
        };
        let masks = |list: &'_ [(&str, Rle)]| -> Vec<Rle> {
            list.iter().map(|(_, mask)| mask.clone()).collect()
        };
        let (targets, predictions) = (masks(wanted), masks(found));
        let (targets, predictions): (Vec<&Rle>, Vec<&Rle>) =
            (targets.iter().collect(), predictions.iter().collect());
        let matched =
            AnswerMatch::of_image(&labels(wanted), &targets, &labels(found), &predictions);
        let matched = matched.unwrap();
        (matched.labels, matched.masks)
    }

    #[test]
    fn labels_and_masks_are_right_in_any_order() {
        let truth = [("seat", row(0, 10)), ("leg", row(20, 30))];
        // 5 of 10 pixels are an overlap of exactly a half.
        let answer = [("leg", row(20, 25)), ("seat", row(0, 10))];
        assert_eq!(found(&truth, &answer), (true, true));
    }

    #[test]
    fn a_mask_below_half_leaves_the_labels_right() {
        assert_eq!(found(&[("leg", row(0, 10))], &[("leg", row(0, 4))]), (true, false));
    }

    #[test]
    fn masks_are_met_by_their_own_labels_only() {
        let truth = [("seat", row(0, 10)), ("leg", row(20, 30))];
        let swapped = [("leg", row(0, 10)), ("seat", row(20, 30))];
        assert_eq!(found(&truth, &swapped), (true, false));
    }

    #[test]
    fn a_label_more_or_less_is_wrong_and_a_second_mask_is_one_too_many() {
        let truth = [("leg", row(0, 10))];
        assert_eq!(found(&truth, &[]), (false, false));
        let more = [("leg", row(0, 10)), ("seat", row(20, 30))];
        assert_eq!(found(&truth, &more), (false, false));
        let twice = [("leg", row(0, 10)), ("leg", row(0, 10))];
        assert_eq!(found(&truth, &twice), (true, false));
    }

    #[test]
    fn nothing_is_the_right_answer_to_nothing() {
        assert_eq!(found(&[], &[]), (true, true));
        assert_eq!(found(&[], &[("leg", row(0, 10))]), (false, false));
    }
}
