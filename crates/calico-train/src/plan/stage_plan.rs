use std::collections::{BTreeMap, BTreeSet};

use calico_model::CalicoConfig;
use calico_model::budget::{ModuleBudget, Request, modules};
use calico_model::checkpoint::tensor_specs;
use calico_nn::weights::TensorSpec;
use serde::{Deserialize, Serialize};

use super::tape::{Arithmetic, Tape};
use super::walk::{self, Batch};
use super::{Machine, Memory, ModulePlan, Samples, feature_bytes};
use crate::TrainError;
use crate::features::Tower;
use crate::lessons::{LABEL_HEADS, LABEL_PROMPTS, is_helper};
use crate::optimizer::{is_hidden_matrix, step_flops};
use crate::recipe::{HiddenMatrices, Objective, Recipe, StageConfig};
use crate::trained::is_trained;

/// Bytes of a value, a gradient, a moment: always f32.
const F32: u64 = 4;
/// Tensors as large as the one that moves which a step of the optimiser holds beside it: copies
/// of value, gradient and both moments, and three results.
const STEP_TENSORS: u64 = 7;
/// What a process holds that trains next to nothing, in bytes, as it was measured.
const PROGRAM: u64 = 20_000_000;
/// What belongs to no module.
const LOSSES: &str = "losses";

/// What a stage costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Its name.
    pub name: String,
    /// What is learnt.
    pub objective: Objective,
    /// Optimiser steps.
    pub steps: u64,
    /// Samples that are read together.
    pub batch: usize,
    /// Batches per optimiser step.
    pub accumulate: usize,
    /// Batches that are computed at once.
    pub together: usize,
    /// Whether layers of the language model are computed again.
    pub recompute: bool,
    /// Module by module, in the order of the data flow.
    pub modules: Vec<ModulePlan>,
    /// Values that learn.
    pub trained_values: u64,
    /// The worst moment.
    pub memory: Memory,
    /// Arithmetic of the forward passes of an optimiser step.
    pub forward: f64,
    /// Arithmetic of the backward passes of an optimiser step.
    pub backward: f64,
    /// Arithmetic of what is computed again in the backward passes of an optimiser step.
    pub recomputed: f64,
    /// Arithmetic with which Muon moves matrices in an optimiser step.
    pub muon: f64,
    /// Arithmetic that is done once per picture, and then read from disk; all pictures together.
    pub once: f64,
    /// Time of an optimiser step.
    pub secs_per_step: f64,
    /// Time of the stage.
    pub secs: f64,
    /// Bytes of a checkpoint on disk.
    pub checkpoint: u64,
}

/// What stages are planned with.
pub(super) struct Given<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) config: &'a CalicoConfig,
    pub(super) samples: &'a Samples,
    pub(super) machine: Machine,
    pub(super) specs: Vec<TensorSpec>,
    pub(super) modules: Vec<ModuleBudget>,
}

impl<'a> Given<'a> {
    pub(super) fn new(
        recipe: &'a Recipe,
        config: &'a CalicoConfig,
        samples: &'a Samples,
        machine: Machine,
    ) -> Result<Self, TrainError> {
        let specs = tensor_specs(config)?;
        let modules = modules(config, Request::default())?;
        Ok(Self { recipe, config, samples, machine, specs, modules })
    }

    /// The plan of one stage.
    pub(super) fn stage(&self, stage: &StageConfig) -> StagePlan {
        let trained: BTreeSet<&str> = self
            .specs
            .iter()
            .map(|spec| spec.name.as_str())
            .filter(|name| is_trained(name, stage))
            .collect();
        let width = self.machine.value_bytes(self.recipe.model.compute);
        let high = self.run(stage, &trained, self.samples.high, self.recipe.features.is_some());
        let mean = self.run(stage, &trained, self.samples.mean, self.recipe.features.is_some());
        let accumulate = stage.accumulate as f64;
        let modules = self.modules(&trained, width, (&high, stage.together), (&mean, accumulate));
        let sum = |part: fn(&Arithmetic) -> f64| {
            accumulate * mean.arithmetic.values().map(part).sum::<f64>()
        };
        let (forward, backward) = (sum(|a| a.forward), sum(|a| a.backward));
        let recomputed = sum(|a| a.recomputed);
        let once = self.once(stage, &trained);
        let rate = self.machine.gflops.max(f64::MIN_POSITIVE) * 1e9;
        let muon = self.muon(&trained, "");
        let secs_per_step = (forward + backward + recomputed + muon) / rate;
        let trained_values = modules.iter().map(|module| module.trained_values).sum();
        StagePlan {
            name: stage.name.clone(),
            objective: stage.objective,
            steps: stage.steps,
            batch: stage.batch,
            accumulate: stage.accumulate,
            together: stage.together,
            recompute: stage.recompute,
            memory: self.memory(stage, &trained, width, &high),
            modules,
            trained_values,
            forward,
            backward,
            recomputed,
            muon,
            once,
            secs_per_step,
            secs: secs_per_step * stage.steps as f64 + once / rate,
            // Values and two moments.
            checkpoint: 3 * F32 * (trained_values + high.helpers),
        }
    }

