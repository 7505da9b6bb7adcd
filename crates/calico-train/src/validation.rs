//! Scores during training: a model answers pairs of the dev split freely.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::answer_text::parse;
use calico_data::loader::{Selection, open_picture};
use calico_data::{Dataset, ImageRecord, Permutation, SampleRecord, Split, Stream};
use calico_eval::predictions::DataIdentity;
use calico_eval::{
    EvalOptions, Evaluation, PairPrediction, PairTruth, Report, Row, Scorer, Truths,
};
use calico_image::Frame;
use calico_model::{Photograph, Question, SegmentOptions, Segmenter};
use calico_result::{Answer, Model, Role, Scores, Segment, SegmentOrigin, Segmentation, Task};

use crate::TrainError;
use crate::recipe::ValidationConfig;

/// The questions that are asked in every validation.
pub(crate) struct Validation {
    dataset: Dataset,
    truths: Truths,
    questions: Vec<Asked>,
    config: ValidationConfig,
    identity: DataIdentity,
}

/// A question, and the images it is about.
struct Asked {
    sample: SampleRecord,
    images: Vec<ImageRecord>,
}

/// What a validation found.
pub(crate) struct Validated {
    /// Scores in percent by name: `miou`, and `common_parts/miou` for a sub-task.
    pub(crate) scores: BTreeMap<String, f64>,
    /// Pairs that were asked.
    pub(crate) pairs: u64,
    /// Answers that are drawn as pictures.
    pub(crate) shown: Vec<Shown>,
}

/// An answer beside the truth.
pub(crate) struct Shown {
    pub(crate) predicted: Segmentation,
    pub(crate) truth: Segmentation,
    pub(crate) frames: Vec<Frame>,
}

impl Validation {
    /// Draws the questions from the dev split.
    ///
    /// # Errors
    /// If the data set has no dev split, or nothing of it is selected.
    pub(crate) fn new(
        dataset: &Dataset,
        selection: &Selection,
        config: &ValidationConfig,
        seed: u64,
    ) -> Result<Self, TrainError> {
        if !dataset.splits().any(|split| split == Split::Dev) {
            let problems = vec![
                "validation: the data set has no dev split; leave out [validation] or choose \
                 other data"
                    .into(),
            ];
            return Err(TrainError::Mismatch { problems });
        }
        let mut samples = Vec::new();
        for sample in dataset.samples(Split::Dev)? {
            let sample = sample?;
            if selection.takes_sample(&sample) {
                samples.push(sample);
            }
        }
        if samples.is_empty() {
            let problems = vec![
                "validation: the dev split has no sample that the recipe selects; leave out \
                 [validation] or choose other data"
                    .into(),
            ];
            return Err(TrainError::Mismatch { problems });
        }
        let order = Permutation::new(samples.len() as u64, Stream::new(seed, "validation", ""));
        let chosen: BTreeSet<u64> = (0..config.pairs as u64).map_while(|at| order.at(at)).collect();
        let tables = dataset.split(Split::Dev)?;
        let truths = Truths::read(dataset, Split::Dev)?;
        let mut asked = Vec::new();
        let mut wanted = Vec::new();
        for sample in (0..).zip(samples).filter_map(|(at, s)| chosen.contains(&at).then_some(s)) {
            let images: Option<Vec<ImageRecord>> =
                sample.image_ids.iter().map(|id| tables.images.get(id).cloned()).collect();
            // Both were proved to be there when the truths were read.
            if let (Some(images), Some((_, truth))) = (images, truths.find(&sample.sample_id)) {
                wanted.push(truth.clone());
                asked.push(Asked { sample, images });
            }
        }
        let truths = Truths::new(wanted)?;
        let identity = DataIdentity::new(dataset, Split::Dev, &truths);
        let (dataset, config) = (dataset.clone(), config.clone());
        let validation = Self { dataset, truths, questions: asked, config, identity };
        // Found now, and not after the first five hundred steps.
        for asked in &validation.questions {
            validation.photographs(asked)?;
        }
        Ok(validation)
    }

    /// Number of questions.
    pub(crate) fn len(&self) -> usize {
        self.questions.len()
    }

    /// The score that decides which checkpoint is the best.
    pub(crate) fn decides(&self, scores: &BTreeMap<String, f64>) -> f64 {
        scores.get(self.config.metric.name()).copied().unwrap_or_default()
    }

