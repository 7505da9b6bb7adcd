//! Times training steps (forward and backward) of networks made of this crate's layers, and
//! prints them as JSON: `training_step CASE STEPS`. `tools/bench/training_step.py` runs it side by
//! side with PyTorch.

#![expect(clippy::print_stdout, reason = "the times are what this program is for")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use calico_nn::ops::{self, Attention, Bias};
use calico_nn::weights::{Init, Random, TensorSpec, WeightSource};
use calico_nn::{FusedAttention, KeyBias, LayerNorm, Linear, Mlp, RmsNorm, Weights};
use candle_core::{Device, Result, Tensor, Var};

/// Makes every tensor a variable, and keeps them.
struct Trainable {
    random: Random,
    vars: Mutex<Vec<Var>>,
}

impl WeightSource for Trainable {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let var = Var::from_tensor(&self.random.tensor(spec)?)?;
        let tensor = var.as_tensor().clone();
        self.vars.lock().unwrap_or_else(PoisonError::into_inner).push(var);
        Ok(tensor)
    }
}

/// A decoder block as LLaMA's.
struct Decoder {
    norms: [RmsNorm; 2],
    /// Queries, keys, values, output.
    attention: [Linear; 4],
    /// Gate, up, down.
    mlp: [Linear; 3],
    heads: usize,
}

impl Decoder {
    fn load(width: usize, hidden: usize, heads: usize, weights: &Weights) -> Result<Self> {
        let norm = |name| RmsNorm::load(width, 1e-6, &weights.pp(name));
        let linear = |inner, out, name| Linear::load_without_bias(inner, out, &weights.pp(name));
        let square = |name| linear(width, width, name);
        Ok(Self {
            norms: [norm("attention_norm")?, norm("mlp_norm")?],
            attention: [square("q")?, square("k")?, square("v")?, square("o")?],
            mlp: [
                linear(width, hidden, "gate")?,
                linear(width, hidden, "up")?,
                linear(hidden, width, "down")?,
            ],
            heads,
        })
    }

    /// `x`: `[B, T, D]`, as is the result.
    fn forward(&self, x: &Tensor, [cos, sin]: [&Tensor; 2]) -> Result<Tensor> {
        let normed = self.norms[0].forward(x)?;
        let [q, k, v, o] = &self.attention;
        let q = ops::rotary(&q.forward(&normed)?, cos, sin)?;
        let k = ops::rotary(&k.forward(&normed)?, cos, sin)?;
        let v = v.forward(&normed)?;
        let scale = ((x.dim(2)? / self.heads) as f64).powf(-0.5);
        let call = Attention { q: &q, k: &k, v: &v, scale, bias: Bias::Causal };
        let x = (x + o.forward(&ops::merged_attention(&call, self.heads)?)?)?;
        let normed = self.norms[1].forward(&x)?;
        let [gate, up, down] = &self.mlp;
        &x + down.forward(&ops::swiglu(&gate.forward(&normed)?, &up.forward(&normed)?)?)?
    }
}

/// An encoder block as SAM's.
struct Encoder {
    norms: [LayerNorm; 2],
    attention: FusedAttention,
    /// Relative positions along rows and columns.
    tables: [Tensor; 2],
    mlp: Mlp,
    window: Option<usize>,
}

impl Encoder {
    fn load(width: usize, heads: usize, window: Option<usize>, weights: &Weights) -> Result<Self> {
        let norm = |name| LayerNorm::load(width, 1e-6, &weights.pp(name));
        let shape = [2 * window.unwrap_or(32) - 1, width / heads];
        let table = |name| weights.get(&shape, name, Init::std(0.02));
        Ok(Self {
            norms: [norm("norm1")?, norm("norm2")?],
            attention: FusedAttention::load(width, heads, KeyBias::Present, &weights.pp("attn"))?,
            tables: [table("rel_pos_h")?, table("rel_pos_w")?],
            mlp: Mlp::load(width, 4 * width, ["lin1", "lin2"], &weights.pp("mlp"))?,
            window,
        })
    }

