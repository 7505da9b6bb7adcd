//! One layer of the encoder.

use calico_nn::{PostNormAttention, PostNormFeedForward, Weights};
use candle_core::{Result, Tensor};

use super::BertConfig;

/// Self-attention, then a feed-forward part.
#[derive(Debug, Clone)]
pub struct BertLayer {
    attention: PostNormAttention,
    feed_forward: PostNormFeedForward,
}

impl BertLayer {
    /// Reads `attention`, `intermediate` and `output` below `weights`.
    pub fn load(config: &BertConfig, weights: &Weights) -> Result<Self> {
        let &BertConfig { width, num_heads, ffn_hidden, ln_eps, .. } = config;
        let names = ["intermediate", "output"];
        let attention = weights.pp("attention");
        Ok(Self {
            attention: PostNormAttention::load(width, width, num_heads, ln_eps, &attention)?,
            feed_forward: PostNormFeedForward::load(width, ffn_hidden, ln_eps, names, weights)?,
        })
    }

    /// # Shapes
    /// - `x`: `[B, T, D]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let own = self.attention.keys_values(x)?;
        self.feed_forward.forward(&self.attention.forward(x, &own)?) // [B, T, D]
    }
}