    /// Lets a model answer; `None` if it was stopped. `on_answer` hears how many are done.
    ///
    /// A question that the model fails on counts as an empty answer.
    pub(crate) fn run(
        &self,
        segmenter: &Segmenter,
        on_answer: &mut dyn FnMut(usize),
        stop: &AtomicBool,
    ) -> Result<Option<Validated>, TrainError> {
        let mut predictions = Vec::with_capacity(self.questions.len());
        let mut shown = Vec::new();
        for (done, asked) in self.questions.iter().enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let SampleRecord { sample_id, subtask, question, .. } = &asked.sample;
            let photographs = self.photographs(asked)?;
            let options = SegmentOptions {
                max_new_tokens: self.config.max_new_tokens,
                ..SegmentOptions::default()
            };
            let question_asked = Question::Prompt(question.clone());
            let result = segmenter.segment(&photographs, &question_asked, &options, &mut ());
            let prediction = match &result {
                Ok(result) => PairPrediction::from_result(sample_id, *subtask, result)?,
                Err(failure) => PairPrediction {
                    failure: Some(failure.to_string()),
                    ..PairPrediction::empty(sample_id, asked.images.len())
                },
            };
            predictions.push(prediction);
            let truth = self.truths.find(sample_id).map(|(_, truth)| truth);
            if let (true, Ok(predicted), Some(truth)) =
                (shown.len() < self.config.pictures, result, truth)
            {
                let truth = true_result(&asked.sample, truth, &predicted)?;
                let frames = photographs.into_iter().map(|photograph| photograph.frame).collect();
                shown.push(Shown { predicted, truth, frames });
            }
            on_answer(done + 1);
        }
        let mut scorer = Scorer::new(EvalOptions::default());
        let evaluation = Evaluation::of_predictions(&predictions, &self.truths, &mut scorer, 0)?;
        let report = Report::new(&evaluation, &scorer, self.identity.clone(), None);
        let mut scores = BTreeMap::new();
        add(&mut scores, "", &report.all.overall);
        for (task, row) in &report.all.tasks {
            add(&mut scores, &format!("{}/", task.name()), row);
        }
        Ok(Some(Validated { scores, pairs: predictions.len() as u64, shown }))
    }

    fn photographs(&self, asked: &Asked) -> Result<Vec<Photograph>, TrainError> {
        let open = |image: &ImageRecord| {
            let path = self.dataset.picture_path(image)?;
            let frame = open_picture(image, &path);
            let frame = frame.map_err(|reason| unusable(&image.image_id, &reason.to_string()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Photograph { name, frame })
        };
        asked.images.iter().map(open).collect()
    }
}

fn unusable(image_id: &str, reason: &str) -> TrainError {
    TrainError::Mismatch { problems: vec![format!("validation: picture {image_id}: {reason}")] }
}

/// What a perfect model would have returned.
fn true_result(
    sample: &SampleRecord,
    truth: &PairTruth,
    predicted: &Segmentation,
) -> Result<Segmentation, TrainError> {
    let wrong = |reason: String| TrainError::Mismatch {
        problems: vec![format!("validation: sample {}: {reason}", sample.sample_id)],
    };
    let groups = parse(&sample.answer, sample.image_ids.len());
    let groups = groups.map_err(|error| wrong(error.to_string()))?;
    let mut targets: Vec<_> = truth.images.iter().map(|image| image.targets.iter()).collect();
    let mut segments = Vec::new();
    for (group, found) in (1..).zip(groups) {
        for &image in &found.images {
            let of_image = usize::from(image).checked_sub(1).and_then(|at| targets.get_mut(at));
            // Targets of an image are in the order of the answer.
            let Some(target) = of_image.and_then(Iterator::next) else {
                return Err(wrong(format!("{:?} has no mask in image {image}", found.phrase)));
            };
            let role = match sample.subtask {
                _ if target.is_object => Role::Object,
                Task::CommonParts => Role::CommonPart,
                Task::UniqueParts => Role::UniquePart,
                Task::CommonObjects => Role::Other,
            };
            let origin = SegmentOrigin {
                id: segments.len() as u32 + 1,
                phrase: found.phrase.to_owned(),
                image: u32::from(image),
                role,
                group,
                parent: None,
            };
            let mask = target.mask.to_mask().map_err(|error| wrong(error.to_string()))?;
            segments.push(Segment::new(origin, &mask, Scores::new(None, None, 1.0)));
        }
    }
    let model = Model { name: "truth".into(), preset: None };
    let mut result = Segmentation::new(model, predicted.images.clone());
    result.answers.push(Answer::new(None, &sample.question, &sample.answer, segments));
    Ok(result)
}

fn add(scores: &mut BTreeMap<String, f64>, before: &str, row: &Row) {
    let named = [
        ("ap50", row.ap50),
        ("miou", row.miou),
        ("miou_strict", row.miou_strict),
        ("recall", row.recall),
        ("recall_strict", row.recall_strict),
        ("s_iou", row.s_iou),
    ];
    scores.extend(named.map(|(name, value)| (format!("{before}{name}"), value)));
}