    /// One batch, forward and back.
    fn run(
        &self,
        stage: &StageConfig,
        trained: &BTreeSet<&str>,
        shape: super::SampleShape,
        is_cached: bool,
    ) -> Run {
        let trains = |name: &str| trained.contains(name) || is_helper(name);
        let learns = |prefix: &str| trained.iter().any(|name| name.starts_with(prefix));
        let compute = self.recipe.model.compute;
        let width = self.machine.value_bytes(compute);
        let tape = Tape::new(&trains, width, self.machine.is_fused(compute));
        let batch = Batch {
            config: self.config,
            shape,
            samples: stage.batch as u64,
            classes: [self.samples.objects, self.samples.parts],
            labels: [self.samples.labels, self.samples.labels_of_picture],
            recompute: stage.recompute,
            lora_dropout: stage.lora_dropout,
            is_cached,
        };
        let loss = match stage.objective {
            Objective::Grounding => walk::grounding(&tape, &batch, &learns),
            Objective::Labels => walk::labels(&tape, &batch, &learns),
            Objective::LabelMasks => walk::label_masks(&tape, &batch, &learns),
        };
        let kept = tape.kept();
        tape.backward(&loss);
        Run {
            kept,
            peak: tape.peak(),
            gradients: tape.gradient_bytes(),
            helpers: tape.trained_values(LABEL_HEADS) + tape.trained_values(LABEL_PROMPTS),
            arithmetic: tape.arithmetic(),
        }
    }

    fn modules(
        &self,
        trained: &BTreeSet<&str>,
        width: u64,
        (high, together): (&Run, usize),
        (mean, accumulate): (&Run, f64),
    ) -> Vec<ModulePlan> {
        let row = |name: &str, prefix: &str| {
            let own = || self.specs.iter().filter(|spec| spec.name.starts_with(prefix));
            let learns = |spec: &&TensorSpec| trained.contains(spec.name.as_str());
            let arithmetic = mean.arithmetic.get(prefix).copied().unwrap_or_default();
            let Arithmetic { forward, backward, recomputed } = arithmetic;
            let bytes = |spec: &TensorSpec| {
                spec.len() as u64 * if trained.contains(spec.name.as_str()) { F32 } else { width }
            };
            ModulePlan {
                name: name.to_owned(),
                prefix: prefix.to_owned(),
                trained_tensors: own().filter(learns).count(),
                trained_values: own().filter(learns).map(|spec| spec.len() as u64).sum(),
                weights: own().map(bytes).sum(),
                activations: together as u64 * high.kept.get(prefix).copied().unwrap_or_default(),
                flops: accumulate * (forward + backward + recomputed) + self.muon(trained, prefix),
            }
        };
        let of_model = self.modules.iter().map(|module| row(module.name, module.prefix));
        of_model.chain([row(LOSSES, LOSSES)]).collect()
    }

