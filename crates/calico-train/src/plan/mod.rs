//! What a training costs, before anything is loaded: memory, arithmetic, time.
//!
//! ```text
//! recipe, configuration, sizes of samples ──► a walk through a step without numbers ──► Plan
//! ```
//!
//! Weights, moments and gradients are counted from names and shapes. What a step keeps and holds
//! is found by a walk through the model in which tensors have sizes only, and live as long as
//! those of a step. The parts are those of the design: weights, optimiser and gradients,
//! activations of unequal modules, losses of masks at original size, features on disk.

mod advice;
mod machine;
mod memory;
mod module_plan;
mod sample;
mod samples;
mod stage_plan;
mod tape;
mod text;
mod walk;

pub use machine::Machine;
pub use memory::Memory;
pub use module_plan::ModulePlan;
pub use sample::SampleShape;
pub use samples::Samples;
pub use stage_plan::StagePlan;

use calico_data::Dataset;
use calico_model::CalicoConfig;
use serde::Serialize;

use crate::TrainError;
use crate::features::Tower;
use crate::recipe::{Recipe, StoredFeatures};
use crate::start::{model_config, model_tokenizer};
use crate::trained::pattern_problems;
use stage_plan::Given;

/// What a training costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The recipe's name.
    pub name: String,
    /// The machine that it is for.
    pub machine: Machine,
    /// How large samples are.
    pub samples: Samples,
    /// Bytes of a value in the arithmetic.
    pub value_bytes: u64,
    /// Stage by stage.
    pub stages: Vec<StagePlan>,
    /// Bytes on disk of the features of one picture; none if the recipe keeps none.
    pub features_per_picture: Option<u64>,
    /// Bytes on disk of the features of all pictures, if their number is known.
    pub features: Option<u64>,
    /// Bytes of the checkpoints that are kept at the same time, of the stage with the largest.
    pub checkpoints: u64,
    #[serde(skip)]
    recipe: Recipe,
    #[serde(skip)]
    config: CalicoConfig,
}

/// Samples of a data set that are looked at.
const LOOKED_AT: u64 = 2000;

impl Plan {
    /// Plans a recipe, with the sizes of its data set, and with typical ones where it names none. No weights are looked at.
    pub fn of_recipe(recipe: &Recipe, machine: Machine) -> Result<Self, TrainError> {
        let config = model_config(&recipe.model)?;
        let samples = match &recipe.data.folder {
            Some(folder) => {
                let tokenizer = model_tokenizer(&recipe.model, &config)?;
                let dataset = Dataset::open(folder)?;
                Samples::of_dataset(&dataset, &recipe.data, &config, &tokenizer, LOOKED_AT)?
            }
            None => Samples::default(),
        };
        Self::new(recipe, &config, &samples, machine)
    }

    /// Plans a recipe for a model.
    ///
    /// # Errors
    /// If patterns of its stages fit no tensor; all of them are listed.
    pub fn new(
        recipe: &Recipe,
        config: &CalicoConfig,
        samples: &Samples,
        machine: Machine,
    ) -> Result<Self, TrainError> {
        let given = Given::new(recipe, config, samples, machine)?;
        let problems = recipe.stages.iter().flat_map(|s| pattern_problems(s, &given.specs));
        let problems: Vec<String> = problems.collect();
        if !problems.is_empty() {
            return Err(TrainError::Mismatch { problems });
        }
        let stages: Vec<StagePlan> = recipe.stages.iter().map(|stage| given.stage(stage)).collect();
        let features = recipe.features.as_ref();
        let features_per_picture =
            features.map(|f| feature_bytes(&Tower::of(config), config, f.stored));
        // Those that are kept, the best, and the one that is being written.
        let kept = recipe.checkpoint.keep as u64 + 2;
        Ok(Self {
            name: recipe.name.clone(),
            machine,
            samples: *samples,
            value_bytes: machine.value_bytes(recipe.model.compute),
            features: features_per_picture.zip(samples.pictures).map(|(one, all)| one * all),
            features_per_picture,
            checkpoints: kept * stages.iter().map(|stage| stage.checkpoint).max().unwrap_or(0),
            stages,
            recipe: recipe.clone(),
            config: config.clone(),
        })
    }

    /// The most memory of any stage, in bytes.
    pub fn peak(&self) -> u64 {
        self.stages.iter().map(|stage| stage.memory.peak()).max().unwrap_or(0)
    }

    /// Time of all stages.
    pub fn secs(&self) -> f64 {
        self.stages.iter().map(|stage| stage.secs).sum()
    }

    /// Refuses what does not fit into `available` bytes of memory; `None` if that is not known.
    ///
    /// # Errors
    /// Says which stages do not fit, and what would help, and by how much.
    pub fn check(&self, available: Option<u64>) -> Result<(), TrainError> {
        match available {
            Some(available) if self.peak() > available => {
                Err(TrainError::DoesNotFit(advice::refusal(self, available)?))
            }
            _ => Ok(()),
        }
    }

    /// The plan as a table.
    pub fn to_text(&self) -> String {
        text::plan(self)
    }
}

/// Bytes of what encoders say of one picture: of all, H.3's "kept per image", in the stored type.
fn feature_bytes(towers: &[Tower], config: &CalicoConfig, stored: StoredFeatures) -> u64 {
    let values: usize = towers.iter().map(|tower| tower.values(config)).sum();
    let bytes = match stored {
        StoredFeatures::F32 => 4,
        StoredFeatures::Bf16 => 2,
    };
    (values * bytes) as u64
}

#[cfg(test)]
mod tests;
