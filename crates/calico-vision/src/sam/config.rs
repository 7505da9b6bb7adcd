//! Dimensions of the three parts.

use serde::{Deserialize, Serialize};

/// Dimensions of SAM: [`ImageEncoder`](super::ImageEncoder),
/// [`PromptEncoder`](super::PromptEncoder) and [`MaskDecoder`](super::MaskDecoder).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamConfig {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Width of the image embedding, the prompts and the mask decoder.
    pub width: usize,
    /// The image encoder.
    pub encoder: ImageEncoderConfig,
    /// The prompt encoder.
    pub prompt: PromptEncoderConfig,
    /// The mask decoder.
    pub decoder: MaskDecoderConfig,
}

/// Dimensions of the image encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageEncoderConfig {
    /// Width of a token.
    pub width: usize,
    /// Attention heads of a block.
    pub num_heads: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Hidden width of a block's feed-forward layer.
    pub mlp_hidden: usize,
    /// Side of an attention window, in patches.
    pub window_size: usize,
    /// The blocks, counted from 0, whose attention spans the whole image.
    pub global_blocks: Vec<usize>,
    /// Epsilon of the blocks' normalisations; 1e-6 by default.
    #[serde(default = "one_millionth")]
    pub ln_eps: f64,
    /// Epsilon of the neck's normalisations; 1e-6 by default.
    #[serde(default = "one_millionth")]
    pub neck_ln_eps: f64,
}

/// Dimensions of the prompt encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptEncoderConfig {
    /// Channels of a mask prompt on its way to the width of the image embedding.
    pub mask_channels: usize,
}

/// Dimensions of the mask decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskDecoderConfig {
    /// Layers of the two-way transformer.
    pub depth: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Width inside the attentions between tokens and image.
    pub cross_width: usize,
    /// Hidden width of a layer's feed-forward part.
    pub mlp_hidden: usize,
    /// Hidden width of the head that predicts the quality of a mask.
    pub iou_hidden: usize,
    /// Masks per prompt, the first of which is used; 4 by default.
    #[serde(default = "default_num_mask_tokens")]
    pub num_mask_tokens: usize,
    /// Epsilon of `norm1` to `norm4`; 1e-5 by default (transformers' SAM: 1e-6).
    #[serde(default = "hundred_thousandth")]
    pub ln_eps: f64,
    /// Epsilon of `norm_final_attn`; 1e-5 by default.
    #[serde(default = "hundred_thousandth")]
    pub final_ln_eps: f64,
    /// Epsilon of the normalisation between the two enlargements; 1e-6 by default.
    #[serde(default = "one_millionth")]
    pub upscaling_ln_eps: f64,
}

impl SamConfig {
    /// Patches along a side of the input, and cells along a side of the image embedding.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size.max(1)
    }
}

fn default_num_mask_tokens() -> usize {
    4
}

fn one_millionth() -> f64 {
    1e-6
}

fn hundred_thousandth() -> f64 {
    1e-5
}
