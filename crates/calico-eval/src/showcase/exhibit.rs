use calico_data::view;
use calico_result::Task;
use serde::Serialize;

use super::{ChosenSample, ExhibitImage, Verdict};
use crate::predictor::ask;
use crate::row::percent;
use crate::{EvalError, PairModel, PairPrediction, PairScore, PairTruth, Scorer};

/// A question with its true answer and that of the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exhibit {
    /// The id of the sample.
    pub sample_id: String,
    /// What is asked for.
    pub subtask: Task,
    /// The labels of the objects in the first image and in the others.
    pub classes: [String; 2],
    /// The question, with a placeholder for each picture.
    pub question: String,
    /// The true answer, with its `[SEG]`.
    pub true_answer: String,
    /// The model's answer, if it gave one.
    pub answer: Option<String>,
    /// Why it gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What the answer is worth.
    pub verdict: Verdict,
    /// The mean over the images of the strict mIoU in percent; absent where nothing is to be found
    /// and nothing was drawn.
    pub mean_iou: Option<f64>,
    /// The images in the order of the question.
    pub images: Vec<ExhibitImage>,
    #[serde(skip)]
    pub(super) truth: PairTruth,
    #[serde(skip)]
    pub(super) prediction: PairPrediction,
    #[serde(skip)]
    pub(super) score: PairScore,
    /// The pictures as addresses that hold them, where browsers can show them.
    #[serde(skip)]
    pub(super) pictures: Vec<Option<String>>,
}

impl Exhibit {
    /// Asks a model and judges its answer.
    pub(super) fn new(
        chosen: &ChosenSample<'_>,
        model: &mut dyn PairModel,
        scorer: &mut Scorer<'_>,
    ) -> Result<Self, EvalError> {
        let ChosenSample { dataset, sample, images, truth } = chosen;
        let prediction = ask(dataset, sample, &images.iter().collect::<Vec<_>>(), model)?;
        let score = scorer.score(truth, Some(&prediction))?;
        let labels = scorer.labels(truth, &prediction);
        let mut judged = Vec::new();
        for (index, (image, labels)) in truth.images.iter().zip(&labels).enumerate() {
            let image = ExhibitImage::new(image, prediction.image(index), labels);
            judged.push(image.map_err(|source| EvalError::Masks {
                sample_id: sample.sample_id.clone(),
                image: index + 1,
                source,
            })?);
        }
        let pictures = images.iter().map(|image| {
            let path = dataset.picture_path(image).ok()?;
            // The masks of a picture that browsers do not show stand on grey.
            view::embedded(&path).ok()
        });
        Ok(Self {
            sample_id: sample.sample_id.clone(),
            subtask: sample.subtask,
            classes: truth.classes.clone(),
            question: sample.question.clone(),
            true_answer: sample.answer.clone(),
            answer: prediction.answer.clone(),
            failure: prediction.failure.clone(),
            verdict: Verdict::new(&score),
            mean_iou: score.miou().map(percent),
            images: judged,
            pictures: pictures.collect(),
            truth: truth.clone(),
            prediction,
            score,
        })
    }
}
