//! A model that answers a data set's questions.

use calico_eval::{
    ModelFailure, PairModel, PairPrediction, PairQuestion, PredictObserver, Progress,
};
use calico_model::{Photograph, Question, SegmentOptions, Segmenter};
use calico_result::terminal;

use crate::stream;
use crate::watching::StageBar;

/// A Calico model, asked in the words of the data set.
#[derive(Debug)]
pub(crate) struct Examinee {
    pub(crate) segmenter: Segmenter,
    pub(crate) options: SegmentOptions,
}

impl PairModel for Examinee {
    fn answer(&mut self, question: &PairQuestion<'_>) -> Result<PairPrediction, ModelFailure> {
        let photographs: Vec<Photograph> = question
            .pictures
            .iter()
            .map(|shown| Photograph { name: shown.name.clone(), frame: shown.frame.clone() })
            .collect();
        let asked = Question::Prompt(question.text.to_owned());
        let result = self.segmenter.segment(&photographs, &asked, &self.options, &mut ())?;
        Ok(PairPrediction::from_result(question.sample_id, question.subtask, &result)?)
    }
}

/// Shows how many questions are answered, and which failed.
#[derive(Debug)]
pub(crate) struct Watcher<'a>(pub(crate) &'a StageBar);

impl PredictObserver for Watcher<'_> {
    fn begins(&mut self, progress: Progress) {
        if progress.done > 0 {
            stream::tell(&format!(
                "{} of {} questions were answered by an earlier run",
                progress.done, progress.total
            ));
        }
        self.0.set("answering", progress.done, progress.total);
    }

    fn answered(&mut self, sample_id: &str, failure: Option<&str>, progress: Progress) {
        if let Some(failure) = failure {
            let line = format!("warning: no answer to {sample_id}: {failure}");
            stream::tell(&terminal::harmless(&line));
        }
        self.0.set("answering", progress.done, progress.total);
    }
}
