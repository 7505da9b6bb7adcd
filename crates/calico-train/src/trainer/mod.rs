//! The trainer: stage by stage, step by step.

mod finish;
mod open;
mod reading;
mod save;
mod step;
mod validate;
mod workers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use calico_data::Dataset;
use calico_data::loader::Position;
use candle_core::{DType, Tensor};

use self::reading::Reading;
use self::workers::Workers;
use crate::checkpoint::{Best, Checkpoints, State};
use crate::guard;
use crate::lessons::LABEL_PROMPTS;
use crate::parameters::Parameters;
use crate::recipe::StageConfig;
use crate::run_folder::RunFolder;
use crate::start::StartModel;
use crate::validation::Validation;
use crate::watch::{EventFile, MetricsFile, TimingsFile};
use crate::{Moments, Optimizer, Recipe, TrainError, TrainObserver};

/// A training in its folder: new, or going on where it stopped.
///
/// ```text
/// RUN/recipe.toml   the recipe with every key
///     run.json      what the run was begun with
///     checkpoints/  what survives an interruption
///     best/         the values with the best validation
///     metrics.jsonl, timings.jsonl, events/, samples/
///     model/        at the end; or adapters/
///     report.html, curves/
/// ```
pub struct Trainer {
    recipe: Recipe,
    start: StartModel,
    dataset: Dataset,
    validation: Option<Validation>,
    folder: RunFolder,
    checkpoints: Checkpoints,
    compute: DType,
    state: State,
    /// The moments of the stage that goes on, until it does.
    moments: Option<BTreeMap<String, Moments>>,
    /// Values of tensors that were trained in an earlier stage and are not now.
    settled: BTreeMap<String, Tensor>,
    metrics: MetricsFile,
    timings: TimingsFile,
    events: EventFile,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps are made; what the recipe asks for is written.
    Finished {
        /// Optimiser steps made.
        step: u64,
        /// The validation that chose the values, if there was one.
        best: Option<Best>,
        /// The model folder, or the adapter files.
        output: PathBuf,
        /// The page of the run.
        report: PathBuf,
    },
    /// It was asked to stop; everything is saved.
    Stopped {
        /// Optimiser steps made.
        step: u64,
        /// Optimiser steps of the recipe.
        total: u64,
    },
}

/// What a stage works with.
struct Stage {
    config: StageConfig,
    parameters: Parameters,
    optimizer: Optimizer,
    lessons: Reading,
    workers: Workers,
}

/// How a stage ended.
#[derive(PartialEq, Eq)]
enum StageEnd {
    Done,
    Stopped,
}

impl Trainer {
    /// Trains to the end of the recipe, or until `stop` becomes true.
    ///
    /// # Errors
    /// Whatever the error is, the last checkpoint is whole, and running again goes on from it.
    pub fn run(
        mut self,
        observer: &mut dyn TrainObserver,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let ended = self.run_stages(observer, stop);
        if let Err(error @ (TrainError::NotFinite { step, .. } | TrainError::Exploded { step, .. })) =
            &ended
            && let Err(other) = self.tell_why(*step, error)
        {
            observer.warns(&format!("the report could not be written: {other}"));
        }
        ended
    }

    fn run_stages(
        &mut self,
        observer: &mut dyn TrainObserver,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        observer.begins(self.state.step, self.recipe.steps());
        while let Some(config) = self.recipe.stages.get(self.state.stage).cloned() {
            let mut stage = self.begin_stage(config)?;
            let end = self.run_stage(&mut stage, observer, stop)?;
            if end == StageEnd::Stopped {
                let (step, total) = (self.state.step, self.recipe.steps());
                return Ok(Outcome::Stopped { step, total });
            }
            self.end_stage(&stage, observer)?;
        }
        self.finish(observer)
    }

    fn run_stage(
        &mut self,
        stage: &mut Stage,
        observer: &mut dyn TrainObserver,
        stop: &AtomicBool,
    ) -> Result<StageEnd, TrainError> {
        let mut saved_at = self.state.step;
        loop {
            let ended = self.state.stage_step == stage.config.steps;
            if self.validation_is_due(stage) && !self.validate(stage, observer, stop)? {
                // It is made again when the run goes on.
                self.save_since(saved_at, stage, observer)?;
                return Ok(StageEnd::Stopped);
            }
            if ended {
                return Ok(StageEnd::Done);
            }
            // What was reached while the loss was exploding is not worth going back to.
            let is_sound = self.state.guard.above == 0;
            if is_sound && self.state.step.is_multiple_of(self.recipe.checkpoint.every) {
                self.save_since(saved_at, stage, observer)?;
                saved_at = self.state.step;
            }
            let began = observer.seconds();
            let Some(row) = self.make_step(stage, observer, stop)? else {
                self.save_since(saved_at, stage, observer)?;
                return Ok(StageEnd::Stopped);
            };
            self.watch_step(&row, began, observer)?;
            let exploded = guard::watch(&mut self.state.guard, row.loss, self.recipe.guard);
            if let Some(times) = exploded {
                return Err(self.exploded(row.loss, times));
            }
        }
    }

    /// Whether the values as they are now should be validated, and are not yet.
    fn validation_is_due(&self, stage: &Stage) -> bool {
        let State { step, stage_step, validated, .. } = self.state;
        let regular = self.recipe.validation.as_ref().is_some_and(|validation| {
            step.is_multiple_of(validation.every) || stage_step == stage.config.steps
        });
        regular && stage_step > 0 && validated != step
    }

    fn save_since(
        &mut self,
        saved_at: u64,
        stage: &Stage,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        if self.state.step > saved_at { self.save(stage, observer) } else { Ok(()) }
    }

    /// The next stage begins where this one ends.
    fn end_stage(
        &mut self,
        stage: &Stage,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let model = self.start.specs()?;
        let mut values = stage.parameters.values();
        // Heads end with their stage; later stages may aim at prompts.
        values.retain(|name, _| name == LABEL_PROMPTS || model.iter().any(|s| s.name == *name));
        self.settled.extend(values);
        self.state.stage += 1;
        self.state.stage_step = 0;
        self.state.position = Position::default();
        self.state.guard = crate::checkpoint::GuardState::default();
        self.save_settled(observer)
    }

    /// The newest checkpoint, as an error names it.
    fn last_checkpoint(&self) -> Option<String> {
        let newest = self.checkpoints.list().ok()?.pop_last()?;
        Some(newest.1.display().to_string())
    }

    fn exploded(&self, loss: f64, times: f64) -> TrainError {
        TrainError::Exploded {
            step: self.state.step,
            loss,
            times,
            patience: self.recipe.guard.patience,
            checkpoint: self.last_checkpoint(),
        }
    }
}
