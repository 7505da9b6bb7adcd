use calico_image::{ImageError, Rle};

use super::{Detection, HIT, detections};
use crate::matching::{Match, Overlaps, greedy, hungarian};
use crate::{Assign, EvalOptions, Mode};

/// How alike labels are, per target label and averaged over the targets of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LabelScore {
    /// The best over all predicted labels of the image; 0 without a prediction.
    pub(crate) best: f64,
    /// That of the prediction whose mask is paired with the target's; 0 without one.
    pub(crate) matched: f64,
}

/// What was counted in one image of a pair.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit {
    pub(crate) targets: usize,
    pub(crate) predictions: usize,
    pub(crate) detections: Vec<Detection>,
    pub(crate) miou: f64,
    pub(crate) miou_strict: f64,
    pub(crate) recalled: usize,
    pub(crate) recalled_strict: usize,
    /// Of shared words; `None` without a target.
    pub(crate) words: Option<LabelScore>,
    /// Of embeddings; `None` without a target or an encoder.
    pub(crate) sentences: Option<LabelScore>,
}

/// The masks of one image, and what is known about its labels.
pub(crate) struct UnitInput<'a> {
    pub(crate) targets: &'a [&'a Rle],
    pub(crate) predictions: &'a [&'a Rle],
    pub(crate) scores: &'a [f64],
    /// Whether the labels of a target and a prediction pass the label test.
    pub(crate) agree: &'a dyn Fn(usize, usize) -> bool,
    /// How many words the labels of a target and a prediction share.
    pub(crate) words: &'a dyn Fn(usize, usize) -> f64,
    /// The cosine of the labels of a target and a prediction.
    pub(crate) sentences: Option<&'a dyn Fn(usize, usize) -> f64>,
}

impl Unit {
    pub(crate) fn new(input: &UnitInput<'_>, options: EvalOptions) -> Result<Self, ImageError> {
        let overlaps = Overlaps::new(input.targets, input.predictions)?;
        let pairs = match options.assign {
            Assign::Greedy => greedy(&overlaps),
            Assign::Hungarian => hungarian(&overlaps),
        };
        let sum: f64 = pairs.iter().map(|pair| pair.iou).sum();
        let share = |whole: usize| if whole == 0 { 0.0 } else { sum / whole as f64 };
        let (recalled, recalled_strict) = recalled(&pairs, input.agree, options.assign);
        let scores = if options.mode == Mode::Strict { input.scores } else { &[] };
        Ok(Self {
            targets: overlaps.targets(),
            predictions: overlaps.predictions(),
            detections: detections(&overlaps, scores),
            miou: share(pairs.len()),
            miou_strict: share(overlaps.targets()),
            recalled,
            recalled_strict,
            words: label_score(&overlaps, &pairs, input.words),
            sentences: input.sentences.and_then(|cosine| label_score(&overlaps, &pairs, cosine)),
        })
    }

    /// Whether there is anything to measure: an image with neither targets nor predictions is
    /// right, and would be 0 / 0.
    pub(crate) fn counts(&self) -> bool {
        self.targets + self.predictions > 0
    }
}

/// The targets whose mask and label are right: up to the first pair that fails, and in all.
fn recalled(
    pairs: &[Match],
    agree: &dyn Fn(usize, usize) -> bool,
    assign: Assign,
) -> (usize, usize) {
    let is_right = |pair: &&Match| pair.iou >= HIT && agree(pair.target, pair.prediction);
    let in_all = pairs.iter().filter(is_right).count();
    let in_order = match assign {
        Assign::Greedy => pairs.iter().take_while(is_right).count(),
        // Nothing is taken one after the other, so nothing can stop early.
        Assign::Hungarian => in_all,
    };
    (in_order, in_all)
}

fn label_score(
    overlaps: &Overlaps,
    pairs: &[Match],
    likeness: &dyn Fn(usize, usize) -> f64,
) -> Option<LabelScore> {
    let targets = overlaps.targets();
    if targets == 0 {
        return None;
    }
    // A cosine may be negative; a label that is there is not worse than one that is not.
    let best = |target| {
        (0..overlaps.predictions()).map(|found| likeness(target, found)).fold(0.0, f64::max)
    };
    let best: f64 = (0..targets).map(best).sum();
    let matched: f64 =
        pairs.iter().map(|pair| likeness(pair.target, pair.prediction).max(0.0)).sum();
    Some(LabelScore { best: best / targets as f64, matched: matched / targets as f64 })
}

#[cfg(test)]
mod tests {
    use calico_image::Size;

    use super::*;

    /// A row of pixels in a mask of one row.
    fn row(from: u32, to: u32) -> Rle {
        Rle::from_counts(Size::new(1, 100), vec![from, to - from, 100 - to]).unwrap()
    }

    fn unit(targets: &[Rle], predictions: &[Rle], wrong: &[(usize, usize)]) -> Unit {
        let agree = |target, prediction| !wrong.contains(&(target, prediction));
        let words = |target, prediction| f64::from(u8::from(agree(target, prediction)));
        let (targets, predictions): (Vec<&Rle>, Vec<&Rle>) =
            (targets.iter().collect(), predictions.iter().collect());
        let input = UnitInput {
            targets: &targets,
            predictions: &predictions,
            scores: &[],
            agree: &agree,
            words: &words,
            sentences: None,
        };
        Unit::new(&input, EvalOptions::default()).unwrap()
    }

    #[test]
    fn the_early_stop_hides_later_pairs_from_glamm_and_not_from_strict() {
        let targets = [row(0, 10), row(20, 30), row(40, 50)];
        // The first pair in order of IoU is the second target's.
        let predictions = [row(0, 9), row(20, 30), row(40, 49)];
        let found = unit(&targets, &predictions, &[(1, 1)]);
        assert_eq!((found.recalled, found.recalled_strict), (0, 2));
        let found = unit(&targets, &predictions, &[(2, 2)]);
        assert_eq!((found.recalled, found.recalled_strict), (2, 2));
    }

    #[test]
    fn a_target_without_a_prediction_costs_strict_only() {
        let found = unit(&[row(0, 10), row(20, 30)], &[row(0, 5)], &[]);
        assert!((found.miou - 0.5).abs() < 1e-12 && (found.miou_strict - 0.25).abs() < 1e-12);
    }

    #[test]
    fn a_mask_below_half_is_a_pair_and_no_recall() {
        let found = unit(&[row(0, 10)], &[row(0, 4)], &[]);
        assert!((found.miou - 0.4).abs() < 1e-12);
        assert_eq!((found.recalled, found.recalled_strict), (0, 0));
    }

    #[test]
    fn an_image_without_targets_has_no_label_to_find() {
        let found = unit(&[], &[row(0, 4)], &[]);
        assert!(found.words.is_none() && found.counts() && found.miou == 0.0);
        assert!(!unit(&[], &[], &[]).counts());
    }

    #[test]
    fn a_label_on_another_mask_is_the_best_and_not_the_matched() {
        let found = unit(&[row(0, 10)], &[row(50, 60), row(0, 10)], &[(0, 1)]);
        assert_eq!(found.words, Some(LabelScore { best: 1.0, matched: 0.0 }));
    }
}
