//! Validation: a model without gradients answers, and the best values are kept.

use std::sync::atomic::AtomicBool;

use calico_model::{Calico, Segmenter};
use calico_nn::Weights;
use calico_result::Model;
use candle_core::Device;

use super::open::selection;
use super::{Stage, Trainer};
use crate::checkpoint::{self, Best};
use crate::labels::{LabelExam, label_accuracy};
use crate::recipe::Objective;
use crate::validation::{Shown, Validated};
use crate::watch::samples::{caption, draw_prediction};
use crate::watch::{MetricsRow, ValidationRow};
use crate::{TrainError, TrainObserver};

/// The values with the best validation, in the folder of the run.
pub(super) const BEST: &str = "best";

impl Trainer {
    /// Validates the values as they are now; `false` if it was stopped.
    pub(super) fn validate(
        &mut self,
        stage: &Stage,
        observer: &mut dyn TrainObserver,
        stop: &AtomicBool,
    ) -> Result<bool, TrainError> {
        if stage.config.objective == Objective::Labels {
            self.validate_labels(stage, observer)?;
            return Ok(true);
        }
        let Some(validation) = &self.validation else { return Ok(true) };
        let tokenizer = self.start.tokenizer.clone();
        let model = self.model_without_gradients(&stage.parameters.detached())?;
        let identity =
            Model { name: self.recipe.name.clone(), preset: self.start.config.preset.clone() };
        let segmenter = Segmenter::from_parts(model, tokenizer, identity);
        let total = validation.len();
        let mut on_answer = |done| observer.validating(done, total);
        let Some(validated) = validation.run(&segmenter, &mut on_answer, stop)? else {
            return Ok(false);
        };
        let Validated { scores, pairs, shown } = validated;
        let score = validation.decides(&scores);
        let step = self.state.step;
        let is_best = self.state.best.is_none_or(|best| score >= best.score);
        if is_best {
            let best = Best { step, score };
            let mut values = self.settled.clone();
            values.extend(stage.parameters.values());
            checkpoint::write_best(&self.folder.path().join(BEST), best, &values)?;
            self.state.best = Some(best);
        }
        self.show(&shown, observer)?;
        let row = ValidationRow { stage: stage.config.name.clone(), step, pairs, scores };
        self.record(&row, is_best, observer)?;
        Ok(true)
    }

    /// How many patches of pictures of the dev split have the right label.
    fn validate_labels(
        &mut self,
        stage: &Stage,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let Some(config) = &self.recipe.validation else { return Ok(()) };
        let weights = stage.parameters.detached();
        let model = self.model_without_gradients(&weights)?;
        let choice = (self.recipe.seed, config.pairs);
        let (dataset, selection) = (&self.dataset, selection(&self.recipe));
        let exam = LabelExam::new(dataset, &selection, &self.start.config, &stage.config, choice)?;
        let scores = label_accuracy(&model, &weights, &exam)?;
        let named = scores.into_iter().map(|(name, share)| (format!("labels/{name}"), share));
        let row = ValidationRow {
            stage: stage.config.name.clone(),
            step: self.state.step,
            pairs: exam.len() as u64,
            scores: named.collect(),
        };
        self.record(&row, false, observer)
    }

    fn model_without_gradients(&self, weights: &Weights) -> Result<Calico, TrainError> {
        let (config, tokens) = (&self.start.config, self.start.tokenizer.special());
        Ok(Calico::load(config, tokens, weights, &Device::Cpu)?)
    }

    fn record(
        &mut self,
        row: &ValidationRow,
        is_best: bool,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        self.state.validated = row.step;
        let line = MetricsRow::Validation(row.clone());
        self.metrics.append(&line)?;
        self.events.row(observer.unix_seconds(), &line)?;
        observer.validated(row, is_best);
        Ok(())
    }

    /// Draws answers beside the truth.
    fn show(
        &mut self,
        shown: &[Shown],
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let step = self.state.step;
        for (number, shown) in (1..).zip(shown) {
            let Shown { predicted, truth, frames } = shown;
            let png = draw_prediction(predicted, truth, frames)?;
            let name = format!("samples/step-{step:08}-{number}");
            self.folder.write(&format!("{name}.png"), &png)?;
            self.folder.write(&format!("{name}.txt"), caption(predicted, truth).as_bytes())?;
            let tag = format!("validation/{number}");
            self.events.image(observer.unix_seconds(), step, &tag, &png)?;
        }
        Ok(())
    }
}
