use calico_result::Task;

use crate::answer_match::AnswerMatch;
use crate::metrics::Unit;
use crate::{PairPrediction, PairTruth};

/// What a prediction makes of a sample that has nothing to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AboutNothing {
    /// It has no mask.
    Right,
    /// It has one.
    False,
    /// There is none, or the model failed. Silence of this kind is no right answer.
    Unanswered,
}

/// What was counted for one sample; a [`Report`](crate::Report) is made of many.
#[derive(Debug, Clone, PartialEq)]
pub struct PairScore {
    pub(crate) sample_id: String,
    pub(crate) source: String,
    pub(crate) subtask: Task,
    pub(crate) classes: [String; 2],
    pub(crate) class_pair: String,
    pub(crate) is_missing: bool,
    pub(crate) has_failed: bool,
    pub(crate) answer: AnswerMatch,
    /// Where the true answer has no mask at all: what the prediction makes of it.
    pub(crate) about_nothing: Option<AboutNothing>,
    pub(crate) units: Vec<Unit>,
}

impl PairScore {
    pub(crate) fn new(
        truth: &PairTruth,
        prediction: Option<&PairPrediction>,
        answer: AnswerMatch,
        units: Vec<Unit>,
    ) -> Self {
        let is_about_nothing = truth.images.iter().all(|image| image.targets.is_empty());
        let has_failed = prediction.is_some_and(|prediction| prediction.failure.is_some());
        let made_of_it = if prediction.is_none() || has_failed {
            AboutNothing::Unanswered
        } else if units.iter().any(|unit| unit.predictions > 0) {
            AboutNothing::False
        } else {
            AboutNothing::Right
        };
        Self {
            sample_id: truth.sample_id.clone(),
            source: truth.source.clone(),
            subtask: truth.subtask,
            classes: truth.classes.clone(),
            class_pair: truth.class_pair(),
            is_missing: prediction.is_none(),
            has_failed,
            answer,
            about_nothing: is_about_nothing.then_some(made_of_it),
            units,
        }
    }

    /// How good the prediction is, 0 to 1, for putting examples in order: the mean of the strict
    /// mIoU and the strict Recall of the pair. Where there is nothing to name, an answer without a
    /// mask is all right, and any other is all wrong.
    pub fn quality(&self) -> f64 {
        if let Some(made_of_it) = self.about_nothing {
            return f64::from(u8::from(made_of_it == AboutNothing::Right));
        }
        let targets: usize = self.units.iter().map(|unit| unit.targets).sum();
        let recalled: usize = self.units.iter().map(|unit| unit.recalled_strict).sum();
        let recall = if targets == 0 { 0.0 } else { recalled as f64 / targets as f64 };
        f64::midpoint(self.miou().unwrap_or(0.0), recall)
    }

    /// The mean over the images of the strict mIoU, 0 to 1: a missed mask counts 0. `None` where
    /// there is nothing to measure, since there is nothing to name and nothing was named.
    pub fn miou(&self) -> Option<f64> {
        let units: Vec<&Unit> = self.units.iter().filter(|unit| unit.counts()).collect();
        // An image without a pair has a miou of -0, and so has the sum of nothing.
        let sum = units.iter().fold(0.0, |sum, unit| sum + unit.miou_strict);
        (!units.is_empty()).then(|| sum / units.len() as f64)
    }

    /// Whether the model answered with a mask though there is nothing to name. Objects that are set
    /// aside are no masks.
    pub fn false_answer(&self) -> bool {
        self.about_nothing == Some(AboutNothing::False)
    }

    /// The id of the sample.
    pub fn sample_id(&self) -> &str {
        &self.sample_id
    }
}
