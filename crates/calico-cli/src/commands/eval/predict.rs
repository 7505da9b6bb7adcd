//! A model answers what it has not answered yet.

use std::path::Path;

use calico_data::{Dataset, Split};
use calico_eval::predictions::{DataIdentity, Header};
use calico_eval::{PairModel, Predictor};
use calico_model::SegmentOptions;
use calico_result::terminal;

use super::exam::{Examinee, Watcher};
use crate::commands::segment::Source;
use crate::failure::Failure;
use crate::stream;
use crate::watching::{StageBar, stop_flag};

/// Pairs that a model may fail on before the run ends.
const MOST_FAILURES: usize = 20;

/// The split that a model is asked about.
pub(super) struct Exam<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) split: Split,
    pub(super) identity: &'a DataIdentity,
}

impl Exam<'_> {
    /// Opens the model to ask, the built-in one if none was named; returns it and its name.
    ///
    /// What everyone who reads its answers must know is told before it answers for hours.
    pub(super) fn examinee(model: Option<&Path>) -> Result<(Examinee, String), Failure> {
        let segmenter = Source::choose(model)?.load(None)?;
        let name = match model {
            Some(_) => segmenter.identity().name.clone(),
            // Programs of another version carry other weights under the same name.
            None => calico_mini::edition(),
        };
        if let Some(notice) = &segmenter.config().notice {
            stream::tell(&format!("warning: {}", terminal::harmless(notice)));
        }
        Ok((Examinee { segmenter, options: SegmentOptions::default() }, name))
    }

    /// Lets a model answer into a file whose first line has its name, until all is answered.
    pub(super) fn answer(
        &self,
        model: &mut dyn PairModel,
        name: String,
        out: &Path,
    ) -> Result<(), Failure> {
        let header = Header::new(Some(name), Some(self.identity.clone()));
        let predictor = Predictor {
            dataset: self.dataset,
            split: self.split,
            header,
            most_failures: MOST_FAILURES,
        };
        let bar = StageBar::new();
        let answered = predictor.run(out, model, &mut Watcher(&bar), stop_flag());
        bar.finish();
        let progress = answered?;
        if !progress.is_complete() {
            return Err(Failure::found(format!(
                "stopped after {} of {} questions; run the same command again to go on",
                progress.done, progress.total
            )));
        }
        Ok(())
    }
}
