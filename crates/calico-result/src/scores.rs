use serde::{Deserialize, Serialize};

use crate::rounded;

/// How sure the model is of a segment. None of the numbers is a calibrated probability of
/// being right: compare them between segments, do not read them as percentages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Mean over the pixels of the mask of the sigmoid of their logit, 0 to 1; at least the
    /// threshold by construction. `None` when the mask is empty.
    pub mean_foreground_probability: Option<f32>,
    /// Geometric mean of the probabilities with which the language model chose the tokens of
    /// the phrase, 0 to 1. `None` when the sentence was given and not generated.
    pub phrase_token_probability: Option<f32>,
    /// The mask decoder's own estimate of the overlap (intersection over union) of its mask
    /// with the true one; a regression, so it may leave 0 to 1 slightly.
    pub predicted_iou: f32,
    /// Whether the scores were calibrated on held-out data. Always `false` so far.
    pub calibrated: bool,
}

impl Scores {
    /// Uncalibrated scores, rounded to six significant digits.
    pub fn new(
        mean_foreground_probability: Option<f32>,
        phrase_token_probability: Option<f32>,
        predicted_iou: f32,
    ) -> Self {
        Self {
            mean_foreground_probability: mean_foreground_probability.map(rounded::single),
            phrase_token_probability: phrase_token_probability.map(rounded::single),
            predicted_iou: rounded::single(predicted_iou),
            calibrated: false,
        }
    }
}
