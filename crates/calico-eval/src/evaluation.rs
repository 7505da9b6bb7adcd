use std::io::BufRead;
use std::path::Path;

use crate::predictions::{Header, PredictionReader};
use crate::{EvalError, Gallery, PairPrediction, PairScore, Scorer, Truths};

/// The scores of all samples of a split, and examples of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// In the order of the truths.
    pub(crate) scores: Vec<PairScore>,
    /// The best and the worst predictions.
    pub gallery: Gallery,
    /// Where the predictions come from, if the file tells.
    pub header: Option<Header>,
}

impl Evaluation {
    /// Scores a predictions file; `path` names it in errors.
    ///
    /// `examples` is how many of the best and of the worst predictions of each sub-task are kept.
    /// A file with faults is read to its end, and all of them are told.
    pub fn of_file(
        path: &Path,
        from: impl BufRead,
        truths: &Truths,
        scorer: &mut Scorer<'_>,
        examples: usize,
    ) -> Result<Self, EvalError> {
        let mut evaluation = Collector::new(truths, examples)?;
        let reader = PredictionReader::new(from, truths);
        let header = reader
            .read_all(path, |index, prediction| evaluation.add(index, Some(&prediction), scorer))?;
        evaluation.finish(scorer, header)
    }

    /// Scores predictions in memory; samples without one count as empty predictions.
    ///
    /// A prediction of no sample, and a second one of the same sample, are refused.
    pub fn of_predictions(
        predictions: &[PairPrediction],
        truths: &Truths,
        scorer: &mut Scorer<'_>,
        examples: usize,
    ) -> Result<Self, EvalError> {
        let mut evaluation = Collector::new(truths, examples)?;
        for prediction in predictions {
            let sample_id = &prediction.sample_id;
            let Some((index, _)) = truths.find(sample_id) else {
                let reason = "it is not in the split".to_owned();
                return Err(EvalError::Sample { sample_id: sample_id.clone(), reason });
            };
            if evaluation.scores[index].is_some() {
                return Err(EvalError::RepeatedSample { sample_id: sample_id.clone() });
            }
            evaluation.add(index, Some(prediction), scorer)?;
        }
        evaluation.finish(scorer, None)
    }
}

/// Gathers scores in the order of the truths.
struct Collector<'t> {
    truths: &'t Truths,
    scores: Vec<Option<PairScore>>,
    gallery: Gallery,
}

impl<'t> Collector<'t> {
    fn new(truths: &'t Truths, examples: usize) -> Result<Self, EvalError> {
        let count = truths.samples().len();
        if count == 0 {
            return Err(EvalError::NoSamples);
        }
        Ok(Self { truths, scores: vec![None; count], gallery: Gallery::new(examples) })
    }

    fn add(
        &mut self,
        index: usize,
        prediction: Option<&PairPrediction>,
        scorer: &mut Scorer<'_>,
    ) -> Result<(), EvalError> {
        let truth = &self.truths.samples()[index];
        let score = scorer.score(truth, prediction)?;
        self.gallery.offer(truth, prediction, &score);
        self.scores[index] = Some(score);
        Ok(())
    }

    fn finish(
        mut self,
        scorer: &mut Scorer<'_>,
        header: Option<Header>,
    ) -> Result<Evaluation, EvalError> {
        for index in 0..self.scores.len() {
            if self.scores[index].is_none() {
                self.add(index, None, scorer)?;
            }
        }
        let scores = self.scores.into_iter().flatten().collect();
        Ok(Evaluation { scores, gallery: self.gallery, header })
    }
}
