use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A line of `metrics.jsonl`, told apart by its `kind`.
///
/// It holds no clock value, so that equal runs write equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MetricsRow {
    /// What an optimiser step saw.
    Train(TrainRow),
    /// What a validation found.
    Validation(ValidationRow),
}

/// What an optimiser step saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainRow {
    /// Name of the stage.
    pub stage: String,
    /// Number of the optimiser step in the whole run, from 1.
    pub step: u64,
    /// Passes over the data of the stage, with their fraction.
    pub epoch: f64,
    /// The weighted sum that was minimised.
    pub loss: f64,
    /// Cross-entropy of the answer's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_loss: Option<f64>,
    /// Loss of the masks per pixel, focal or binary cross-entropy as the recipe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_loss: Option<f64>,
    /// Dice loss of the masks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dice_loss: Option<f64>,
    /// Squared error of the overlaps that the mask decoder predicts, where it is learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iou_loss: Option<f64>,
    /// Cross-entropy of dense labels, in a stage that learns from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_loss: Option<f64>,
    /// Squared error of the prompts of masks to those that were learnt of their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_prompt_loss: Option<f64>,
    /// Global norm of the gradients before clipping.
    pub gradient_norm: f64,
    /// The rate of this step.
    pub learning_rate: f64,
    /// Tokens of the step's samples.
    pub tokens: u64,
    /// Masks of the step's samples.
    pub masks: u64,
    /// Samples of the step.
    pub samples: u64,
}

/// What a validation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationRow {
    /// Name of the stage.
    pub stage: String,
    /// How many optimiser steps the whole run had taken.
    pub step: u64,
    /// How many pairs were asked about.
    pub pairs: u64,
    /// Scores in percent by name: `miou`, and `common_parts/miou` for a sub-task.
    pub scores: BTreeMap<String, f64>,
}

impl MetricsRow {
    /// The optimiser step, from 1.
    pub fn step(&self) -> u64 {
        match self {
            Self::Train(row) => row.step,
            Self::Validation(row) => row.step,
        }
    }

    /// The name of the stage.
    pub fn stage(&self) -> &str {
        match self {
            Self::Train(row) => &row.stage,
            Self::Validation(row) => &row.stage,
        }
    }

    /// The numbers worth a curve, each with the name that it has in the file; losses that the
    /// stage does not have are left out.
    pub fn values(&self) -> Vec<(&str, f64)> {
        match self {
            Self::Train(row) => row.values(),
            Self::Validation(row) => {
                row.scores.iter().map(|(name, score)| (name.as_str(), *score)).collect()
            }
        }
    }
}

impl TrainRow {
    fn values(&self) -> Vec<(&'static str, f64)> {
        let always = |value: f64| Some(value);
        [
            ("loss", always(self.loss)),
            ("text_loss", self.text_loss),
            ("mask_loss", self.mask_loss),
            ("dice_loss", self.dice_loss),
            ("iou_loss", self.iou_loss),
            ("label_loss", self.label_loss),
            ("label_prompt_loss", self.label_prompt_loss),
            ("gradient_norm", always(self.gradient_norm)),
            ("learning_rate", always(self.learning_rate)),
            ("epoch", always(self.epoch)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

#[cfg(test)]
pub(super) fn train_row(step: u64, loss: f64) -> MetricsRow {
    MetricsRow::Train(TrainRow {
        stage: "joint".to_owned(),
        step,
        epoch: step as f64 / 4.0,
        loss,
        text_loss: Some(loss / 2.0),
        mask_loss: None,
        dice_loss: Some(0.25),
        iou_loss: None,
        label_loss: None,
        label_prompt_loss: None,
        gradient_norm: 1.5,
        learning_rate: 4e-4,
        tokens: 700,
        masks: 6,
        samples: 2,
    })
}

#[cfg(test)]
pub(super) fn validation_row(step: u64, miou: f64) -> MetricsRow {
    let scores = [("miou", miou), ("common_parts/miou", miou / 2.0)];
    MetricsRow::Validation(ValidationRow {
        stage: "joint".to_owned(),
        step,
        pairs: 200,
        scores: scores.map(|(name, score)| (name.to_owned(), score)).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line_that_names_its_kind_and_leaves_absent_losses_out() {
        let line = serde_json::to_string(&train_row(3, 0.5)).unwrap();
        assert_eq!(
            line,
            "{\"kind\":\"train\",\"stage\":\"joint\",\"step\":3,\"epoch\":0.75,\"loss\":0.5,\
             \"text_loss\":0.25,\"dice_loss\":0.25,\"gradient_norm\":1.5,\
             \"learning_rate\":0.0004,\"tokens\":700,\"masks\":6,\"samples\":2}"
        );
        let line = serde_json::to_string(&validation_row(4, 50.0)).unwrap();
        assert_eq!(
            line,
            "{\"kind\":\"validation\",\"stage\":\"joint\",\"step\":4,\"pairs\":200,\
             \"scores\":{\"common_parts/miou\":25.0,\"miou\":50.0}}"
        );
    }

    #[test]
    fn every_finite_number_survives_the_file_to_the_bit() {
        for loss in [0.1 + 0.2, f64::MIN_POSITIVE, 1e300, -0.0, 5e-324, f64::from(0.3_f32)] {
            let line = serde_json::to_string(&train_row(1, loss)).unwrap();
            let MetricsRow::Train(row) = serde_json::from_str(&line).unwrap() else { panic!() };
            assert_eq!(row.loss.to_bits(), loss.to_bits());
        }
    }
}
