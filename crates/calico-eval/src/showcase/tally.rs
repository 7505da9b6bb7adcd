use serde::Serialize;

use super::{Exhibit, Verdict};
use crate::row::percent;

/// How many answers are worth what.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Tally {
    /// All that are shown.
    pub shown: usize,
    /// Exactly right.
    pub exactly_right: usize,
    /// Labels right, masks off.
    pub masks_off: usize,
    /// Wrong labels.
    pub wrong_labels: usize,
    /// No answer.
    pub no_answer: usize,
    /// The mean of their strict mIoU in percent; absent where no sample has any.
    pub mean_iou: Option<f64>,
}

impl Tally {
    pub(super) fn new<'a>(exhibits: impl Iterator<Item = &'a Exhibit>) -> Self {
        let (mut tally, mut sum, mut measured) = (Self::default(), 0.0, 0_usize);
        for exhibit in exhibits {
            tally.shown += 1;
            *match exhibit.verdict {
                Verdict::ExactlyRight => &mut tally.exactly_right,
                Verdict::MasksOff => &mut tally.masks_off,
                Verdict::WrongLabels => &mut tally.wrong_labels,
                Verdict::NoAnswer => &mut tally.no_answer,
            } += 1;
            if let Some(miou) = exhibit.score.miou() {
                sum += miou;
                measured += 1;
            }
        }
        tally.mean_iou = (measured > 0).then(|| percent(sum / measured as f64));
        tally
    }
}
