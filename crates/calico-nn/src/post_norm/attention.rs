//! BERT's attention: projections apart, the normalisation after the residual.

use candle_core::{Result, Tensor};

use crate::ops::{self, Attention, Bias};
use crate::{LayerNorm, Linear, Weights};

/// `LN(out(attention(x, source)) + x)`, where the source is `x` itself or something else.
#[derive(Debug, Clone)]
pub struct PostNormAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    norm: LayerNorm,
    heads: usize,
}

/// Keys and values of one attention, both `[B, S, D]`.
#[derive(Debug, Clone)]
pub struct KeysValues {
    keys: Tensor,
    values: Tensor,
}

impl KeysValues {
    /// Those that were computed before, `[B, S, D]` each.
    pub fn new(keys: Tensor, values: Tensor) -> Self {
        Self { keys, values }
    }

    /// Keys and values.
    pub fn tensors(&self) -> [&Tensor; 2] {
        [&self.keys, &self.values]
    }

    /// Those of some of the samples, in the given order; one may be chosen more than once. A run
    /// of samples is a view.
    ///
    /// # Errors
    /// If there is no such sample.
    pub fn select(&self, samples: &[usize]) -> Result<Self> {
        let first = samples.first().copied().unwrap_or(0);
        if samples.iter().copied().eq(first..first.saturating_add(samples.len())) {
            let view = |x: &Tensor| x.narrow(0, first, samples.len());
            return Ok(Self { keys: view(&self.keys)?, values: view(&self.values)? });
        }
        let rows: Vec<u32> = samples.iter().map(|&sample| sample as u32).collect();
        let rows = Tensor::new(rows, self.keys.device())?;
        let select = |x: &Tensor| x.contiguous()?.index_select(&rows, 0);
        Ok(Self { keys: select(&self.keys)?, values: select(&self.values)? })
    }

    /// Those of several batches as one.
    pub fn cat(batches: &[&Self]) -> Result<Self> {
        let cat = |of: fn(&Self) -> &Tensor| {
            Tensor::cat(&batches.iter().map(|batch| of(batch)).collect::<Vec<_>>(), 0)
        };
        Ok(Self { keys: cat(|batch| &batch.keys)?, values: cat(|batch| &batch.values)? })
    }
}

impl PostNormAttention {
    /// Reads `self.{query,key,value}` and `output.{dense,LayerNorm}` below `weights`; the keys
    /// and values come from tokens of `source_width`.
    ///
    /// # Errors
    /// If the heads do not divide the width, or a tensor is missing.
    pub fn load(
        width: usize,
        source_width: usize,
        heads: usize,
        ln_eps: f64,
        weights: &Weights,
    ) -> Result<Self> {
        if heads == 0 || !width.is_multiple_of(heads) {
            candle_core::bail!("{}: {heads} heads do not divide {width}", weights.prefix());
        }
        let (inner, output) = (weights.pp("self"), weights.pp("output"));
        Ok(Self {
            query: Linear::load(width, width, &inner.pp("query"))?,
            key: Linear::load(source_width, width, &inner.pp("key"))?,
            value: Linear::load(source_width, width, &inner.pp("value"))?,
            out: Linear::load(width, width, &output.pp("dense"))?,
            norm: LayerNorm::load(width, ln_eps, &output.pp("LayerNorm"))?,
            heads,
        })
    }

    /// What the queries will look at.
    ///
    /// # Shapes
    /// - `source`: `[B, S, source_width]`
    pub fn keys_values(&self, source: &Tensor) -> Result<KeysValues> {
        Ok(KeysValues {
            keys: self.key.forward(source)?,     // [B, S, D]
            values: self.value.forward(source)?, // [B, S, D]
        })
    }

    /// # Shapes
    /// - `x`: `[B, T, D]`, as is the result
    pub fn forward(&self, x: &Tensor, source: &KeysValues) -> Result<Tensor> {
        let queries = self.query.forward(x)?; // [B, T, D]
        let call = Attention {
            q: &queries,
            k: &source.keys,
            v: &source.values,
            scale: ((x.dim(2)? / self.heads) as f64).powf(-0.5),
            bias: Bias::None,
        };
        let mixed = ops::merged_attention(&call, self.heads)?; // [B, T, D]
        let mixed = self.out.forward(&mixed)?; // [B, T, D]
        self.norm.forward(&(mixed + x)?) // [B, T, D]
    }
}
