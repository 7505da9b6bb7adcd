use serde::Serialize;

use crate::PairScore;
use crate::metrics::{LabelScore, Unit, average_precision};

/// The numbers of one group of pairs: a sub-task, or the mean over sub-tasks.
///
/// All metrics are in percent. A pair that has nothing to name and gets no mask adds nothing to
/// any of them. A mask that it gets is a false one: it counts among the detections of AP50, its
/// image has a mIoU of 0 in both forms, and Recall, SS and S-IoU, which look at targets only, do
/// not see it. What the false answers are is in
/// [`NothingRow`](crate::report::NothingRow).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// Samples.
    pub pairs: usize,
    /// Images of these samples, each counted once per sample, that have targets or predictions.
    pub images: usize,
    /// Masks that should be found.
    pub targets: usize,
    /// Masks that were predicted.
    pub predictions: usize,
    /// Average precision of masks at `IoU` 0.5, labels ignored.
    pub ap50: f64,
    /// `IoU` of matched masks, averaged per image.
    pub miou: f64,
    /// Share of targets whose mask (`IoU` 0.5) and label are right.
    pub recall: f64,
    /// Cosine of sentence embeddings of labels, the best per target; absent without an encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ss: Option<f64>,
    /// Words that labels have in common, the best per target.
    pub s_iou: f64,
    /// As `miou`, but a target without a matched prediction counts 0.
    pub miou_strict: f64,
    /// As `recall`, but a pair that fails does not end the search.
    pub recall_strict: f64,
    /// As `ss`, of the prediction whose mask is matched; absent without an encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ss_mask_matched: Option<f64>,
    /// As `s_iou`, of the prediction whose mask is matched.
    pub s_iou_mask_matched: f64,
    /// Share of samples whose labels are exactly right in every image, masks not looked at.
    pub exact_answers: f64,
}

impl Row {
    /// Pools all images of pairs, which must be sorted by sample id: AP50 depends on the order
    /// of equal scores.
    pub(crate) fn of(pairs: &[&PairScore], columns: Columns) -> Self {
        let units = || pairs.iter().flat_map(|pair| &pair.units).filter(|unit| unit.counts());
        let count = |number: fn(&Unit) -> usize| units().map(number).sum::<usize>();
        let targets = count(|unit| unit.targets);
        let share = |hits: usize| if targets == 0 { 0.0 } else { hits as f64 / targets as f64 };
        let words = |part: fn(LabelScore) -> f64| mean(units().filter_map(|u| u.words).map(part));
        let sentences = |part: fn(LabelScore) -> f64| {
            let values = units().filter_map(|unit| unit.sentences).map(part);
            columns.has_sentences.then(|| mean(values))
        };
        let miou = mean(units().map(|unit| unit.miou));
        let miou_strict = mean(units().map(|unit| unit.miou_strict));
        let recall = share(count(|unit| unit.recalled));
        let recall_strict = share(count(|unit| unit.recalled_strict));
        let detections = units().flat_map(|unit| unit.detections.iter().copied());
        Self {
            pairs: pairs.len(),
            images: units().count(),
            targets,
            predictions: count(|unit| unit.predictions),
            ap50: average_precision(detections, targets),
            miou: if columns.is_strict { miou_strict } else { miou },
            recall: if columns.is_strict { recall_strict } else { recall },
            ss: sentences(|score| score.best),
            s_iou: words(|score| score.best),
            miou_strict,
            recall_strict,
            ss_mask_matched: sentences(|score| score.matched),
            s_iou_mask_matched: words(|score| score.matched),
            exact_answers: mean(pairs.iter().map(|pair| f64::from(u8::from(pair.answer.labels)))),
        }
    }

    /// The unweighted mean of rows; counts are added up. A row without an image that has targets
    /// or predictions has no metrics, and is left out unless there are only such.
    pub(crate) fn mean_of(rows: &[Self]) -> Self {
        let sum = |number: fn(&Self) -> usize| rows.iter().map(number).sum();
        let is_measured = rows.iter().any(|row| row.images > 0);
        let measured = || rows.iter().filter(move |row| row.images > 0 || !is_measured);
        let average = |number: fn(&Self) -> f64| mean(measured().map(number));
        let optional = |number: fn(&Self) -> Option<f64>| {
            let values: Option<Vec<f64>> = measured().map(number).collect();
            values.filter(|values| !values.is_empty()).map(|values| mean(values.into_iter()))
        };
        Self {
            pairs: sum(|row| row.pairs),
            images: sum(|row| row.images),
            targets: sum(|row| row.targets),
            predictions: sum(|row| row.predictions),
            ap50: average(|row| row.ap50),
            miou: average(|row| row.miou),
            recall: average(|row| row.recall),
            ss: optional(|row| row.ss),
            s_iou: average(|row| row.s_iou),
            miou_strict: average(|row| row.miou_strict),
            recall_strict: average(|row| row.recall_strict),
            ss_mask_matched: optional(|row| row.ss_mask_matched),
            s_iou_mask_matched: average(|row| row.s_iou_mask_matched),
            exact_answers: average(|row| row.exact_answers),
        }
    }

    /// Fractions as percentages of six decimals, which hides the last bits of a sum.
    pub(crate) fn in_percent(mut self) -> Self {
        for value in [
            &mut self.ap50,
            &mut self.miou,
            &mut self.recall,
            &mut self.s_iou,
            &mut self.miou_strict,
            &mut self.recall_strict,
            &mut self.s_iou_mask_matched,
            &mut self.exact_answers,
        ] {
            *value = percent(*value);
        }
        self.ss = self.ss.map(percent);
        self.ss_mask_matched = self.ss_mask_matched.map(percent);
        self
    }
}

/// What the columns of a row are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// Whether `miou` and `recall` are the strict ones.
    pub(crate) is_strict: bool,
    /// Whether there was an encoder for SS.
    pub(crate) has_sentences: bool,
}

/// A fraction as a percentage of six decimals.
pub(crate) fn percent(fraction: f64) -> f64 {
    (fraction * 1e8).round() / 1e6
}

/// 0 of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}