    /// `x`: `[B, g, g, D]`, as is the result.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = self.norms[0].forward(x)?;
        let mixed = match self.window {
            Some(side) => {
                let windows = self.attend(&ops::split_windows(&normed, side)?)?;
                ops::join_windows(&windows, [x.dim(1)?, x.dim(2)?])?
            }
            None => self.attend(&normed)?,
        };
        let x = (x + mixed)?;
        &x + self.mlp.forward(&self.norms[1].forward(&x)?)?
    }

    fn attend(&self, map: &Tensor) -> Result<Tensor> {
        let [rows, columns] = &self.tables;
        let mixed = self.attention.forward_on_grid(&map.flatten(1, 2)?, [rows, columns])?;
        mixed.reshape(map.dims())
    }
}

/// What maps the input to the result.
enum Network {
    Decoder(Vec<Decoder>, [Tensor; 2]),
    Encoder(Vec<Encoder>),
}

impl Network {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Decoder(blocks, [cos, sin]) => {
                blocks.iter().try_fold(x.clone(), |x, block| block.forward(&x, [cos, sin]))
            }
            Self::Encoder(blocks) => {
                blocks.iter().try_fold(x.clone(), |x, block| block.forward(&x))
            }
        }
    }
}

fn decoder(width: usize, hidden: usize, heads: usize, weights: &Weights) -> Result<Network> {
    let load = |index| Decoder::load(width, hidden, heads, &weights.pp(index));
    let half = width / heads / 2;
    let angle = |i: usize| (i / half) as f32 * 1e4f32.powf(-((i % half) as f32) / half as f32);
    let table = |f: fn(f32) -> f32| {
        let values = (0..128 * half).map(|i| f(angle(i))).collect::<Vec<_>>();
        Tensor::from_vec(values, (128, half), &Device::Cpu)
    };
    let blocks = (0..6).map(load).collect::<Result<_>>()?;
    Ok(Network::Decoder(blocks, [table(f32::cos)?, table(f32::sin)?]))
}

fn encoder(weights: &Weights) -> Result<Network> {
    let windows = [Some(14), Some(14), Some(14), None];
    let load = |(i, &window): (usize, _)| Encoder::load(256, 4, window, &weights.pp(i));
    Ok(Network::Encoder(windows.iter().enumerate().map(load).collect::<Result<_>>()?))
}

#[expect(unsafe_code, reason = "settings of the whole process, as the command makes them")]
fn main() -> Result<()> {
    // SAFETY: this is the first thing that the program does, and no other thread runs yet.
    unsafe { calico_nn::process::settle() };
    let mut arguments = std::env::args().skip(1);
    let case = arguments.next().unwrap_or_else(|| "decoder-192".to_owned());
    let steps = arguments.next().and_then(|steps| steps.parse().ok()).unwrap_or(5usize);
    let random = Random::new(7, Device::Cpu);
    let source = Arc::new(Trainable { random: random.clone(), vars: Mutex::default() });
    let weights = Weights::new(source.clone());
    let (network, shape) = match case.as_str() {
        "decoder-192" => (decoder(192, 512, 6, &weights)?, vec![8, 128, 192]),
        "decoder-512" => (decoder(512, 1376, 8, &weights)?, vec![8, 128, 512]),
        "encoder-256" => (encoder(&weights)?, vec![2, 32, 32, 256]),
        _ => candle_core::bail!("no case {case}: decoder-192, decoder-512 or encoder-256"),
    };
    let x = random.tensor(&TensorSpec { name: "x".to_owned(), shape, init: Init::std(1.0) })?;
    let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
    // The first step also grows the memory.
    for step in 0..=steps {
        let start = Instant::now();
        let loss = network.forward(&x)?.sqr()?.mean_all()?;
        let forward = start.elapsed().as_secs_f64();
        let gradients = loss.backward()?;
        let all = start.elapsed().as_secs_f64();
        let vars = source.vars.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = vars.iter().position(|var| gradients.get(var).is_none()) {
            candle_core::bail!("variable {index} has no gradient");
        }
        if step > 0 {
            forwards.push(forward);
            backwards.push(all - forward);
        }
    }
    println!("{{\"case\":\"{case}\",\"forward\":{forwards:?},\"backward\":{backwards:?}}}");
    Ok(())
}
