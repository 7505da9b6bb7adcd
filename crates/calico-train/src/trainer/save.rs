//! Checkpoints.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::{Stage, Trainer};
use crate::{Moments, TrainError, TrainObserver};

impl Trainer {
    /// Writes a checkpoint in the middle of a stage.
    pub(super) fn save(
        &mut self,
        stage: &Stage,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let mut parameters = self.settled.clone();
        parameters.extend(stage.parameters.values());
        self.write_checkpoint(&parameters, stage.optimizer.moments(), observer)
    }

    /// Writes a checkpoint between two stages.
    pub(super) fn save_settled(
        &mut self,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        let parameters = self.settled.clone();
        self.write_checkpoint(&parameters, &BTreeMap::new(), observer)
    }

    /// A checkpoint with a value that is no number would be called good later.
    fn check_values(&self, parameters: &BTreeMap<String, Tensor>) -> Result<(), TrainError> {
        for (name, tensor) in parameters {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            if let Some(value) = values.into_iter().find(|value| !value.is_finite()) {
                return Err(TrainError::NotFinite {
                    step: self.state.step,
                    what: format!("a value of {name}"),
                    value: f64::from(value),
                    checkpoint: self.last_checkpoint(),
                });
            }
        }
        Ok(())
    }

    fn write_checkpoint(
        &mut self,
        parameters: &BTreeMap<String, Tensor>,
        moments: &BTreeMap<String, Moments>,
        observer: &mut dyn TrainObserver,
    ) -> Result<(), TrainError> {
        self.check_values(parameters)?;
        // First the lines, then the checkpoint that counts them.
        self.state.metrics_bytes = self.metrics.sync()?;
        self.timings.sync()?;
        self.events.sync()?;
        let keep = self.recipe.checkpoint.keep;
        let path = self.checkpoints.save(&self.state, parameters, moments, keep)?;
        observer.saved(&path);
        Ok(())
    }
}
