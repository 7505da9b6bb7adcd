use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::{Dataset, ImageRecord, SampleRecord, Split};

use crate::predictions::{Header, MAX_LABEL_BYTES, MAX_SEGMENTS, PredictionWriter};
use crate::{EvalError, PairModel, PairPrediction, PairQuestion, ShownPicture};

/// Lets a model answer a split, into a predictions file that an interrupted run goes on with.
#[derive(Debug, Clone)]
pub struct Predictor<'a> {
    /// The data set; it must know where its pictures are.
    pub dataset: &'a Dataset,
    /// The split to answer.
    pub split: Split,
    /// What the first line of the file says; a file with another one is refused.
    pub header: Header,
    /// How often the model may fail, earlier runs into the same file included.
    pub most_failures: usize,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Samples of the split.
    pub total: u64,
    /// Samples in the file.
    pub done: u64,
    /// Samples in the file on which the model failed.
    pub failures: usize,
}

impl Progress {
    /// Whether every sample is in the file.
    pub fn is_complete(self) -> bool {
        self.done >= self.total
    }
}

/// Sees a run while it goes on. Every method does nothing by default.
pub trait PredictObserver {
    /// The file was opened; `progress` tells what an earlier run left.
    fn begins(&mut self, progress: Progress) {
        let _ = progress;
    }

    /// A sample was answered, or why not, and is on disk.
    fn answered(&mut self, sample_id: &str, failure: Option<&str>, progress: Progress) {
        let _ = (sample_id, failure, progress);
    }
}

/// Sees nothing.
impl PredictObserver for () {}

impl Predictor<'_> {
    /// Answers the samples that are not in the file yet, in the order of the data set, until all
    /// are or `stop` becomes true.
    ///
    /// A picture that cannot be opened ends the run: a score without it would mean nothing. What
    /// was answered before stays in the file.
    pub fn run(
        &self,
        out: &Path,
        model: &mut dyn PairModel,
        observer: &mut dyn PredictObserver,
        stop: &AtomicBool,
    ) -> Result<Progress, EvalError> {
        let total = self.dataset.sample_count(self.split)?;
        let images = self.dataset.split(self.split)?.images;
        let mut writer = PredictionWriter::open(out, &self.header)?;
        let progress = |writer: &PredictionWriter| Progress {
            total,
            done: writer.len() as u64,
            failures: writer.failures(),
        };
        observer.begins(progress(&writer));
        for sample in self.dataset.samples(self.split)? {
            let sample = sample?;
            if writer.has(&sample.sample_id) {
                continue;
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let records = sample.image_ids.iter().map(|id| {
                let reason = || format!("image {id:?} is not in the split");
                let sample_id = || sample.sample_id.clone();
                let missing = || EvalError::Sample { sample_id: sample_id(), reason: reason() };
                images.get(id).ok_or_else(missing)
            });
            let records = records.collect::<Result<Vec<_>, _>>()?;
            let prediction = ask(self.dataset, &sample, &records, model)?;
            writer.write(&prediction)?;
            let failure = prediction.failure.as_deref();
            observer.answered(&sample.sample_id, failure, progress(&writer));
            if writer.failures() > self.most_failures {
                return Err(EvalError::TooManyFailures {
                    failures: writer.failures(),
                    most: self.most_failures,
                    sample_id: sample.sample_id,
                    reason: prediction.failure.unwrap_or_default(),
                });
            }
        }
        Ok(progress(&writer))
    }
}

/// The model's answer, or an empty one that tells why there is none.
pub(crate) fn ask(
    dataset: &Dataset,
    sample: &SampleRecord,
    images: &[&ImageRecord],
    model: &mut dyn PairModel,
) -> Result<PairPrediction, EvalError> {
    let pictures = images.iter().map(|image| ShownPicture::open(dataset, image));
    let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    let question = PairQuestion {
        sample_id: &sample.sample_id,
        subtask: sample.subtask,
        text: &sample.question,
        pictures: &pictures,
    };
    let answer = model.answer(&question).map_err(|failure| chain(failure.as_ref()));
    let sound = answer.and_then(|answer| check(&answer, &pictures).map(|()| answer));
    let mut prediction = sound.unwrap_or_else(|failure| PairPrediction {
        failure: Some(failure),
        ..PairPrediction::empty(&sample.sample_id, pictures.len())
    });
    prediction.sample_id.clone_from(&sample.sample_id);
    Ok(prediction)
}

/// Refuses what could not be scored, so that it does not spoil the file.
fn check(answer: &PairPrediction, pictures: &[ShownPicture]) -> Result<(), String> {
    if answer.images.len() > pictures.len() {
        let (found, expected) = (answer.images.len(), pictures.len());
        return Err(format!("the model answered {found} images, expected {expected}"));
    }
    let count: usize = answer.images.iter().map(Vec::len).sum();
    if count > MAX_SEGMENTS {
        return Err(format!("the model gave {count} masks, expected at most {MAX_SEGMENTS}"));
    }
    for (found, picture) in answer.images.iter().zip(pictures) {
        let expected = picture.frame.size();
        if let Some(other) = found.iter().find(|found| found.mask.size() != expected) {
            let size = other.mask.size();
            return Err(format!("the model gave a mask of {size}, expected {expected}"));
        }
        if found.iter().any(|found| found.label.len() > MAX_LABEL_BYTES) {
            return Err(format!("the model gave a label of more than {MAX_LABEL_BYTES} bytes"));
        }
    }
    Ok(())
}

/// An error with what caused it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let told = error.to_string();
        // Many messages hold that of their source already.
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = error.source();
    }
    text
}
