//! The tiny model with the weights of the goldens.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses a part of this")]

use std::path::Path;

use calico_language::{Sampler, Sampling, Tokenizer, byte_level_json};
use calico_model::{Calico, CalicoConfig, Preset};
use calico_testkit::Synthetic;
use candle_core::{Device, Tensor};

pub fn tokenizer() -> Tokenizer {
    let json = byte_level_json(259).to_string();
    Tokenizer::parse(json.as_bytes(), Path::new("tokenizer.json")).unwrap()
}

pub fn config() -> CalicoConfig {
    Preset::Tiny.config().unwrap()
}

pub fn model() -> Calico {
    model_of(&config())
}

pub fn model_of(config: &CalicoConfig) -> Calico {
    let special = tokenizer().special();
    Calico::load(config, special, &Synthetic::weights(), &Device::Cpu).unwrap()
}

pub fn query_tokens() -> Tensor {
    let values = Synthetic::values("query_tokens", &[1, 5, 48]);
    Tensor::from_vec(values, (1, 5, 48), &Device::Cpu).unwrap()
}

pub fn greedy() -> Sampler {
    Sampler::new(Sampling::default()).unwrap()
}

pub fn integers(x: &Tensor) -> Vec<usize> {
    x.to_vec1::<i64>().unwrap().into_iter().map(|value| value as usize).collect()
}
