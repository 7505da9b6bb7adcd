//! A tiny model and drawn pictures for the tests of lessons.

#[path = "../tests/drawn/mod.rs"]
mod drawn;

use std::path::Path;

use calico_data::Dataset;
use calico_model::checkpoint::{tensor_specs, untrained_tokenizer};
use calico_model::{Calico, CalicoConfig, Preset};
use calico_nn::Weights;
use calico_nn::weights::{Random, TensorSpec};
use candle_core::{DType, Device};

use crate::Recipe;
use crate::parameters::Parameters;
use crate::recipe::StageConfig;
use crate::trained::learns;

/// A stage with some keys.
pub(crate) fn stage(keys: &str) -> StageConfig {
    let text = format!(
        "name = 'a'\n[model]\npreset = 'tiny'\n[[stages]]\nname = 's'\nsteps = 200\n{keys}"
    );
    Recipe::parse(&text, Path::new("r.toml")).unwrap().stages.remove(0)
}

pub(crate) fn tiny() -> CalicoConfig {
    Preset::Tiny.config().unwrap()
}

/// A data set of 16 drawn pictures to learn from and four to be asked about.
pub(crate) fn data() -> (tempfile::TempDir, Dataset) {
    let scratch = tempfile::tempdir().unwrap();
    drawn::write(scratch.path(), 8);
    let dataset = Dataset::open(scratch.path()).unwrap();
    (scratch, dataset)
}

/// A model in the making, with what only the stage needs.
pub(crate) fn parameters(
    config: &CalicoConfig,
    stage: &StageConfig,
    helpers: Vec<TensorSpec>,
) -> Parameters {
    let mut specs = tensor_specs(config).unwrap();
    specs.extend(helpers);
    let source = Random::new(3, Device::Cpu);
    let trains = |name: &str| learns(name, stage);
    Parameters::new(specs, &source, &trains, DType::F32, &Device::Cpu).unwrap()
}

pub(crate) fn model(config: &CalicoConfig, weights: &Weights) -> Calico {
    let tokens = untrained_tokenizer(config).unwrap().special();
    Calico::load(config, tokens, weights, &Device::Cpu).unwrap()
}
