//! Q-Former (BLIP-2, arXiv 2301.12597), the query path: a few queries read an image.
//!
//! ```text
//! image tokens ── keys, values of every second layer ─┐ (once per image)
//! queries ── LN ── self-attention ── cross-attention ─┴─ feed-forward ── … ── answers
//! ```
//!
//! A BERT with the normalisation after each residual (`lavis/models/blip2_models/Qformer.py`).
//! Its text path is never used and is not loaded; dropout is never applied.
//!
//! Axes: `B` images, `Q` queries per image, `P` image tokens, `V` their width, `E` width here.

use calico_nn::{KeysValues, LayerNorm, Weights};
use candle_core::{Result, Tensor};

mod config;
mod layer;

pub use config::QFormerConfig;
pub use layer::{LayerKeysValues, QFormerLayer};

/// The query path of the Q-Former.
#[derive(Debug, Clone)]
pub struct QFormer {
    norm: LayerNorm,
    layers: Vec<QFormerLayer>,
}

/// What all layers see of a batch of images: made once, used by every pass over them.
#[derive(Debug, Clone)]
pub struct ImageKeysValues {
    layers: Vec<LayerKeysValues>,
    batch: usize,
}

impl QFormer {
    /// Reads `bert.embeddings.LayerNorm` and `bert.encoder.layer.{i}` below `weights`.
    ///
    /// # Errors
    /// If the heads do not divide the width, the cross-attention frequency is 0, or a tensor is
    /// missing.
    pub fn load(config: &QFormerConfig, weights: &Weights) -> Result<Self> {
        if config.cross_attention_frequency == 0 {
            candle_core::bail!("a Q-Former that never looks at the image is of no use");
        }
        let bert = weights.pp("bert");
        let layers = bert.pp("encoder.layer");
        let load_layer = |i| QFormerLayer::load(config, i, &layers.pp(i));
        Ok(Self {
            norm: LayerNorm::load(config.width, config.ln_eps, &bert.pp("embeddings.LayerNorm"))?,
            layers: (0..config.depth).map(load_layer).collect::<Result<_>>()?,
        })
    }

    /// The keys and values of a batch of images, for every layer that looks at them.
    ///
    /// # Shapes
    /// - `image_tokens`: `[B, P, V]`
    pub fn keys_values(&self, image_tokens: &Tensor) -> Result<ImageKeysValues> {
        let of_layer = |layer: &QFormerLayer| layer.keys_values(image_tokens);
        Ok(ImageKeysValues {
            layers: self.layers.iter().map(of_layer).collect::<Result<_>>()?,
            batch: image_tokens.dim(0)?,
        })
    }

    /// What the queries learn from the images.
    ///
    /// # Shapes
    /// - `queries`: `[B, Q, E]`, or `[1, Q, E]` for all images alike
    /// - returns: `[B, Q, E]`
    ///
    /// # Errors
    /// If `images` was made by another Q-Former.
    pub fn forward(&self, queries: &Tensor, images: &ImageKeysValues) -> Result<Tensor> {
        if images.layers.len() != self.layers.len() {
            candle_core::bail!("these image keys and values are of another Q-Former");
        }
        let embedded = self.embed(queries, images)?; // [B, Q, E]
        let mut layers = self.layers.iter().zip(&images.layers);
        layers.try_fold(embedded, |x, (layer, image)| layer.forward(&x, image)) // [B, Q, E]
    }

    /// The queries that enter the first layer, one set for each image.
    ///
    /// # Shapes
    /// - `queries`: `[B, Q, E]` or `[1, Q, E]`
    /// - returns: `[B, Q, E]`
    pub fn embed(&self, queries: &Tensor, images: &ImageKeysValues) -> Result<Tensor> {
        let (_, count, width) = queries.dims3()?;
        let queries = queries.broadcast_as((images.batch, count, width))?;
        self.norm.forward(&queries.contiguous()?) // [B, Q, E]
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[QFormerLayer] {
        &self.layers
    }
}

impl ImageKeysValues {
    /// Number of images.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The part of some of the images, in the given order; one may be chosen more than once.
    ///
    /// # Errors
    /// If there is no such image.
    pub fn select(&self, images: &[usize]) -> Result<Self> {
        if images.iter().copied().eq(0..self.batch) {
            return Ok(self.clone());
        }
        Ok(Self {
            layers: self.layers.iter().map(|layer| layer.select(images)).collect::<Result<_>>()?,
            batch: images.len(),
        })
    }

    /// Several batches of images as one.
    ///
    /// # Errors
    /// If there is none, or they were made by different Q-Formers.
    pub fn cat(batches: &[&Self]) -> Result<Self> {
        let Some(depth) = batches.first().map(|batch| batch.layers.len()) else {
            candle_core::bail!("there are no image keys and values to join");
        };
        let layers = (0..depth)
            .map(|layer| {
                let parts: Vec<_> =
                    batches.iter().filter_map(|batch| batch.layers.get(layer)).collect();
                if parts.len() != batches.len() {
                    candle_core::bail!("these image keys and values are of another Q-Former");
                }
                LayerKeysValues::cat(&parts)
            })
            .collect::<Result<_>>()?;
        Ok(Self { layers, batch: batches.iter().map(|batch| batch.batch).sum() })
    }

    /// Keys and values of each layer that looks at the images, first to last, `[B, P, E]` each.
    pub fn tensors(&self) -> Vec<[&Tensor; 2]> {
        self.layers.iter().filter_map(LayerKeysValues::tensors).collect()
    }

    /// The way back of [`ImageKeysValues::tensors`]; none if there are too few or too many.
    pub fn of_tensors(config: &QFormerConfig, tensors: Vec<[Tensor; 2]>) -> Option<Self> {
        let batch = tensors.first().and_then(|[keys, _]| keys.dim(0).ok())?;
        let mut tensors = tensors.into_iter();
        let layers = (0..config.depth)
            .map(|layer| {
                let looks = config.looks_at_image(layer);
                let keys_values = looks
                    .then(|| tensors.next())
                    .map(|found| found.map(|[keys, values]| KeysValues::new(keys, values)));
                Some(LayerKeysValues::new(match keys_values {
                    Some(found) => Some(found?),
                    None => None,
                }))
            })
            .collect::<Option<Vec<_>>>()?;
        tensors.next().is_none().then_some(Self { layers, batch })
    }

    /// The part of each layer, first to last.
    pub fn layers(&self) -> &[LayerKeysValues] {
        &self.layers
    }
}
