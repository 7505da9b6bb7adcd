//! Validation: a model without gradients answers, and the best values are kept.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use calico_model::{Calico, Segmenter};
use calico_nn::Weights;
use calico_result::Model;
use candle_core::Device;

use super::open::selection;
use super::{Stage, Trainer};
use crate::checkpoint::{self, Best};
use crate::features::Tower;
use crate::label_masks::{MaskExam, label_mask_overlap};
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
        if stage.config.objective != Objective::Grounding {
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

    /// What was learnt from labels, on pictures of the dev split.
    fn validate_labels(
        &mut self,
        stage: &Stage,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let Some(config) = &self.recipe.validation else { return Ok(()) };
        let choice = (self.recipe.seed, config.pairs);
        let (pictures, scores) = if stage.config.objective == Objective::LabelMasks {
            self.examine_masks(stage, choice)?
        } else {
            self.examine_labels(stage, choice)?
        };
        let row = ValidationRow {
            stage: stage.config.name.clone(),
            step: self.state.step,
            pairs: pictures as u64,
            scores,
        };
        self.record(&row, false, observer)
    }

    /// How many patches have the right label.
    fn examine_labels(
        &self,
        stage: &Stage,
        choice: (u64, usize),
    ) -> Result<(usize, BTreeMap<String, f64>), TrainError> {
        let weights = stage.parameters.detached();
        let model = self.model_without_gradients(&weights)?;
        let (dataset, selection) = (&self.dataset, selection(&self.recipe));
        let exam = LabelExam::new(dataset, &selection, &self.start.config, &stage.config, choice)?;
        let scores = label_accuracy(&model, &weights, &exam)?.into_iter();
        let named = scores.map(|(name, share)| (format!("labels/{name}"), share));
        Ok((exam.len(), named.collect()))
    }

    /// How well the masks that labels ask for fit.
    fn examine_masks(
        &self,
        stage: &Stage,
        choice: (u64, usize),
    ) -> Result<(usize, BTreeMap<String, f64>), TrainError> {
        let weights = stage.parameters.detached();
        let model = self.model_without_gradients(&weights)?;
        let (dataset, selection) = (&self.dataset, selection(&self.recipe));
        let features = self.features(vec![Tower::Sam], &stage.parameters)?;
        let width = self.start.config.sam.width;
        let exam = MaskExam::new(dataset, &selection, features, width, choice)?;
        let scores = label_mask_overlap(&model, &weights, &exam)?.into_iter();
        let named = scores.map(|(name, share)| (format!("label_masks/{name}"), share));
        Ok((exam.len(), named.collect()))
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
