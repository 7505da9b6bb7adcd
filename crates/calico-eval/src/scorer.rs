use std::collections::BTreeSet;

use calico_image::{ImageError, Rle};

use crate::answer_match::AnswerMatch;
use crate::metrics::{Unit, UnitInput};
use crate::text_similarity::TextSimilarity;
use crate::{
    EvalError, EvalOptions, ImageTruth, LabelTest, PairPrediction, PairScore, PairTruth,
    PartObjects, Prediction, Target, TextEncoder, normalized_label, word_overlap,
};

/// The cosine from which GLaMM's label test passes.
const ALIKE: f64 = 0.5;

/// Scores pairs one by one.
///
/// ```text
/// Scorer::new(options)                       S-IoU, Recall by equal labels
///     .with_label_encoder(bert)              Recall by GLaMM's test
///     .with_sentence_encoder(sentences)      SS
/// ```
pub struct Scorer<'a> {
    options: EvalOptions,
    labels: Option<TextSimilarity<'a>>,
    sentences: Option<TextSimilarity<'a>>,
}

impl<'a> Scorer<'a> {
    /// A scorer without text encoders: SS is absent, and Recall asks for equal labels.
    pub fn new(options: EvalOptions) -> Self {
        Self { options, labels: None, sentences: None }
    }

    /// Takes the cosines of this encoder for Recall's label test; GLaMM's is BERT.
    #[must_use]
    pub fn with_label_encoder(mut self, encoder: &'a dyn TextEncoder) -> Self {
        self.labels = Some(TextSimilarity::new(encoder));
        self
    }

    /// Takes the cosines of this encoder for SS; the usual one is all-MiniLM-L6-v2.
    #[must_use]
    pub fn with_sentence_encoder(mut self, encoder: &'a dyn TextEncoder) -> Self {
        self.sentences = Some(TextSimilarity::new(encoder));
        self
    }

    /// What the numbers will mean.
    pub fn options(&self) -> EvalOptions {
        self.options
    }

    /// How Recall decides whether a label is right.
    pub fn label_test(&self) -> LabelTest {
        if self.labels.is_some() { LabelTest::Bert } else { LabelTest::Exact }
    }

    /// Whether there will be an SS.
    pub fn has_sentence_encoder(&self) -> bool {
        self.sentences.is_some()
    }

    /// Scores one prediction, or none, which counts as an empty one.
    ///
    /// The prediction must be of that sample, and its masks of the size of their images.
    pub fn score(
        &mut self,
        truth: &PairTruth,
        prediction: Option<&PairPrediction>,
    ) -> Result<PairScore, EvalError> {
        let mut units = Vec::with_capacity(truth.images.len());
        let is_answered = prediction.is_some_and(|prediction| prediction.failure.is_none());
        let mut answer = if is_answered { AnswerMatch::RIGHT } else { AnswerMatch::WRONG };
        for (index, image) in truth.images.iter().enumerate() {
            let found = prediction.map_or(&[][..], |prediction| prediction.image(index));
            let case = Case::new(truth, image, found, self.options.objects);
            let masks = |source| EvalError::Masks {
                sample_id: truth.sample_id.clone(),
                image: index + 1,
                source,
            };
            let unit = self.unit(&case).map_err(|error| match error {
                EvalError::Masks { source, .. } => masks(source),
                other => other,
            })?;
            units.push(unit);
            answer = answer.and(case.answer().map_err(masks)?);
        }
        Ok(PairScore::new(truth, prediction, answer, units))
    }

    /// The normalised labels that count in each image: those that are true, and those that are
    /// predicted.
    pub(crate) fn labels(
        &self,
        truth: &PairTruth,
        prediction: &PairPrediction,
    ) -> Vec<[BTreeSet<String>; 2]> {
        let sets = |(index, image)| {
            let case = Case::new(truth, image, prediction.image(index), self.options.objects);
            [case.wanted, case.found].map(|labels| labels.into_iter().collect())
        };
        truth.images.iter().enumerate().map(sets).collect()
    }

    fn unit(&mut self, case: &Case<'_>) -> Result<Unit, EvalError> {
        for known in [&mut self.labels, &mut self.sentences].into_iter().flatten() {
            known.learn(case.wanted.iter().chain(&case.found).map(String::as_str))?;
        }
        let (labels, sentences) = (self.labels.as_ref(), self.sentences.as_ref());
        let agree = |target: usize, prediction: usize| {
            let (a, b) = (&case.wanted[target], &case.found[prediction]);
            labels.map_or_else(|| a == b, |labels| labels.cosine(a, b) >= ALIKE)
        };
        let words = |target: usize, prediction: usize| {
            word_overlap(&case.wanted[target], &case.found[prediction])
        };
        let cosine = |target: usize, prediction: usize| {
            sentences
                .map_or(0.0, |known| known.cosine(&case.wanted[target], &case.found[prediction]))
        };
        let input = UnitInput {
            targets: &case.targets,
            predictions: &case.predictions,
            scores: &case.scores,
            agree: &agree,
            words: &words,
            sentences: sentences.is_some().then_some(&cosine),
        };
        Unit::new(&input, self.options).map_err(|source| EvalError::Masks {
            sample_id: String::new(),
            image: 0,
            source,
        })
    }
}

/// One image, with what is set aside left out and labels normalised.
struct Case<'a> {
    targets: Vec<&'a Rle>,
    wanted: Vec<String>,
    predictions: Vec<&'a Rle>,
    found: Vec<String>,
    scores: Vec<f64>,
}

impl<'a> Case<'a> {
    fn new(
        truth: &'a PairTruth,
        image: &'a ImageTruth,
        found: &'a [Prediction],
        objects: PartObjects,
    ) -> Self {
        let sets_aside = truth.sets_objects_aside(objects);
        let targets: Vec<&Target> =
            image.targets.iter().filter(|target| truth.counts(target, objects)).collect();
        let wanted: Vec<String> =
            targets.iter().map(|target| normalized_label(&target.label)).collect();
        let mut aside = if sets_aside { object_labels(truth) } else { BTreeSet::new() };
        aside.retain(|label| !wanted.contains(label));
        let mut case = Self {
            targets: targets.into_iter().map(|target| &target.mask).collect(),
            wanted,
            predictions: Vec::new(),
            found: Vec::new(),
            scores: Vec::new(),
        };
        for prediction in found {
            let label = normalized_label(&prediction.label);
            if !aside.contains(&label) {
                case.predictions.push(&prediction.mask);
                case.found.push(label);
                case.scores.push(prediction.score.unwrap_or(1.0));
            }
        }
        case
    }

    /// Whether all of it is right.
    fn answer(&self) -> Result<AnswerMatch, ImageError> {
        AnswerMatch::of_image(&self.wanted, &self.targets, &self.found, &self.predictions)
    }
}

/// The normalised names of the objects of a pair.
fn object_labels(truth: &PairTruth) -> BTreeSet<String> {
    let regions = truth.images.iter().flat_map(|image| &image.targets);
    let named = regions.filter(|target| target.is_object).map(|target| &target.label);
    truth.classes.iter().chain(named).map(|label| normalized_label(label)).collect()
}
