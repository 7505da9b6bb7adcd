//! One optimiser step: losses and gradients of a few batches, then the values move.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use calico_data::Stream;
use calico_data::loader::Position;
use calico_language::{Learning, SpecialTokens};
use calico_model::{Calico, CalicoConfig};
use calico_nn::{Dropout, Recompute};
use candle_core::Device;

use super::{Stage, Trainer};
use crate::lessons::ReadLesson;
use crate::parameters::Parameters;
use crate::recipe::StageConfig;
use crate::schedule::learning_rate;
use crate::watch::{TimingsRow, TrainRow};
use crate::{Gradients, LossParts, TrainError, TrainObserver};

impl Trainer {
    /// Makes the next step; `None`, with nothing changed, if it was stopped before its end.
    pub(super) fn make_step(
        &mut self,
        stage: &mut Stage,
        observer: &mut dyn TrainObserver,
        stop: &AtomicBool,
    ) -> Result<Option<TrainRow>, TrainError> {
        let Stage { config, parameters, optimizer, lessons, workers } = stage;
        let step = self.state.step + 1;
        let work = Work {
            step,
            seed: self.recipe.seed,
            stage: config,
            model: &self.start.config,
            tokens: self.start.tokenizer.special(),
            parameters,
            warnings: Mutex::default(),
        };
        let mut gradients = Gradients::default();
        let mut parts = LossParts::default();
        let mut position = self.state.position;
        let batches = config.accumulate;
        for first in (0..batches).step_by(workers.count()) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let read = lessons.next_batches(workers.count().min(batches - first), observer)?;
            let read = (first..).zip(read).collect();
            let computed = workers.each(read, |(number, read)| work.compute(number, read));
            work.take_warnings().iter().for_each(|warning| observer.warns(warning));
            // In the order of the batches, whatever the order in which they were ready.
            for batch in computed? {
                self.check(step, "the loss", batch.parts.total)?;
                gradients.merge(&batch.gradients)?;
                parts.add(&batch.parts);
                position = batch.position;
            }
        }
        gradients.scale(1.0 / batches as f64)?;
        let gradient_norm = gradients.clip(self.recipe.optimizer.clip_norm)?;
        self.check(step, "the length of the gradient", gradient_norm)?;
        let rate = learning_rate(config, self.state.stage_step + 1);
        optimizer.step(parameters.trained(), &gradients, rate)?;

        self.state.step = step;
        self.state.stage_step += 1;
        self.state.position = position;
        let parts = parts.over(batches);
        let epoch_len = lessons.epoch_len().max(1);
        Ok(Some(TrainRow {
            stage: config.name.clone(),
            step,
            epoch: position.epoch as f64 + position.taken as f64 / epoch_len as f64,
            loss: parts.total,
            text_loss: parts.text,
            mask_loss: parts.mask,
            dice_loss: parts.dice,
            iou_loss: parts.iou,
            label_loss: parts.labels,
            label_prompt_loss: parts.label_prompt,
            gradient_norm,
            learning_rate: rate,
            tokens: parts.tokens,
            masks: parts.masks,
            samples: parts.samples,
        }))
    }

    fn check(&self, step: u64, what: &str, value: f64) -> Result<(), TrainError> {
        if value.is_finite() {
            return Ok(());
        }
        let checkpoint = self.last_checkpoint();
        Err(TrainError::NotFinite { step, what: what.into(), value, checkpoint })
    }

    /// Writes down what a step saw.
    pub(super) fn watch_step(
        &mut self,
        row: &TrainRow,
        began: f64,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let line = crate::watch::MetricsRow::Train(row.clone());
        self.metrics.append(&line)?;
        self.events.row(observer.unix_seconds(), &line)?;
        let seconds = observer.seconds() - began;
        let peak = observer.peak_memory();
        self.timings.append(&TimingsRow::new(row.step, seconds, row.samples, peak))?;
        observer.stepped(row, self.recipe.steps());
        Ok(())
    }
}

/// What the batches of a step are computed with.
struct Work<'a> {
    /// The optimiser step of the whole run.
    step: u64,
    seed: u64,
    stage: &'a StageConfig,
    model: &'a CalicoConfig,
    tokens: SpecialTokens,
    parameters: &'a Parameters,
    /// What went wrong without stopping anything, one line each.
    warnings: Mutex<Vec<String>>,
}

/// What came of a batch.
struct Computed {
    gradients: Gradients,
    parts: LossParts,
    /// Where the sample behind it is.
    position: Position,
}

impl Work<'_> {
    /// Losses and gradients of the batch with a number in its step.
    fn compute(&self, number: usize, read: ReadLesson) -> Result<Computed, TrainError> {
        let ReadLesson { lesson, position, .. } = read;
        let recompute = self.stage.recompute.then(Recompute::default);
        let learning =
            Learning { lora_dropout: self.dropout(number), recompute: recompute.clone() };
        // Some modules prepare values when they are made, so each batch has a model of its own.
        // The tensors are shared: this takes no memory and next to no time.
        let weights = self.parameters.tracked();
        let device = Device::Cpu;
        let model = Calico::load_learning(self.model, self.tokens, &weights, &device, &learning)?;
        let losses = lesson.losses(&model, &weights);
        self.warnings().extend(lesson.take_warnings());
        drop(lesson);
        let losses = losses?;
        let recomputed = || recompute.map(|recompute| recompute.take()).unwrap_or_default();
        let gradients = Gradients::of(&losses.total, self.parameters.trained(), recomputed)?;
        Ok(Computed { gradients, parts: losses.parts, position })
    }

    fn warnings(&self) -> MutexGuard<'_, Vec<String>> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What went wrong since this was asked last.
    fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings())
    }

    /// Dropout of a batch: its masks depend on the seed, the step and the batch alone.
    fn dropout(&self, number: usize) -> Option<Dropout> {
        let mut stream = Stream::new(self.seed, "dropout", &format!("{}/{number}", self.step));
        let rate = self.stage.lora_dropout;
        (rate > 0.0).then(|| Dropout { rate, seed: stream.bits() })
    }
}
