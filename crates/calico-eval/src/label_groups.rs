use crate::{PairPrediction, PairTruth, normalized_label};

/// The labels of a pair, true and predicted ones, and their numbers: one colour per label,
/// wherever it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelGroups(Vec<String>);

impl LabelGroups {
    /// The distinct labels, normalised, those of the truth first.
    pub(crate) fn new(truth: &PairTruth, prediction: &PairPrediction) -> Self {
        let wanted = truth.images.iter().flat_map(|image| &image.targets);
        let found = prediction.images.iter().flatten();
        let all = wanted.map(|it| &it.label).chain(found.map(|it| &it.label));
        let mut labels: Vec<String> = Vec::new();
        for label in all.map(|label| normalized_label(label)) {
            if !label.is_empty() && !labels.contains(&label) {
                labels.push(label);
            }
        }
        Self(labels)
    }

    /// The labels, in the order of their numbers.
    pub(crate) fn labels(&self) -> &[String] {
        &self.0
    }

    /// The number of a label, from 1, if it is one of them.
    pub(crate) fn find(&self, label: &str) -> Option<u32> {
        let label = normalized_label(label);
        self.0.iter().position(|known| *known == label).map(|at| at as u32 + 1)
    }

    /// The number of a label; masks without a label share the one after the last.
    pub(crate) fn group(&self, label: &str) -> u32 {
        self.find(label).unwrap_or(self.0.len() as u32 + 1)
    }
}
