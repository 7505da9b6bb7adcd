//! Dimensions of the tower.

use serde::{Deserialize, Serialize};

/// Dimensions of an [`EvaClip`](super::EvaClip) tower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaConfig {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Width of a token.
    pub width: usize,
    /// Attention heads of a block.
    pub num_heads: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Hidden width of a block's feed-forward layer.
    pub mlp_hidden: usize,
    /// Epsilon of every normalisation; 1e-6 by default.
    #[serde(default = "default_ln_eps")]
    pub ln_eps: f64,
    /// Side of the position table on file, in patches, where it is not that of `image_size`.
    /// The table is then resized once, at load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_grid: Option<usize>,
}

impl EvaConfig {
    /// Patches along a side of the input.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size.max(1)
    }

    /// Tokens of an image: the class token and the patches.
    pub fn num_tokens(&self) -> usize {
        1 + self.grid() * self.grid()
    }
}

fn default_ln_eps() -> f64 {
    1e-6
}
