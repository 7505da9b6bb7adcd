//! Linear layers, with an optional low-rank update (LoRA).

use candle_core::{Result, Tensor};

use crate::ops;
use crate::weights::{Init, Weights};

/// `y = x wᵀ + b`, plus the low-rank update where one is attached.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    low_rank: Option<LowRank>,
}

impl Linear {
    /// Reads `weight` `[out, in]` and `bias` `[out]` below `weights`.
    pub fn load(inner: usize, out: usize, weights: &Weights) -> Result<Self> {
        Self::load_with(inner, out, weights, Init::fan_in(inner))
    }

    /// As [`Linear::load`], with the initial value of an untrained `weight`; the bias starts at 0.
    pub fn load_with(inner: usize, out: usize, weights: &Weights, init: Init) -> Result<Self> {
        let mut linear = Self::load_without_bias_with(inner, out, weights, init)?;
        linear.bias = Some(weights.get(&[out], "bias", Init::Zeros)?);
        Ok(linear)
    }

    /// Reads `weight` `[out, in]` below `weights`; there is no bias.
    pub fn load_without_bias(inner: usize, out: usize, weights: &Weights) -> Result<Self> {
        Self::load_without_bias_with(inner, out, weights, Init::fan_in(inner))
    }

    /// As [`Linear::load_without_bias`], with the initial value of an untrained `weight`.
    pub fn load_without_bias_with(
        inner: usize,
        out: usize,
        weights: &Weights,
        init: Init,
    ) -> Result<Self> {
        let weight = weights.get(&[out, inner], "weight", init)?;
        Ok(Self { weight, bias: None, low_rank: None })
    }

    /// A layer of given tensors: `weight` `[out, in]`, `bias` `[out]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight, bias, low_rank: None }
    }

    /// Attaches a low-rank update.
    #[must_use]
    pub fn with_low_rank(mut self, low_rank: LowRank) -> Self {
        self.low_rank = Some(low_rank);
        self
    }

    /// # Shapes
    /// - `x`: `[..., in]`
    /// - returns: `[..., out]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = ops::linear(x, &self.weight, self.bias.as_ref())?;
        match &self.low_rank {
            Some(low_rank) => y + low_rank.forward(x)?,
            None => Ok(y),
        }
    }
}

/// A low-rank update `scale · b a x` (LoRA, arXiv 2106.09685).
#[derive(Debug, Clone)]
pub struct LowRank {
    a: Tensor,
    b: Tensor,
    scale: f64,
}

impl LowRank {
    /// Reads `a` `[rank, in]` and `b` `[out, rank]` below `weights`; `b` starts at zero, so an
    /// untrained update changes nothing.
    pub fn load(shape: [usize; 2], rank: usize, alpha: f64, weights: &Weights) -> Result<Self> {
        let [out, inner] = shape;
        Ok(Self {
            a: weights.get(&[rank, inner], "a", Init::fan_in(inner))?,
            b: weights.get(&[out, rank], "b", Init::Zeros)?,
            scale: alpha / rank as f64,
        })
    }

    /// # Shapes
    /// - `x`: `[..., in]`
    /// - returns: `[..., out]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear(&ops::linear(x, &self.a, None)?, &self.b, None)? * self.scale
    }
}
