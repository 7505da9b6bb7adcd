//! `AdamW` with moments that can be saved, and Muon for hidden matrices if a recipe asks for it.

mod muon;

pub(crate) use muon::{is_hidden_matrix, step_flops};

use std::collections::BTreeMap;

use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor, Var};
use rayon::prelude::*;

use crate::gradients::Gradients;
use crate::recipe::{HiddenMatrices, OptimizerConfig};

/// Values per task of the one-pass form.
const TASK: usize = 1 << 16;

/// Moves named tensors in the order of their names, as `PyTorch` does: by `AdamW` (arXiv
/// 1711.05101), and hidden matrices by Muon if [`HiddenMatrices::Muon`] says so.
///
/// Weight decay moves tensors of more than one axis only: norms and biases are left alone. A
/// tensor without a gradient stays as it is; the bias corrections of `AdamW` count the steps of
/// the optimiser, not those of each tensor.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    moments: BTreeMap<String, Moments>,
    steps: u64,
}

/// Running means of a gradient and of its square, in f32.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Of the gradient.
    pub first: Tensor,
    /// Of its square; stays 0 where Muon moves the tensor.
    pub second: Tensor,
}

/// The numbers of one step of `AdamW` that all values share.
#[derive(Debug, Clone, Copy)]
struct Factors {
    betas: [f32; 2],
    /// One less each, rounded once.
    others: [f32; 2],
    /// Learning rate over the bias correction of the first moment.
    step_size: f32,
    /// Root of the bias correction of the second moment.
    root_correction: f32,
    eps: f32,
    /// What is left of a value after weight decay.
    kept: f32,
}

impl Optimizer {
    /// An optimiser that has not moved yet.
    pub fn new(config: OptimizerConfig, trained: &BTreeMap<String, Var>) -> Result<Self> {
        let start = |var: &Var| {
            let zeros = Tensor::zeros(var.shape(), DType::F32, var.device())?;
            Ok::<_, candle_core::Error>(Moments { first: zeros.copy()?, second: zeros })
        };
        let named = trained.iter().map(|(name, var)| Ok((name.clone(), start(var)?)));
        Ok(Self { config, moments: named.collect::<Result<_>>()?, steps: 0 })
    }

    /// Goes on where another optimiser stopped.
    ///
    /// # Errors
    /// If names or shapes are not those of the trained tensors.
    pub fn resume(
        config: OptimizerConfig,
        trained: &BTreeMap<String, Var>,
        moments: BTreeMap<String, Moments>,
        steps: u64,
    ) -> Result<Self> {
        let fits = |(name, var): (&String, &Var)| {
            moments.get(name).is_some_and(|moments| {
                moments.first.shape() == var.shape() && moments.second.shape() == var.shape()
            })
        };
        if moments.len() != trained.len() || !trained.iter().all(fits) {
            candle_core::bail!("the moments are not those of the trained tensors");
        }
        Ok(Self { config, moments, steps })
    }

    /// The moments by name.
    pub fn moments(&self) -> &BTreeMap<String, Moments> {
        &self.moments
    }

    /// Moves every tensor that has a gradient.
    pub fn step(
        &mut self,
        trained: &BTreeMap<String, Var>,
        gradients: &Gradients,
        learning_rate: f64,
    ) -> Result<()> {
        let by_name = gradients.by_name();
        let is_known =
            |name: &String| trained.contains_key(name) && self.moments.contains_key(name);
        if let Some(name) = by_name.keys().find(|name| !is_known(name)) {
            candle_core::bail!("there is a gradient for {name}, which is not trained");
        }
        self.steps += 1;
        let pace = Pace::new(self.config, self.steps, learning_rate);
        // Most tensors of a small model are too small to keep all cores busy alone.
        self.moments.par_iter_mut().try_for_each(|(name, moments)| {
            match (trained.get(name), by_name.get(name)) {
                (Some(var), Some(gradient)) => pace.step(name, var, moments, gradient),
                _ => Ok(()),
            }
        })
    }
}

/// What all tensors have in common in one step.
struct Pace {
    config: OptimizerConfig,
    learning_rate: f64,
    /// Of the two moments, which begin at 0.
    corrections: [f64; 2],
}

impl Pace {
    fn new(config: OptimizerConfig, steps: u64, learning_rate: f64) -> Self {
        let corrections = config.betas.map(|beta| 1.0 - beta.powf(steps as f64));
        Self { config, learning_rate, corrections }
    }

    /// Moves one tensor.
    fn step(&self, name: &str, var: &Var, moments: &mut Moments, gradient: &Tensor) -> Result<()> {
        let Self { config, learning_rate, corrections } = self;
        let OptimizerConfig { betas, eps, weight_decay, hidden_matrices, .. } = *config;
        let decay = if var.rank() > 1 { weight_decay } else { 0.0 };
        if hidden_matrices == HiddenMatrices::Muon && is_hidden_matrix(name, var.dims()) {
            return muon::step(var, moments, gradient, *learning_rate, decay);
        }
        let factors = Factors {
            betas: betas.map(|beta| beta as f32),
            others: betas.map(|beta| (1.0 - beta) as f32),
            step_size: (learning_rate / corrections[0]) as f32,
            root_correction: corrections[1].sqrt() as f32,
            eps: eps as f32,
            kept: (1.0 - learning_rate * decay) as f32,
        };
        if var.device().is_cpu() {
            one_pass(var, moments, gradient, factors)
        } else {
            composed(var, moments, gradient, factors)
        }
    }
}

