//! One transformer block.

use calico_nn::{FusedAttention, KeyBias, LayerNorm, Mlp, Weights};
use candle_core::{Result, Tensor};

use super::EvaConfig;

/// A pre-norm block: attention, then a GELU feed-forward layer, each around a residual.
#[derive(Debug, Clone)]
pub struct EvaBlock {
    attention_norm: LayerNorm,
    attention: FusedAttention,
    mlp_norm: LayerNorm,
    mlp: Mlp,
}

impl EvaBlock {
    /// Reads `norm1`, `attn` (its keys have no bias), `norm2` and `mlp` below `weights`.
    pub fn load(config: &EvaConfig, weights: &Weights) -> Result<Self> {
        let &EvaConfig { width, num_heads, mlp_hidden, ln_eps, .. } = config;
        Ok(Self {
            attention_norm: LayerNorm::load(width, ln_eps, &weights.pp("norm1"))?,
            attention: FusedAttention::load(
                width,
                num_heads,
                KeyBias::Absent,
                &weights.pp("attn"),
            )?,
            mlp_norm: LayerNorm::load(width, ln_eps, &weights.pp("norm2"))?,
            mlp: Mlp::load(width, mlp_hidden, ["fc1", "fc2"], &weights.pp("mlp"))?,
        })
    }

    /// # Shapes
    /// - `x`: `[B, T, V]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mixed = self.attention.forward(&self.attention_norm.forward(x)?)?; // [B, T, V]
        let x = (x + mixed)?; // [B, T, V]
        let updated = self.mlp.forward(&self.mlp_norm.forward(&x)?)?; // [B, T, V]
        x + updated
    }
}
