//! BERT's attention: projections apart, the normalisation after the residual.

use calico_nn::ops::{self, Attention, Bias};
use calico_nn::{LayerNorm, Linear, Weights, merge_heads, split_heads};
use candle_core::{Result, Tensor};

use super::QFormerConfig;

/// `LN(out(attention(x, source)) + x)`, where the source is `x` itself or the image.
#[derive(Debug, Clone)]
pub(super) struct PostNormAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    norm: LayerNorm,
    heads: usize,
}

/// Keys and values of one attention, both `[B, N, S, K]`.
#[derive(Debug, Clone)]
pub(super) struct KeysValues {
    keys: Tensor,
    values: Tensor,
}

impl PostNormAttention {
    /// Reads `self.{query,key,value}` and `output.{dense,LayerNorm}` below `weights`; the keys
    /// and values come from tokens of `source_width`.
    pub(super) fn load(
        config: &QFormerConfig,
        source_width: usize,
        weights: &Weights,
    ) -> Result<Self> {
        let &QFormerConfig { width, num_heads, ln_eps, .. } = config;
        if num_heads == 0 || !width.is_multiple_of(num_heads) {
            candle_core::bail!("{}: {num_heads} heads do not divide {width}", weights.prefix());
        }
        let (inner, output) = (weights.pp("self"), weights.pp("output"));
        Ok(Self {
            query: Linear::load(width, width, &inner.pp("query"))?,
            key: Linear::load(source_width, width, &inner.pp("key"))?,
            value: Linear::load(source_width, width, &inner.pp("value"))?,
            out: Linear::load(width, width, &output.pp("dense"))?,
            norm: LayerNorm::load(width, ln_eps, &output.pp("LayerNorm"))?,
            heads: num_heads,
        })
    }

    /// # Shapes
    /// - `source`: `[B, S, source_width]`
    pub(super) fn keys_values(&self, source: &Tensor) -> Result<KeysValues> {
        Ok(KeysValues {
            keys: split_heads(&self.key.forward(source)?, self.heads)?, // [B, N, S, K]
            values: split_heads(&self.value.forward(source)?, self.heads)?, // [B, N, S, K]
        })
    }

    /// # Shapes
    /// - `x`: `[B, Q, E]`, as is the result
    pub(super) fn forward(&self, x: &Tensor, source: &KeysValues) -> Result<Tensor> {
        let queries = split_heads(&self.query.forward(x)?, self.heads)?; // [B, N, Q, K]
        let mixed = ops::attention(&Attention {
            q: &queries,
            k: &source.keys,
            v: &source.values,
            scale: (queries.dim(3)? as f64).powf(-0.5),
            bias: Bias::None,
        })?; // [B, N, Q, K]
        let mixed = self.out.forward(&merge_heads(&mixed)?)?; // [B, Q, E]
        self.norm.forward(&(mixed + x)?) // [B, Q, E]
    }
}