/// The step of `AdamW` as a chain of tensor operations, for any device.
fn composed(var: &Var, moments: &mut Moments, gradient: &Tensor, factors: Factors) -> Result<()> {
    let [beta1, beta2] = factors.betas.map(f64::from);
    moments.first = ((&moments.first * beta1)? + (gradient * f64::from(factors.others[0]))?)?;
    let square = (gradient.sqr()? * f64::from(factors.others[1]))?;
    moments.second = ((&moments.second * beta2)? + square)?;
    let root = (moments.second.sqrt()? / f64::from(factors.root_correction))?;
    let change =
        (moments.first.div(&(root + f64::from(factors.eps))?)? * f64::from(factors.step_size))?;
    var.set(&((var.as_detached_tensor() * f64::from(factors.kept))? - change)?)
}

/// The step of `AdamW` in one pass over memory, on all cores.
fn one_pass(var: &Var, moments: &mut Moments, gradient: &Tensor, factors: Factors) -> Result<()> {
    let Factors { betas: [beta1, beta2], others, step_size, root_correction, eps, kept } = factors;
    let gradient = gradient.contiguous()?;
    let count = var.elem_count();
    let read = [var.as_detached_tensor(), gradient, moments.first.clone(), moments.second.clone()];
    let read = read.map(|tensor| values(&tensor));
    let [old, gradient, first, second] = read;
    let (old, gradient, first, second) = (old?, gradient?, first?, second?);
    let mut new = [vec![0f32; count], vec![0f32; count], vec![0f32; count]];
    let [to_value, to_first, to_second] = &mut new;
    let written = to_value
        .par_chunks_mut(TASK)
        .zip(to_first.par_chunks_mut(TASK))
        .zip(to_second.par_chunks_mut(TASK));
    let found = old
        .par_chunks(TASK)
        .zip(gradient.par_chunks(TASK))
        .zip(first.par_chunks(TASK).zip(second.par_chunks(TASK)));
    written.zip(found).for_each(|(((value, m), v), ((old, gradient), (first, second)))| {
        for i in 0..value.len() {
            let g = gradient[i];
            m[i] = first[i] * beta1 + g * others[0];
            v[i] = second[i] * beta2 + g * g * others[1];
            let root = v[i].sqrt() / root_correction + eps;
            value[i] = old[i] * kept - m[i] / root * step_size;
        }
    });
    let [value, first, second] = new.map(|new| Tensor::from_vec(new, var.shape(), &Device::Cpu));
    moments.first = first?;
    moments.second = second?;
    var.set(&value?)
}

/// A copy of the values of a contiguous f32 tensor on the CPU.
fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    let (storage, layout) = tensor.storage_and_layout();
    let slice = match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(slice)), Some((start, end))) => slice.get(start..end),
        _ => None,
    };
    let slice = slice.map(<[f32]>::to_vec);
    slice.ok_or_else(|| candle_core::Error::msg("expected contiguous f32 values on the CPU"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn run(step: impl Fn(&Var, &mut Moments, &Tensor, Factors) -> Result<()>) -> [Vec<f32>; 3] {
        let count = 70_000;
        let wave = |step: f32| {
            let values: Vec<f32> = (0..count).map(|i| (i as f32 * step).sin()).collect();
            Tensor::from_vec(values, count, &Device::Cpu).unwrap()
        };
        let var = Var::from_tensor(&wave(0.3)).unwrap();
        let mut moments = Moments { first: wave(0.1), second: wave(0.2).sqr().unwrap() };
        let factors = Factors {
            betas: [0.9, 0.95],
            others: [0.1, 0.05],
            step_size: 0.01,
            root_correction: 0.7,
            eps: 1e-8,
            kept: 0.99,
        };
        step(&var, &mut moments, &wave(0.7), factors).unwrap();
        [var.as_tensor(), &moments.first, &moments.second].map(|t| t.to_vec1().unwrap())
    }

    #[test]
    fn one_pass_equals_the_chain_of_operations() {
        for (a, b) in run(one_pass).iter().zip(&run(composed)) {
            let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-6, "{worst}");
        }
    }

    #[test]
    fn a_first_step_moves_by_the_learning_rate_against_the_gradient() {
        let var = Var::new(&[[1f32, 1.0], [1.0, 1.0]], &Device::Cpu).unwrap();
        let trained = BTreeMap::from([("a".to_owned(), var.clone())]);
        let config = OptimizerConfig { weight_decay: 0.5, ..OptimizerConfig::default() };
        let mut optimizer = Optimizer::new(config, &trained).unwrap();
        let weights = Tensor::new(&[[3f32, -0.2], [3.0, -0.2]], &Device::Cpu).unwrap();
        let loss = (var.as_tensor() * weights).unwrap().sum_all().unwrap();
        let gradients = Gradients::of(&loss, &trained, HashMap::new).unwrap();
        optimizer.step(&trained, &gradients, 0.1).unwrap();
        let moved = var.to_vec2::<f32>().unwrap();
        // 1 - 0.1 * 0.5 decay, then ∓ 0.1.
        assert!((moved[0][0] - 0.85).abs() < 1e-5 && (moved[0][1] - 1.05).abs() < 1e-5);
    }
}
