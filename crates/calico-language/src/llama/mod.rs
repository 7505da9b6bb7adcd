//! LLaMA (arXiv 2302.13971), the decoder behind Vicuna.
//!
//! ```text
//! ids ── embed ──► [tap ► layer 0] ► [tap ► layer 1] ► … ► norm ── head ──► logits
//! ```
//!
//! A block may keep what it computed for the backward pass, or run again there ([`Learning`]).
//! Sequences of unequal length are read one after the other, without padding
//! ([`Llama::forward_packed`]).
//!
//! Weights are in the layout of transformers (`modeling_llama.py`): rotary channels half-split.

mod block;
mod config;
mod kv_cache;
mod learning;
mod rotation;
mod tap;

pub use config::{LlamaConfig, LoraConfig};
pub use kv_cache::KvCache;
pub use learning::Learning;
pub use tap::{LayerTap, NoTap};

use std::sync::Arc;

use block::{Block, Reach};
use calico_nn::weights::Init;
use calico_nn::{Linear, Recompute, RmsNorm, Weights, ops};
use candle_core::{DType, Device, Result, Tensor};
use rotation::{Rotation, Rotations};

/// Standard deviation of an untrained embedding table.
const EMBEDDING_STD: f64 = 0.02;

/// A LLaMA decoder.
#[derive(Debug, Clone)]
pub struct Llama {
    embed_tokens: Tensor,
    blocks: Vec<Arc<Block>>,
    norm: RmsNorm,
    lm_head: Linear,
    rotations: Arc<Rotations>,
    recompute: Option<Recompute>,
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
        Self::load_learning(config, weights, lora, &Learning::default())
    }

    /// As [`Llama::load`], for a model that learns.
    pub fn load_learning(
        config: &LlamaConfig,
        weights: &Weights,
        lora: Option<(&LoraConfig, &Weights)>,
        learning: &Learning,
    ) -> Result<Self> {
        let table = [config.vocab_size, config.width];
        let model = weights.pp("model");
        let embed_tokens = model.get(&table, "embed_tokens.weight", Init::std(EMBEDDING_STD))?;
        let blocks = (0..config.depth)
            .map(|layer| {
                let lora = lora.map(|(lora, weights)| (lora, weights.pp("layers").pp(layer)));
                let lora = lora.as_ref().map(|(lora, weights)| (*lora, weights));
                Block::load(config, &model.pp("layers").pp(layer), lora, learning).map(Arc::new)
            })
            .collect::<Result<_>>()?;
        let rotations = Rotations::new(config, embed_tokens.dtype(), embed_tokens.device());
        Ok(Self {
            embed_tokens,
            blocks,
            norm: RmsNorm::load(config.width, config.rms_eps, &model.pp("norm"))?,
            lm_head: Linear::load_without_bias(
                config.width,
                config.vocab_size,
                &weights.pp("lm_head"),
            )?,
            rotations: Arc::new(rotations),
            recompute: learning.recompute.clone(),
            config: config.clone(),
        })
    }

    /// The dimensions.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// An empty cache: in 16 bits where the weights themselves have fewer.
    pub fn cache(&self) -> KvCache {
        if self.lm_head.is_quantized() { KvCache::of_halves() } else { KvCache::new() }
    }

    /// The norm before the head.
    pub fn norm(&self) -> &RmsNorm {
        &self.norm
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        self.embed_tokens.device()
    }

    /// The type of the weights, and of what the model reads and returns.
    pub fn dtype(&self) -> DType {
        self.embed_tokens.dtype()
    }

    /// # Shapes
    /// - `ids`: `T` token ids
    /// - returns: `[1, T, D]`
    pub fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        ops::embedding(&self.embed_tokens, ids)?.unsqueeze(0)
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
        cache: Option<&mut KvCache>,
        tap: &dyn LayerTap,
    ) -> Result<Tensor> {
        let tokens = hidden.dim(1)?;
        let start = cache.as_ref().map_or(0, |cache| cache.len());
        self.check_context(start + tokens)?;
        let rotation = self.rotations.of_range(start, tokens)?;
        let Some(cache) = cache else {
            return self.through_layers(hidden, &rotation, None, tap);
        };
        let mut hidden = hidden.clone();
        for (layer, block) in self.blocks.iter().enumerate() {
            hidden = tap.before_layer(layer, hidden)?;
            hidden = block.forward(&hidden, &rotation, Reach::Cached(cache, layer))?;
        }
        cache.advance(tokens);
        self.norm.forward(&hidden)
    }

    /// Runs all layers and the final norm over sequences that lie one after the other: each
    /// begins at position 0, and sees nothing of the others.
    ///
    /// # Shapes
    /// - `hidden`: `[1, ΣT, D]`, embeddings
    /// - `lengths`: the `T` of each sequence
    /// - returns: `[1, ΣT, D]`, what enters the head
    ///
    /// # Errors
    /// If the lengths do not add up to the positions, or one of them is 0 or exceeds the context.
    pub fn forward_packed(
        &self,
        hidden: &Tensor,
        lengths: &[usize],
        tap: &dyn LayerTap,
    ) -> Result<Tensor> {
        let (batch, tokens, _) = hidden.dims3()?;
        // The lengths are checked before they are added up, so the sum cannot overflow.
        for &length in lengths {
            self.check_context(length)?;
        }
        if batch != 1 || lengths.contains(&0) || lengths.iter().sum::<usize>() != tokens {
            candle_core::bail!("{batch} x {tokens} positions are not sequences of {lengths:?}");
        }
        let rotation = self.rotations.packed(lengths)?;
        self.through_layers(hidden, &rotation, Some(lengths), tap)
    }

    /// All layers and the final norm, without a cache; `packed` are the lengths of sequences.
    fn through_layers(
        &self,
        hidden: &Tensor,
        rotation: &Rotation,
        packed: Option<&[usize]>,
        tap: &dyn LayerTap,
    ) -> Result<Tensor> {
        let mut hidden = hidden.clone();
        for (layer, block) in self.blocks.iter().enumerate() {
            // Outside of what is recomputed: a tap may hold tensors with a history of their own.
            hidden = tap.before_layer(layer, hidden)?;
            let (block, rotation) = (Arc::clone(block), rotation.clone());
            let packed: Option<Arc<[usize]>> = packed.map(Arc::from);
            let run = move |x: &Tensor| {
                let reach = packed.as_deref().map_or(Reach::Causal, Reach::Packed);
                block.forward(x, &rotation, reach)
            };
            hidden = match &self.recompute {
                Some(recompute) => recompute.run(&hidden, run)?,
                None => run(&hidden)?,
            };
        }
        self.norm.forward(&hidden)
    }

    fn check_context(&self, positions: usize) -> Result<()> {
        let context = self.config.max_positions;
        if positions > context {
            candle_core::bail!("{positions} positions exceed the context of {context}");
        }
        Ok(())
    }

    /// Scores of the next token.
    ///
    /// # Shapes
    /// - `hidden`: `[B, T, D]`, as [`Llama::forward`] returns it
    /// - returns: `[B, T, vocabulary]`
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        self.lm_head.forward(hidden)
    }
}
