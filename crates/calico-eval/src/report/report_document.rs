use std::collections::BTreeMap;

use serde::Serialize;

use super::{Group, NothingGroup, PUBLISHED, Published};
use crate::baselines::Comparison;
use crate::context::ContextCases;
use crate::predictions::{Composition, DataIdentity};
use crate::row::{Columns, percent};
use crate::{Assign, EvalError, Evaluation, LabelTest, Mode, PairScore, PartObjects, Scorer};

/// The numbers of one model on one split: one JSON document.
///
/// Equal inputs give equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Always [`Report::SCHEMA_ID`].
    pub schema: &'static str,
    /// Name of the model, if it is known.
    pub model: Option<String>,
    /// The data set and split.
    pub data: DataIdentity,
    /// The suite of a larger data set that was scored, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// What the columns without a suffix mean.
    pub mode: Mode,
    /// How masks were paired.
    pub assign: Assign,
    /// What became of whole objects where parts were asked for.
    pub objects: PartObjects,
    /// How Recall decided whether a label is right.
    pub label_test: LabelTest,
    /// Which predicted label SS and S-IoU compare with a true one: always `best_label`; the
    /// columns that end in `mask_matched` take that of the matched mask.
    pub label_match: &'static str,
    /// How detections of single images were made predictions, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composed: Option<Composition>,
    /// Percentage of the cases of the suite `context` of which both samples are answered right;
    /// absent without such cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_accuracy: Option<f64>,
    /// How many cases there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_cases: Option<usize>,
    /// All pairs.
    #[serde(flatten)]
    pub all: Group,
    /// The pairs whose true answer has no mask; absent if there are none. They are among all pairs
    /// too, where a right answer adds nothing to a mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers_about_nothing: Option<NothingGroup>,
    /// The rows of baselines, if they were scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baselines: Option<Comparison>,
    /// Per source.
    pub sources: BTreeMap<String, Group>,
    /// Per object class: the pairs that show it in at least one image.
    pub classes: BTreeMap<String, Group>,
    /// Per class pair, the same in both orders: `bed + pool table`.
    pub class_pairs: BTreeMap<String, Group>,
    /// Samples without a prediction, which counted as empty ones.
    pub missing_pairs: Vec<String>,
    /// Samples on which the model failed, which counted as empty predictions.
    pub failed_pairs: Vec<String>,
    /// What the reader should know, one statement each.
    pub warnings: Vec<String>,
    /// What the paper reports, for comparison; never mixed with the numbers above.
    pub published: Published,
}

impl Report {
    /// The identifier of the format.
    pub const SCHEMA_ID: &str = "calico.evaluation/1";

    /// Sums up an evaluation. `scorer` is the one that made it.
    pub fn new(
        evaluation: &Evaluation,
        scorer: &Scorer<'_>,
        data: DataIdentity,
        model: Option<String>,
    ) -> Self {
        let options = scorer.options();
        let columns = Columns {
            is_strict: options.mode == Mode::Strict,
            has_sentences: scorer.has_sentence_encoder(),
        };
        let pairs: Vec<&PairScore> = evaluation.scores.iter().collect();
        let grouped = |keys: fn(&PairScore) -> Vec<&str>| {
            let mut groups: BTreeMap<String, Vec<&PairScore>> = BTreeMap::new();
            for pair in &pairs {
                let mut keys = keys(pair);
                keys.dedup();
                for key in keys {
                    groups.entry(key.to_owned()).or_default().push(pair);
                }
            }
            groups.into_iter().map(|(key, pairs)| (key, Group::new(&pairs, columns))).collect()
        };
        let ids = |chosen: fn(&PairScore) -> bool| {
            let pairs = pairs.iter().filter(|pair| chosen(pair));
            pairs.map(|pair| pair.sample_id.clone()).collect()
        };
        let header = evaluation.header.as_ref();
        let context = ContextCases::new(&evaluation.scores);
        let mut report = Self {
            schema: Self::SCHEMA_ID,
            model: model.or_else(|| header.and_then(|header| header.model.clone())),
            data,
            suite: None,
            mode: options.mode,
            assign: options.assign,
            objects: options.objects,
            label_test: scorer.label_test(),
            label_match: "best_label",
            composed: header.and_then(|header| header.composed.clone()),
            context_accuracy: context.accuracy().map(percent),
            context_cases: context.accuracy().map(|_| context.all),
            all: Group::new(&pairs, columns),
            answers_about_nothing: NothingGroup::new(&pairs),
            baselines: None,
            sources: grouped(|pair| vec![&pair.source]),
            classes: grouped(|pair| pair.classes.iter().map(String::as_str).collect()),
            class_pairs: grouped(|pair| vec![&pair.class_pair]),
            missing_pairs: ids(|pair| pair.is_missing),
            failed_pairs: ids(|pair| pair.has_failed),
            warnings: Vec::new(),
            published: PUBLISHED,
        };
        report.warnings = report.own_warnings(header.and_then(|header| header.data.as_ref()));
        report
    }

    /// The document, indented, with a newline at the end.
    pub fn to_json(&self) -> Result<String, EvalError> {
        let json = serde_json::to_string_pretty(self).map_err(calico_result::ResultError::from)?;
        Ok(json + "\n")
    }

    fn own_warnings(&self, answered: Option<&DataIdentity>) -> Vec<String> {
        let mut warnings = Vec::new();
        let pairs = self.all.overall.pairs;
        if let Some(answered) = answered.filter(|answered| **answered != self.data) {
            let expected = &self.data;
            warnings.push(format!("the predictions were made for {answered}, not for {expected}"));
        }
        if !self.missing_pairs.is_empty() {
            let missing = self.missing_pairs.len();
            warnings.push(format!(
                "{missing} of {pairs} pairs have no prediction and count as empty ones"
            ));
        }
        if !self.failed_pairs.is_empty() {
            let failed = self.failed_pairs.len();
            warnings.push(format!(
                "the model failed on {failed} of {pairs} pairs, which count as empty predictions"
            ));
        }
        if self.label_test == LabelTest::Exact {
            warnings.push(
                "Recall asks for equal labels (label_test: exact), which is harder than the \
                 test of GLaMM (bert)"
                    .to_owned(),
            );
        }
        if self.all.overall.ss.is_none() {
            warnings.push("SS is absent: no sentence encoder was given".to_owned());
        }
        let absent = calico_result::Task::ALL
            .into_iter()
            .filter(|task| !self.all.tasks.contains_key(task))
            .map(calico_result::Task::name)
            .collect::<Vec<_>>()
            .join(", ");
        if !absent.is_empty() {
            warnings.push(format!("the split has no pairs of {absent}; the mean leaves them out"));
        }
        warnings
    }
}
