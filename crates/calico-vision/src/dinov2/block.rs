//! One transformer block.

use calico_nn::weights::Init;
use calico_nn::{FusedAttention, KeyBias, LayerNorm, Mlp, SwiGlu, Weights};
use candle_core::{Result, Tensor};

use super::{DinoConfig, FeedForwardKind};

/// A pre-norm block whose two updates are scaled per channel (`LayerScale`).
#[derive(Debug, Clone)]
pub struct DinoBlock {
    attention_norm: LayerNorm,
    attention: FusedAttention,
    /// `[D]`
    attention_scale: Tensor,
    feed_forward_norm: LayerNorm,
    feed_forward: FeedForward,
    /// `[D]`
    feed_forward_scale: Tensor,
}

impl DinoBlock {
    /// Reads `norm1`, `attn`, `ls1.gamma`, `norm2`, `mlp` and `ls2.gamma` below `weights`.
    pub fn load(config: &DinoConfig, weights: &Weights) -> Result<Self> {
        let &DinoConfig { width, num_heads, ln_eps, .. } = config;
        let attention = weights.pp("attn");
        Ok(Self {
            attention_norm: LayerNorm::load(width, ln_eps, &weights.pp("norm1"))?,
            attention: FusedAttention::load(width, num_heads, KeyBias::Present, &attention)?,
            attention_scale: weights.get(&[width], "ls1.gamma", Init::Ones)?,
            feed_forward_norm: LayerNorm::load(width, ln_eps, &weights.pp("norm2"))?,
            feed_forward: FeedForward::load(config, &weights.pp("mlp"))?,
            feed_forward_scale: weights.get(&[width], "ls2.gamma", Init::Ones)?,
        })
    }

    /// # Shapes
    /// - `x`: `[B, T, D]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mixed = self.attention.forward(&self.attention_norm.forward(x)?)?; // [B, T, D]
        let x = (x + mixed.broadcast_mul(&self.attention_scale)?)?; // [B, T, D]
        let updated = self.feed_forward.forward(&self.feed_forward_norm.forward(&x)?)?; // [B, T, D]
        x + updated.broadcast_mul(&self.feed_forward_scale)? // [B, T, D]
    }

    /// The keys of the attention, the heads side by side.
    ///
    /// # Shapes
    /// - `x`: `[B, T, D]`, as is the result
    pub fn keys(&self, x: &Tensor) -> Result<Tensor> {
        self.attention.keys(&self.attention_norm.forward(x)?)
    }
}

#[derive(Debug, Clone)]
enum FeedForward {
    Gelu(Mlp),
    SwiGlu(SwiGlu),
}

impl FeedForward {
    fn load(config: &DinoConfig, weights: &Weights) -> Result<Self> {
        let width = config.width;
        Ok(match config.ffn {
            FeedForwardKind::Gelu { hidden } => {
                Self::Gelu(Mlp::load(width, hidden, ["fc1", "fc2"], weights)?)
            }
            FeedForwardKind::SwiGlu { hidden } => {
                Self::SwiGlu(SwiGlu::load(width, hidden, weights)?)
            }
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Gelu(mlp) => mlp.forward(x),
            Self::SwiGlu(swiglu) => swiglu.forward(x),
        }
    }
}
