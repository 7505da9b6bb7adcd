//! Recipes: what is trained, on what, how and for how long, as TOML.
//!
//! A recipe is a list of *stages*, run one after the other on the same model. Each says which
//! tensors learn, what they learn from, and for how many optimiser steps. Keys that are left out
//! have the published value (conventions of GLaMM and LISA, where the paper says nothing).

mod check;
mod overrides;
mod read;
mod sections;
mod stage;

pub use overrides::Overrides;
pub use sections::{
    CheckpointConfig, Compute, DataConfig, FeaturesConfig, GuardConfig, HiddenMatrices, LossConfig,
    MaskLoss, Metric, ModelConfig, OptimizerConfig, OutputConfig, OutputKind, OutputType,
    StoredFeatures, ValidationConfig,
};
pub use stage::{Decay, Objective, StageConfig};

use std::path::{Path, PathBuf};

use calico_model::digest::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::TrainError;
use crate::start::{NO_FOLDER_TO_KEEP, NO_MODEL};

/// The longest recipe that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the recipe is called.
    pub name: String,
    /// The seed of every random decision: new weights, order of samples, dropout, validation.
    #[serde(default)]
    pub seed: u64,
    /// The model that is trained.
    pub model: ModelConfig,
    /// What it learns from.
    #[serde(default)]
    pub data: DataConfig,
    /// Features of frozen encoders, kept on disk; left out: they are computed anew each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeaturesConfig>,
    /// What is minimised.
    #[serde(default)]
    pub loss: LossConfig,
    /// How values move.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// When a run has gone wrong.
    #[serde(default)]
    pub guard: GuardConfig,
    /// Scores during training; left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationConfig>,
    /// What survives an interruption.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// What the run leaves behind.
    #[serde(default)]
    pub output: OutputConfig,
    /// One after the other.
    pub stages: Vec<StageConfig>,
}

impl Recipe {
    /// Reads a recipe file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// Lists everything that is wrong with it.
    pub fn open(path: &Path, overrides: &Overrides) -> Result<Self, TrainError> {
        let read = |source| TrainError::Read { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(read)?.len();
        if bytes > MAX_BYTES {
            let problems = vec![format!("it has {bytes} bytes; expected at most {MAX_BYTES}")];
            return Err(TrainError::Recipe { path: path.to_owned(), problems });
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        let mut recipe = Self::parse(&text, path)?;
        recipe.settle_paths(path.parent().unwrap_or(Path::new("")));
        overrides.apply(&mut recipe);
        recipe.checked(path)
    }

    /// Reads the text of a recipe; `path` names it in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, TrainError> {
        let wrong = |problems| TrainError::Recipe { path: path.to_owned(), problems };
        let table = toml::from_str(text).map_err(|error| wrong(vec![error.to_string()]))?;
        read::recipe(table).map_err(wrong)
    }

    /// The recipe, if nothing in it contradicts itself.
    pub fn checked(self, path: &Path) -> Result<Self, TrainError> {
        let problems = check::problems(&self);
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(TrainError::Recipe { path: path.to_owned(), problems })
        }
    }

    /// Whether a training can begin, once all that is left to the command line is given.
    ///
    /// # Errors
    /// Lists what is missing.
    pub fn check_complete(&self) -> Result<(), TrainError> {
        let mut problems = Vec::new();
        if self.model.folder.is_none() && !self.model.from_scratch {
            problems.push(NO_MODEL.to_owned());
        }
        if self.model.folder.is_none() && !self.model.keep.is_empty() {
            problems.push(NO_FOLDER_TO_KEEP.to_owned());
        }
        if self.data.folder.is_none() {
            problems
                .push("data: there is no folder to learn from; give one (--data DIR)".to_owned());
        }
        if problems.is_empty() { Ok(()) } else { Err(TrainError::Mismatch { problems }) }
    }

    /// Paths as seen from where the program runs.
    fn settle_paths(&mut self, folder: &Path) {
        let paths = [
            self.model.folder.as_mut(),
            self.model.config.as_mut(),
            self.model.tokenizer.as_mut(),
            self.data.folder.as_mut(),
            self.features.as_mut().map(|features| &mut features.folder),
        ];
        let roots = self.data.roots.values_mut();
        for path in paths.into_iter().flatten().chain(roots) {
            *path = folder.join(&*path);
        }
    }

    /// The recipe with every key written out.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(|error| TrainError::Internal(error.to_string()))
    }

    /// SHA-256, in hexadecimal digits, of everything that changes what a run computes: not of
    /// where things lie, not of how often checkpoints are written, not of what ends a run, and not
    /// of how many batches are computed at once.
    pub fn digest(&self) -> Result<String, TrainError> {
        let mut computed = self.clone();
        computed.model.folder = None;
        computed.model.config = None;
        computed.model.tokenizer = None;
        computed.data.folder = None;
        computed.data.roots.clear();
        if let Some(features) = &mut computed.features {
            features.folder = PathBuf::new();
        }
        computed.checkpoint = CheckpointConfig::default();
        computed.guard = GuardConfig::default();
        computed.stages.iter_mut().for_each(|stage| stage.together = 0);
        Ok(hex(&Sha256::digest(computed.to_toml()?)))
    }

    /// Optimiser steps of all stages.
    pub fn steps(&self) -> u64 {
        self.stages.iter().fold(0, |sum, stage| sum.saturating_add(stage.steps))
    }
}

#[cfg(test)]
mod tests;
