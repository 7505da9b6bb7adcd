//! The tiny model with the weights of the goldens.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses a part of this")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use calico_image::{Frame, Size};
use calico_language::{Sampler, Sampling, Tokenizer, byte_level_json};
use calico_model::preprocess::ImageTensors;
use calico_model::prompt::PromptId;
use calico_model::{Calico, CalicoConfig, Preset};
use calico_nn::Weights;
use calico_nn::weights::{TensorSpec, WeightSource};
use calico_testkit::Synthetic;
use candle_core::{DType, Device, Result, Tensor, Var};

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

/// Synthetic weights in one type, of which some are variables: the same ones however often they
/// are asked for.
pub struct Variables {
    is_variable: fn(&str) -> bool,
    dtype: DType,
    known: Mutex<BTreeMap<String, Tensor>>,
}

impl Variables {
    pub fn new(dtype: DType, is_variable: fn(&str) -> bool) -> Arc<Self> {
        Arc::new(Self { is_variable, dtype, known: Mutex::default() })
    }

    pub fn weights(self: &Arc<Self>) -> Weights {
        Weights::new(Arc::clone(self) as _)
    }

    /// All tensors that were asked for, by name.
    pub fn named(&self) -> BTreeMap<String, Tensor> {
        self.known.lock().unwrap().clone()
    }
}

impl WeightSource for Variables {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let mut known = self.known.lock().unwrap();
        if let Some(tensor) = known.get(&spec.name) {
            return Ok(tensor.clone());
        }
        let tensor = Synthetic::default().tensor(spec)?.to_dtype(self.dtype)?;
        let learns = (self.is_variable)(&spec.name);
        let tensor = if learns { Var::from_tensor(&tensor)?.into_inner() } else { tensor };
        known.insert(spec.name.clone(), tensor.clone());
        Ok(tensor)
    }
}

/// A picture of stripes whose width depends on `seed`.
pub fn picture(seed: usize, height: u32, width: u32) -> Frame {
    let samples = (0..height as usize * width as usize * 3).map(|i| (i * (7 + 3 * seed) / 5) as u8);
    Frame::new(Size::new(height, width), samples.collect()).unwrap()
}

/// Pictures of unequal size, prepared for the model.
pub fn pictures(model: &Calico, count: usize) -> Vec<ImageTensors> {
    let sizes = model.config().input_sizes();
    let prepare = |seed: usize| {
        let frame = picture(seed, 40 + 8 * seed as u32, 60 - 4 * seed as u32);
        ImageTensors::new(&frame, sizes, &Device::Cpu).unwrap()
    };
    (1..=count).map(prepare).collect()
}

/// A prompt that names `images` pictures between words.
pub fn prompt(images: usize, words: &str) -> Vec<PromptId> {
    let text = |text: &str| tokenizer().encode(text).unwrap().into_iter().map(PromptId::Token);
    let mut ids = vec![PromptId::Token(1)];
    for _ in 0..images {
        ids.extend(text("see"));
        ids.push(PromptId::Image);
    }
    ids.extend(text(words));
    ids
}

pub fn values(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}
