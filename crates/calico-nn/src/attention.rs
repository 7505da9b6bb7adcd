//! Self-attention of the vision transformers: one fused projection to queries, keys and values.

use candle_core::{D, Result, Tensor};

use crate::Linear;
use crate::ops::{self, Bias};
use crate::weights::{Init, Weights};

/// Whether the fused projection has a bias for its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyBias {
    /// `qkv.bias` `[3 D]` holds all three.
    Present,
    /// `q_bias` and `v_bias`, `[D]` each; the keys have none (EVA-CLIP).
    Absent,
}

/// Multi-head self-attention with a fused projection `qkv` and an output projection `proj`.
#[derive(Debug, Clone)]
pub struct FusedAttention {
    qkv: Linear,
    proj: Linear,
    heads: usize,
}

impl FusedAttention {
    /// Reads `qkv.weight` `[3 D, D]` (rows q, k, v, each head by head), its bias as `key_bias`
    /// says, and `proj`, below `weights`.
    pub fn load(width: usize, heads: usize, key_bias: KeyBias, weights: &Weights) -> Result<Self> {
        if heads == 0 || !width.is_multiple_of(heads) {
            candle_core::bail!("{}: {heads} heads do not divide {width}", weights.prefix());
        }
        let qkv = match key_bias {
            KeyBias::Present => Linear::load(width, 3 * width, &weights.pp("qkv"))?,
            KeyBias::Absent => {
                let shape = [3 * width, width];
                let weight = weights.matrix(shape, "qkv.weight", Init::fan_in(width))?;
                let q_bias = weights.get(&[width], "q_bias", Init::Zeros)?;
                let v_bias = weights.get(&[width], "v_bias", Init::Zeros)?;
                let bias = Tensor::cat(&[&q_bias, &q_bias.zeros_like()?, &v_bias], 0)?;
                Linear::new(weight, Some(bias))
            }
        };
        Ok(Self { qkv, proj: Linear::load(width, width, &weights.pp("proj"))?, heads })
    }

    /// # Shapes
    /// - `x`: `[B, T, D]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.mix(&self.qkv.forward(x)?, Bias::None)
    }

    /// The keys of `x`, the heads side by side.
    ///
    /// # Shapes
    /// - `x`: `[B, T, D]`, as is the result
    pub fn keys(&self, x: &Tensor) -> Result<Tensor> {
        let width = x.dim(D::Minus1)?;
        self.qkv.forward(x)?.narrow(D::Minus1, width, width)
    }

    /// As [`FusedAttention::forward`], for tokens on a grid of `h` by `w`, with decomposed relative
    /// positions: the products of the unscaled queries with a table for each axis, by distance
    /// ([`Bias::Relative`]).
    ///
    /// # Shapes
    /// - `x`: `[B, h · w, D]`, as is the result
    /// - `tables`: `[2 h - 1, K]` and `[2 w - 1, K]`
    pub fn forward_on_grid(&self, x: &Tensor, [rows, columns]: [&Tensor; 2]) -> Result<Tensor> {
        self.mix(&self.qkv.forward(x)?, Bias::Relative { rows, columns })
    }

    /// From `[B, T, 3 D]` to `[B, T, D]`.
    fn mix(&self, qkv: &Tensor, bias: Bias<'_>) -> Result<Tensor> {
        let head_width = qkv.dim(D::Minus1)? / 3 / self.heads;
        let scale = (head_width as f64).powf(-0.5);
        self.proj.forward(&ops::fused_attention(qkv, self.heads, scale, bias)?)
    }
}

/// `[B, T, N K]` to `[B, N, T, K]`.
pub fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, tokens, width) = x.dims3()?;
    x.reshape((batch, tokens, heads, width / heads))?.transpose(1, 2)
}

/// `[B, N, T, K]` to `[B, T, N K]`.
pub fn merge_heads(x: &Tensor) -> Result<Tensor> {
    let (batch, heads, tokens, width) = x.dims4()?;
    x.transpose(1, 2)?.reshape((batch, tokens, heads * width))
}
