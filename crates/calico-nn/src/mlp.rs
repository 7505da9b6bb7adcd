//! Feed-forward layers of the vision transformers.

use candle_core::{Result, Tensor};

use crate::{Linear, Weights, ops};

/// `second(gelu(first(x)))`.
#[derive(Debug, Clone)]
pub struct Mlp {
    first: Linear,
    second: Linear,
}

impl Mlp {
    /// Reads two biased linears below `names`, for example `["fc1", "fc2"]`.
    pub fn load(width: usize, hidden: usize, names: [&str; 2], weights: &Weights) -> Result<Self> {
        let [first, second] = names;
        Ok(Self {
            first: Linear::load(width, hidden, &weights.pp(first))?,
            second: Linear::load(hidden, width, &weights.pp(second))?,
        })
    }

    /// # Shapes
    /// - `x`: `[..., width]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.second.forward(&ops::gelu(&self.first.forward(x)?)?)
    }
}

/// `w3(silu(gate) · up)`, where gate and up are the two halves of `w12(x)` (DINOv2 giant).
#[derive(Debug, Clone)]
pub struct SwiGlu {
    w12: Linear,
    w3: Linear,
}

impl SwiGlu {
    /// Reads `w12` `[2 hidden, width]` and `w3` `[width, hidden]`, both biased.
    pub fn load(width: usize, hidden: usize, weights: &Weights) -> Result<Self> {
        Ok(Self {
            w12: Linear::load(width, 2 * hidden, &weights.pp("w12"))?,
            w3: Linear::load(hidden, width, &weights.pp("w3"))?,
        })
    }

    /// # Shapes
    /// - `x`: `[..., width]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.w3.forward(&ops::swiglu_packed(&self.w12.forward(x)?)?)
    }
}
