//! LLaMA (arXiv 2302.13971), the decoder behind Vicuna.
//!
//! ```text
//! ids ── embed ──► [tap ► layer 0] ► [tap ► layer 1] ► … ► norm ── head ──► logits
//! ```
//!
//! Weights are in the layout of transformers (`modeling_llama.py`): rotary channels half-split.

mod block;
mod config;
mod kv_cache;
mod tap;

pub use config::{LlamaConfig, LoraConfig};
pub use kv_cache::KvCache;
pub use tap::{LayerTap, NoTap};

use block::{Block, Rotation};
use calico_nn::weights::Init;
use calico_nn::{Linear, RmsNorm, Weights};
use candle_core::{Device, Result, Tensor};

/// Standard deviation of an untrained embedding table.
const EMBEDDING_STD: f64 = 0.02;

/// A LLaMA decoder.
#[derive(Debug, Clone)]
pub struct Llama {
    embed_tokens: Tensor,
    blocks: Vec<Block>,
    norm: RmsNorm,
    lm_head: Linear,
    config: LlamaConfig,
}

impl Llama {
    /// Reads `model.*` and `lm_head.*` below `weights`, and the low-rank updates
    /// `layers.{i}.{q,v}.{a,b}` below the second of `lora` where there are any.
    pub fn load(
        config: &LlamaConfig,
        weights: &Weights,
        lora: Option<(&LoraConfig, &Weights)>,
    ) -> Result<Self> {
        let table = [config.vocab_size, config.width];
        let model = weights.pp("model");
        let embed_tokens = model.get(&table, "embed_tokens.weight", Init::std(EMBEDDING_STD))?;
        let blocks = (0..config.depth)
            .map(|layer| {
                let lora = lora.map(|(lora, weights)| (lora, weights.pp("layers").pp(layer)));
                let lora = lora.as_ref().map(|(lora, weights)| (*lora, weights));
                Block::load(config, &model.pp("layers").pp(layer), lora)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            embed_tokens,
            blocks,
            norm: RmsNorm::load(config.width, config.rms_eps, &model.pp("norm"))?,
            lm_head: Linear::load_without_bias(
                config.width,
                config.vocab_size,
                &weights.pp("lm_head"),
            )?,
            config: config.clone(),
        })
    }

    /// The dimensions.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The norm before the head.
    pub fn norm(&self) -> &RmsNorm {
        &self.norm
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        self.embed_tokens.device()
    }

    /// # Shapes
    /// - `ids`: `T` token ids
    /// - returns: `[1, T, D]`
    pub fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        let ids = Tensor::new(ids, self.device())?;
        self.embed_tokens.index_select(&ids, 0)?.unsqueeze(0)
    }

    /// Runs all layers and the final norm. With a cache, `hidden` continues the positions it
    /// holds, and the cache grows.
    ///
    /// # Shapes
    /// - `hidden`: `[B, T, D]`, embeddings
    /// - returns: `[B, T, D]`, what enters the head
    pub fn forward(
        &self,
        hidden: &Tensor,
        mut cache: Option<&mut KvCache>,
        tap: &dyn LayerTap,
    ) -> Result<Tensor> {
        let tokens = hidden.dim(1)?;
        let start = cache.as_ref().map_or(0, |cache| cache.len());
        let end = start + tokens;
        if end > self.config.max_positions {
            candle_core::bail!(
                "{end} positions exceed the context of {}",
                self.config.max_positions
            );
        }
        let rotation = self.rotation(start, tokens)?;
        let mut hidden = hidden.clone();
        for (layer, block) in self.blocks.iter().enumerate() {
            hidden = tap.before_layer(layer, hidden)?;
            let cache = cache.as_deref_mut().map(|cache| (cache, layer));
            hidden = block.forward(&hidden, &rotation, cache)?;
        }
        if let Some(cache) = cache {
            cache.advance(tokens);
        }
        self.norm.forward(&hidden)
    }

    /// Scores of the next token.
    ///
    /// # Shapes
    /// - `hidden`: `[B, T, D]`, as [`Llama::forward`] returns it
    /// - returns: `[B, T, vocabulary]`
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        self.lm_head.forward(hidden)
    }

    fn rotation(&self, start: usize, tokens: usize) -> Result<Rotation> {
        let half = self.config.head_width() / 2;
        let mut cos = Vec::with_capacity(tokens * half);
        let mut sin = Vec::with_capacity(tokens * half);
        for position in start..start + tokens {
            for pair in 0..half {
                // f32 throughout, as upstream: the angle is part of the trained function.
                let exponent = (2 * pair) as f32 / self.config.head_width() as f32;
                let frequency = (self.config.rope_theta as f32).powf(exponent).recip();
                let angle = position as f32 * frequency;
                cos.push(angle.cos());
                sin.push(angle.sin());
            }
        }
        let table = |values| Tensor::from_vec(values, (tokens, half), self.device());
        Ok(Rotation { cos: table(cos)?, sin: table(sin)? })
    }
}
