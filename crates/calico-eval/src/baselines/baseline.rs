use calico_result::Task;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::predictions::DataIdentity;
use crate::report::Group;
use crate::{EvalError, Evaluation, PairPrediction, Report, Scorer, Truths};

/// Which baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineName {
    /// The best fixed answer per sub-task.
    TextOnly,
    /// The model, shown another second picture.
    PartnerReplaced,
    /// The labels of the nearest colours on the true masks.
    NearestColour,
}

impl BaselineName {
    /// The name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::TextOnly => "Text-only guesser",
            Self::PartnerReplaced => "Partner replaced",
            Self::NearestColour => "Nearest colour",
        }
    }
}

/// The numbers of one baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// Which one.
    pub name: BaselineName,
    /// What it does and what it was made from, in words.
    pub reading: String,
    /// The labels that it always answers, per sub-task, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<BTreeMap<Task, Vec<String>>>,
    /// Its scores.
    #[serde(flatten)]
    pub scores: Group,
}

impl Baseline {
    /// Scores the predictions of a baseline.
    pub fn of_predictions(
        name: BaselineName,
        reading: String,
        predictions: &[PairPrediction],
        truths: &Truths,
        scorer: &mut Scorer<'_>,
    ) -> Result<Self, EvalError> {
        let evaluation = Evaluation::of_predictions(predictions, truths, scorer, 0)?;
        Ok(Self::of_evaluation(name, reading, &evaluation, scorer))
    }

    /// Sums up an evaluation that `scorer` made.
    pub fn of_evaluation(
        name: BaselineName,
        reading: String,
        evaluation: &Evaluation,
        scorer: &Scorer<'_>,
    ) -> Self {
        let scores = Report::new(evaluation, scorer, DataIdentity::default(), None).all;
        Self { name, reading, answers: None, scores }
    }
}
