use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::DataError;
use calico_result::Task;
use serde::Serialize;

use super::{AskedModel, Chosen, ChosenSample, ContextCase, ContextTally, Exhibit, Tally};
use crate::{EvalError, EvalOptions, PredictObserver, Progress, Scorer};

/// Pairs with a model's answers: one JSON document, and what a page needs beside it.
///
/// Equal inputs give equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Showcase {
    /// Always [`Showcase::SCHEMA_ID`].
    pub schema: &'static str,
    /// Name of the model.
    pub model: String,
    /// What its readers must know.
    pub notice: Option<String>,
    /// Name of the data set; absent if the pairs were drawn for this showcase.
    pub data: Option<String>,
    /// Seed of the draw.
    pub seed: u64,
    /// Samples per sub-task, and cases, that were asked for.
    pub pairs_per_task: usize,
    /// What the answers are worth, per sub-task.
    pub counts: BTreeMap<Task, Tally>,
    /// The same for images with two partners; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextTally>,
    /// The pairs, one sub-task after the other, in the order of the draw.
    pub pairs: Vec<Exhibit>,
    /// Images with two partners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<ContextCase>,
}

impl Showcase {
    /// The identifier of the format.
    pub const SCHEMA_ID: &str = "calico.gallery/1";

    /// Asks a model about everything that was chosen, and judges its answers: labels must be
    /// equal, and objects count as parts do.
    ///
    /// `data` is the name of the data set, if the pairs were not drawn for this showcase. A failure
    /// of the model is shown; a picture that cannot be opened ends the work.
    ///
    /// # Errors
    ///
    /// What opening pictures comes to, and [`DataError::Stopped`] if `stop` becomes true.
    pub fn ask(
        chosen: &Chosen<'_>,
        data: Option<String>,
        asked: AskedModel<'_>,
        observer: &mut dyn PredictObserver,
        stop: &AtomicBool,
    ) -> Result<Self, EvalError> {
        let mut scorer = Scorer::new(EvalOptions::default());
        let AskedModel { model, name, notice } = asked;
        let mut progress = Progress { total: chosen.questions() as u64, done: 0, failures: 0 };
        observer.begins(progress);
        let mut exhibit = |sample: &ChosenSample<'_>| -> Result<Exhibit, EvalError> {
            if stop.load(Ordering::Relaxed) {
                return Err(DataError::Stopped.into());
            }
            let exhibit = Exhibit::new(sample, model, &mut scorer)?;
            progress.done += 1;
            progress.failures += usize::from(exhibit.failure.is_some());
            observer.answered(&exhibit.sample_id, exhibit.failure.as_deref(), progress);
            Ok(exhibit)
        };
        let pairs: Vec<Exhibit> =
            chosen.pairs.iter().map(&mut exhibit).collect::<Result<_, _>>()?;
        let mut cases = Vec::new();
        for [a, b] in &chosen.cases {
            cases.push(ContextCase::new([exhibit(a)?, exhibit(b)?]));
        }
        let scores: Vec<_> =
            cases.iter().flat_map(|case| &case.pairs).map(|pair| pair.score.clone()).collect();
        let tally = |task| {
            let of_task = |pair: &&Exhibit| pair.subtask == task;
            (task, Tally::new(pairs.iter().filter(of_task)))
        };
        let counts = Task::ALL.map(tally).into_iter().filter(|(_, tally)| tally.shown > 0);
        Ok(Self {
            schema: Self::SCHEMA_ID,
            model: name,
            notice,
            data,
            seed: chosen.choice.seed,
            pairs_per_task: chosen.choice.pairs,
            counts: counts.collect(),
            context: ContextTally::new(&scores),
            pairs,
            cases,
        })
    }

    /// The document, indented, with a newline at the end.
    pub fn to_json(&self) -> Result<String, EvalError> {
        let json = serde_json::to_string_pretty(self).map_err(calico_result::ResultError::from)?;
        Ok(json + "\n")
    }

    /// The pairs of a sub-task.
    pub(super) fn of_task(&self, task: Task) -> impl Iterator<Item = &Exhibit> {
        self.pairs.iter().filter(move |pair| pair.subtask == task)
    }

    /// Where the pairs come from, in words.
    pub(super) fn origin(&self) -> String {
        self.data.as_ref().map_or_else(
            || "held-out scenes that were drawn for this page".to_owned(),
            |name| format!("the test split of {name}"),
        )
    }
}