    /// The worst moment is in batches that are computed at once, or when the optimiser moves the largest tensor.
    fn memory(
        &self,
        stage: &StageConfig,
        trained: &BTreeSet<&str>,
        width: u64,
        high: &Run,
    ) -> Memory {
        let (mut frozen, mut values, mut largest) = (0, high.helpers, high.helpers);
        for spec in &self.specs {
            let len = spec.len() as u64;
            if trained.contains(spec.name.as_str()) {
                values += len;
                largest = largest.max(len);
            } else {
                frozen += len * width;
            }
        }
        let together = stage.together as u64;
        let activations = together * high.kept.values().sum::<u64>();
        let gradients = together * high.gradients;
        let accumulated = if stage.accumulate > stage.together { high.gradients } else { 0 };
        let step = (high.gradients + STEP_TENSORS * F32 * largest).saturating_sub(accumulated);
        let worst = (together * high.peak).max(step);
        Memory {
            frozen,
            trained: F32 * values,
            moments: 2 * F32 * values,
            gradients,
            accumulated,
            activations,
            ahead: self.ahead(stage, trained),
            program: PROGRAM,
            working: worst.saturating_sub(gradients + activations),
        }
    }

    /// Arithmetic with which Muon moves the trained matrices whose names have a beginning.
    fn muon(&self, trained: &BTreeSet<&str>, prefix: &str) -> f64 {
        if self.recipe.optimizer.hidden_matrices != HiddenMatrices::Muon {
            return 0.0;
        }
        let moves = |spec: &&TensorSpec| {
            let name = spec.name.as_str();
            name.starts_with(prefix)
                && trained.contains(name)
                && is_hidden_matrix(name, &spec.shape)
        };
        self.specs.iter().filter(moves).map(|spec| step_flops(&spec.shape)).sum()
    }

    /// Bytes of the pictures of batches that wait until they are computed: as many batches as are
    /// computed at once, and the one that is being read.
    fn ahead(&self, stage: &StageConfig, trained: &BTreeSet<&str>) -> u64 {
        let pixels = pixel_bytes(self.config);
        let asked = match stage.objective {
            Objective::Grounding => Tower::of(self.config),
            Objective::LabelMasks => vec![Tower::Sam],
            // Decoded every time.
            Objective::Labels => Vec::new(),
        };
        let learning = Tower::trained(self.config, trained.iter().copied());
        let frozen: Vec<Tower> =
            asked.iter().copied().filter(|tower| !learning.contains(tower)).collect();
        let picture = match &self.recipe.features {
            // Pixels as long as nothing is kept of it, and nothing else after that.
            Some(f) if !frozen.is_empty() && frozen.len() == asked.len() => {
                pixels.max(feature_bytes(&frozen, self.config, f.stored))
            }
            // Both from its second time on.
            Some(f) => pixels + feature_bytes(&frozen, self.config, f.stored),
            None => pixels,
        };
        let each = match stage.objective {
            Objective::Grounding => self.samples.high.images.max(1),
            Objective::Labels | Objective::LabelMasks => 1,
        };
        (stage.together + 1) as u64 * (stage.batch * each) as u64 * picture
    }

    /// Arithmetic of frozen encoders on pictures whose features are not on disk yet.
    fn once(&self, stage: &StageConfig, trained: &BTreeSet<&str>) -> f64 {
        if self.recipe.features.is_none() {
            return 0.0;
        }
        let forward = |is_cached| {
            let run = self.run(stage, trained, self.samples.mean, is_cached);
            run.arithmetic.values().map(|a| a.forward).sum::<f64>()
        };
        let each = match stage.objective {
            Objective::Grounding => self.samples.mean.images.max(1),
            Objective::Labels | Objective::LabelMasks => 1,
        };
        let pictures = (stage.batch * each) as f64;
        let seen = stage.steps as f64 * stage.accumulate as f64 * pictures;
        let different = self.samples.pictures.map_or(seen, |all| seen.min(all as f64));
        (forward(false) - forward(true)) / pictures * different
    }
}

/// Bytes of one picture as the encoders read it.
fn pixel_bytes(config: &CalicoConfig) -> u64 {
    let sizes = config.input_sizes();
    let dino = sizes.dino.map_or(0, |[height, width]| height * width);
    3 * F32 * (sizes.eva * sizes.eva + dino + sizes.sam * sizes.sam) as u64
}

/// What one batch was seen to do.
struct Run {
    kept: BTreeMap<&'static str, u64>,
    peak: u64,
    gradients: u64,
    /// Values that only the objective trains, beside the model's.
    helpers: u64,
    arithmetic: BTreeMap<&'static str, Arithmetic>,
}
