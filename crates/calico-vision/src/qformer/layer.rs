//! One layer of the query path.

use calico_nn::{KeysValues, PostNormAttention, PostNormFeedForward, Weights};
use candle_core::{Result, Tensor};

use super::QFormerConfig;

/// Self-attention of the queries, a look at the image in some layers, a feed-forward part.
#[derive(Debug, Clone)]
pub struct QFormerLayer {
    self_attention: PostNormAttention,
    cross_attention: Option<PostNormAttention>,
    feed_forward: PostNormFeedForward,
}

/// The keys and values of the image for one layer; none where the layer does not look at it.
#[derive(Debug, Clone)]
pub struct LayerKeysValues(Option<KeysValues>);

impl LayerKeysValues {
    /// Those of a layer that looks at the image, or of one that does not.
    pub(super) fn new(keys_values: Option<KeysValues>) -> Self {
        Self(keys_values)
    }

    /// Keys and values, where the layer looks at the image.
    pub(super) fn tensors(&self) -> Option<[&Tensor; 2]> {
        self.0.as_ref().map(KeysValues::tensors)
    }

    /// Those of some of the images, in the given order.
    pub(super) fn select(&self, images: &[usize]) -> Result<Self> {
        Ok(Self(self.0.as_ref().map(|keys_values| keys_values.select(images)).transpose()?))
    }

    /// Those of several batches of images as one.
    pub(super) fn cat(batches: &[&Self]) -> Result<Self> {
        let parts: Vec<_> = batches.iter().filter_map(|batch| batch.0.as_ref()).collect();
        if parts.is_empty() {
            return Ok(Self(None));
        }
        if parts.len() != batches.len() {
            candle_core::bail!("these image keys and values are of different layers");
        }
        Ok(Self(Some(KeysValues::cat(&parts)?)))
    }
}

impl QFormerLayer {
    /// Reads `attention`, `crossattention` where layer `index` looks at the image,
    /// `intermediate_query` and `output_query` below `weights`.
    pub fn load(config: &QFormerConfig, index: usize, weights: &Weights) -> Result<Self> {
        let &QFormerConfig { width, num_heads, ffn_hidden, encoder_width, ln_eps, .. } = config;
        let load = |name, source| {
            PostNormAttention::load(width, source, num_heads, ln_eps, &weights.pp(name))
        };
        let cross = config.looks_at_image(index);
        let names = ["intermediate_query", "output_query"];
        Ok(Self {
            self_attention: load("attention", width)?,
            cross_attention: cross.then(|| load("crossattention", encoder_width)).transpose()?,
            feed_forward: PostNormFeedForward::load(width, ffn_hidden, ln_eps, names, weights)?,
        })
    }

    /// What this layer sees of the image.
    ///
    /// # Shapes
    /// - `image_tokens`: `[B, P, V]`
    pub fn keys_values(&self, image_tokens: &Tensor) -> Result<LayerKeysValues> {
        let cross = self.cross_attention.as_ref();
        let keys_values = cross.map(|cross| cross.keys_values(image_tokens)).transpose()?;
        Ok(LayerKeysValues(keys_values))
    }

    /// # Shapes
    /// - `x`: `[B, Q, E]`, as is the result
    ///
    /// # Errors
    /// If `image` was made by a layer of the other kind.
    pub fn forward(&self, x: &Tensor, image: &LayerKeysValues) -> Result<Tensor> {
        let own = self.self_attention.keys_values(x)?;
        let x = self.self_attention.forward(x, &own)?; // [B, Q, E]
        let x = match (&self.cross_attention, &image.0) {
            (Some(cross), Some(image)) => cross.forward(&x, image)?, // [B, Q, E]
            (None, None) => x,
            _ => candle_core::bail!("these image keys and values are of another layer"),
        };
        self.feed_forward.forward(&x) // [B, Q, E]
    }
}
