//! BERT's feed-forward part, the normalisation after the residual.

use candle_core::{Result, Tensor};

use crate::{LayerNorm, Mlp, Weights};

/// `LN(second(gelu(first(x))) + x)`.
#[derive(Debug, Clone)]
pub struct PostNormFeedForward {
    mlp: Mlp,
    norm: LayerNorm,
}

impl PostNormFeedForward {
    /// Reads `{first}.dense` and `{second}.{dense,LayerNorm}` below `weights`, where `names` are
    /// the first and the second, for example `["intermediate", "output"]`.
    pub fn load(
        width: usize,
        hidden: usize,
        ln_eps: f64,
        names: [&str; 2],
        weights: &Weights,
    ) -> Result<Self> {
        let [first, second] = names.map(|name| format!("{name}.dense"));
        let norm = weights.pp(names[1]).pp("LayerNorm");
        Ok(Self {
            mlp: Mlp::load(width, hidden, [&first, &second], weights)?,
            norm: LayerNorm::load(width, ln_eps, &norm)?,
        })
    }

    /// # Shapes
    /// - `x`: `[B, T, D]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.norm.forward(&(self.mlp.forward(x)? + x)?) // [B, T, D]
    }
}
