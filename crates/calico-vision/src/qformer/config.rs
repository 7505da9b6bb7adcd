//! Dimensions of the Q-Former.

use serde::{Deserialize, Serialize};

/// Dimensions of a [`QFormer`](super::QFormer).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QFormerConfig {
    /// Width of a query.
    pub width: usize,
    /// Attention heads of a layer.
    pub num_heads: usize,
    /// Number of layers.
    pub depth: usize,
    /// Hidden width of a layer's feed-forward part.
    pub ffn_hidden: usize,
    /// Queries per image. The queries themselves belong to the caller.
    pub num_queries: usize,
    /// Width of the image tokens.
    pub encoder_width: usize,
    /// Every so many layers look at the image, the first one included; 2 by default.
    #[serde(default = "default_cross_attention_frequency")]
    pub cross_attention_frequency: usize,
    /// Epsilon of every normalisation; 1e-12 by default.
    #[serde(default = "default_ln_eps")]
    pub ln_eps: f64,
}

impl QFormerConfig {
    /// Whether layer `layer`, counted from 0, looks at the image.
    pub fn looks_at_image(&self, layer: usize) -> bool {
        layer.is_multiple_of(self.cross_attention_frequency)
    }
}

fn default_cross_attention_frequency() -> usize {
    2
}

fn default_ln_eps() -> f64 {
    1e-12
}
