//! Dimensions of a LLaMA.

use serde::{Deserialize, Serialize};

/// Dimensions of a LLaMA decoder (arXiv 2302.13971; names of transformers' `LlamaConfig`
/// shortened).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlamaConfig {
    /// Width `D` of the residual stream.
    pub width: usize,
    /// Decoder layers.
    pub depth: usize,
    /// Query heads; the head width is `width / num_heads`.
    pub num_heads: usize,
    /// Key and value heads; fewer than `num_heads` is grouped-query attention.
    pub num_kv_heads: usize,
    /// Width of the gated feed-forward layer.
    pub mlp_hidden: usize,
    /// Rows of the embedding table and of the head, added tokens included.
    pub vocab_size: usize,
    /// Longest sequence, image tokens included.
    pub max_positions: usize,
    /// Epsilon of all RMS norms: 1e-6 for LLaMA-1, 1e-5 for LLaMA-2.
    #[serde(default = "default_rms_eps")]
    pub rms_eps: f64,
    /// Base of the rotary frequencies.
    #[serde(default = "default_rope_theta")]
    pub rope_theta: f64,
}

fn default_rms_eps() -> f64 {
    1e-5
}

fn default_rope_theta() -> f64 {
    10_000.0
}

impl LlamaConfig {
    /// Width `K` of one head.
    pub fn head_width(&self) -> usize {
        self.width / self.num_heads.max(1)
    }

    /// What is wrong with these dimensions, one line each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.num_heads == 0 || !self.width.is_multiple_of(self.num_heads) {
            problems.push(format!("{} heads do not divide width {}", self.num_heads, self.width));
        } else if !self.head_width().is_multiple_of(2) {
            problems.push(format!("head width {} is odd; rotary needs pairs", self.head_width()));
        }
        if self.num_kv_heads == 0 || !self.num_heads.is_multiple_of(self.num_kv_heads) {
            let (kv, heads) = (self.num_kv_heads, self.num_heads);
            problems.push(format!("{kv} key heads do not divide {heads} query heads"));
        }
        problems
    }
}

/// Low-rank updates of the query and value projections (LoRA, arXiv 2106.09685).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraConfig {
    /// Rank of the update.
    pub rank: usize,
    /// The update is scaled by `alpha / rank`.
    pub alpha: f64,
}
