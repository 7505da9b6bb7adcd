//! Normalisation layers.

use candle_core::{Result, Tensor};

use crate::ops;
use crate::weights::{Init, Weights};

/// Layer normalisation over the last axis.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// Reads `weight` and `bias`, both `[width]`, below `weights`.
    pub fn load(width: usize, eps: f64, weights: &Weights) -> Result<Self> {
        Ok(Self {
            weight: weights.get(&[width], "weight", Init::Ones)?,
            bias: weights.get(&[width], "bias", Init::Zeros)?,
            eps,
        })
    }

    /// # Shapes
    /// - `x`: `[..., width]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}

/// Root-mean-square normalisation over the last axis.
#[derive(Debug, Clone)]
pub struct RmsNorm {
    weight: Tensor,
    eps: f64,
}

impl RmsNorm {
    /// Reads `weight` `[width]` below `weights`.
    pub fn load(width: usize, eps: f64, weights: &Weights) -> Result<Self> {
        Ok(Self { weight: weights.get(&[width], "weight", Init::Ones)?, eps })
    }

    /// # Shapes
    /// - `x`: `[..., width]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::rms_norm(x, &self.weight, self.eps)
    }
}
