//! One optimiser step: losses and gradients of a few batches, then the values move.

use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::Stream;
use calico_language::Learning;
use calico_model::Calico;
use calico_nn::{Dropout, Recompute};

use super::{Stage, Trainer};
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
        let step = self.state.step + 1;
        let mut gradients = Gradients::default();
        let mut parts = LossParts::default();
        let batches = stage.config.accumulate;
        for number in 0..batches {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (found, losses) = self.batch(stage, number)?;
            self.check(step, "the loss", losses.total)?;
            gradients.merge(&found)?;
            parts.add(&losses);
            for warning in stage.lessons.take_warnings() {
                observer.warns(&warning);
            }
        }
        gradients.scale(1.0 / batches as f64)?;
        let gradient_norm = gradients.clip(self.recipe.optimizer.clip_norm)?;
        self.check(step, "the length of the gradient", gradient_norm)?;
        let rate = learning_rate(&stage.config, self.state.stage_step + 1);
        stage.optimizer.step(stage.parameters.trained(), &gradients, rate)?;

        self.state.step = step;
        self.state.stage_step += 1;
        self.state.position = stage.lessons.position();
        let parts = parts.over(batches);
        let position = self.state.position;
        let epoch_len = stage.lessons.epoch_len().max(1);
        Ok(Some(TrainRow {
            stage: stage.config.name.clone(),
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

    /// Losses and gradients of the next batch.
    fn batch(
        &self,
        stage: &mut Stage,
        number: usize,
    ) -> Result<(Gradients, LossParts), TrainError> {
        let recompute = stage.config.recompute.then(Recompute::default);
        let learning = Learning {
            lora_dropout: self.dropout(&stage.config, number),
            recompute: recompute.clone(),
        };
        // Some modules prepare values when they are made, so each batch has a model of its own.
        // The tensors are shared: this takes no memory and next to no time.
        let weights = stage.parameters.tracked();
        let (config, tokens) = (&self.start.config, self.start.tokenizer.special());
        let device = candle_core::Device::Cpu;
        let model = Calico::load_learning(config, tokens, &weights, &device, &learning)?;
        let losses = stage.lessons.losses(&model, &weights, stage.config.batch)?;
        let recomputed = || recompute.map(|recompute| recompute.take()).unwrap_or_default();
        let trained = stage.parameters.trained();
        let gradients = Gradients::of(&losses.total, trained, recomputed)?;
        Ok((gradients, losses.parts))
    }

    /// Dropout of a batch: its masks depend on the seed, the step and the batch alone.
    fn dropout(&self, stage: &StageConfig, number: usize) -> Option<Dropout> {
        let id = format!("{}/{number}", self.state.step + 1);
        let mut stream = Stream::new(self.recipe.seed, "dropout", &id);
        let rate = stage.lora_dropout;
        (rate > 0.0).then(|| Dropout { rate, seed: stream.bits() })
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
