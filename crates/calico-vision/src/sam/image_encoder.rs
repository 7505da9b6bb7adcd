//! SAM's image encoder: a vision transformer with windowed attention (arXiv 2203.16527).
//!
//! ```text
//! pixels ── patches ──(+ positions)── block × depth ── 1x1 ── LN ── 3x3 ── LN ── embedding
//! ```
//!
//! Most blocks attend within windows, a few across the whole map
//! (`segment_anything/modeling/image_encoder.py`).
//!
//! Axes: `B` images, `g g` the map of patches, `D` width of a token, `C` of the embedding.

use calico_nn::weights::Init;
use calico_nn::{FusedAttention, KeyBias, LayerNorm, Mlp, PatchEmbed, Weights, ops};
use candle_core::{DType, Result, Tensor};

use super::{ImageEncoderConfig, SamConfig};
use crate::patch_grid;

/// SAM's image encoder.
#[derive(Debug, Clone)]
pub struct ImageEncoder {
    patch_embed: PatchEmbed,
    /// `[1, g, g, D]`
    positions: Tensor,
    blocks: Vec<ImageEncoderBlock>,
    neck: Neck,
}

impl ImageEncoder {
    /// Reads `patch_embed.proj`, `pos_embed`, `blocks.{i}` and `neck.{0..3}` below `weights`.
    ///
    /// # Errors
    /// If a dimension does not divide another, or a tensor is missing.
    pub fn load(config: &SamConfig, weights: &Weights) -> Result<Self> {
        let &SamConfig { patch_size, image_size, .. } = config;
        let (encoder, patch_embed) = (&config.encoder, weights.pp("patch_embed.proj"));
        let grid = patch_grid::cells(image_size, patch_size)?;
        let shape = [1, grid, grid, encoder.width];
        let load_block = |i: usize| {
            let window = (!encoder.global_blocks.contains(&i)).then_some(encoder.window_size);
            ImageEncoderBlock::load(encoder, grid, window, &weights.pp("blocks").pp(i))
        };
        Ok(Self {
            patch_embed: PatchEmbed::load(encoder.width, patch_size, &patch_embed)?,
            positions: weights.get(&shape, "pos_embed", Init::Grid { before: 0 })?,
            blocks: (0..encoder.depth).map(load_block).collect::<Result<_>>()?,
            neck: Neck::load(config, &weights.pp("neck"))?,
        })
    }

    /// The embedding of a batch of images.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`, both the image size of the config, normalised and padded
    /// - returns: `[B, C, g, g]`
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let embedded = self.embed(pixels)?; // [B, g, g, D]
        let run = |x: Tensor, block: &ImageEncoderBlock| block.forward(&x);
        let x = self.blocks.iter().try_fold(embedded, run)?; // [B, g, g, D]
        self.neck.forward(&x) // [B, C, g, g]
    }

    /// The map that enters the first block.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`
    /// - returns: `[B, g, g, D]`
    pub fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        self.patch_embed.forward(pixels)?.broadcast_add(&self.positions)
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[ImageEncoderBlock] {
        &self.blocks
    }
}

/// A pre-norm block; its attention sees a window, or the whole map.
#[derive(Debug, Clone)]
pub struct ImageEncoderBlock {
    attention_norm: LayerNorm,
    attention: FusedAttention,
    /// `[2 side - 1, K]` for rows and for columns, by distance (arXiv 2112.01526)
    position_tables: [Tensor; 2],
    window: Option<usize>,
    mlp_norm: LayerNorm,
    mlp: Mlp,
}

impl ImageEncoderBlock {
    /// Reads `norm1`, `attn` with `rel_pos_h` and `rel_pos_w`, `norm2` and `mlp` below `weights`,
    /// for maps of `grid` by `grid` tokens; without a `window` the attention sees all of them.
    pub fn load(
        config: &ImageEncoderConfig,
        grid: usize,
        window: Option<usize>,
        weights: &Weights,
    ) -> Result<Self> {
        let &ImageEncoderConfig { width, num_heads, mlp_hidden, ln_eps, .. } = config;
        let side = window.unwrap_or(grid);
        if side == 0 || num_heads == 0 {
            candle_core::bail!("{}: the window and the heads must not be 0", weights.prefix());
        }
        let attention = weights.pp("attn");
        let table = |name| attention.get(&[2 * side - 1, width / num_heads], name, Init::Zeros);
        Ok(Self {
            attention_norm: LayerNorm::load(width, ln_eps, &weights.pp("norm1"))?,
            attention: FusedAttention::load(width, num_heads, KeyBias::Present, &attention)?,
            position_tables: [table("rel_pos_h")?, table("rel_pos_w")?],
            window,
            mlp_norm: LayerNorm::load(width, ln_eps, &weights.pp("norm2"))?,
            mlp: Mlp::load(width, mlp_hidden, ["lin1", "lin2"], &weights.pp("mlp"))?,
        })
    }

    /// # Shapes
    /// - `x`: `[B, g, g, D]`, as is the result
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = self.attention_norm.forward(x)?; // [B, g, g, D]
        let mixed = match self.window {
            Some(window) => {
                let windows = ops::split_windows(&normed, window)?; // [B n, window, window, D]
                ops::join_windows(&self.attend(&windows)?, [x.dim(1)?, x.dim(2)?])? // [B, g, g, D]
            }
            None => self.attend(&normed)?, // [B, g, g, D]
        };
        let x = (x + mixed)?; // [B, g, g, D]
        let updated = self.mlp.forward(&self.mlp_norm.forward(&x)?)?; // [B, g, g, D]
        x + updated
    }

    /// # Shapes
    /// - `map`: `[B, side, side, D]`, as is the result
    fn attend(&self, map: &Tensor) -> Result<Tensor> {
        let tables = self.position_tables.each_ref();
        let mixed = self.attention.forward_on_grid(&map.flatten(1, 2)?, tables)?; // [B, T, D]
        mixed.reshape(map.dims())
    }
}

/// Two convolutions that bring the map to the width of the decoder.
#[derive(Debug, Clone)]
struct Neck {
    /// `[C, D]`, a 1x1 convolution
    narrow: Tensor,
    narrow_norm: LayerNorm,
    /// `[C, C, 3, 3]`
    smooth: Tensor,
    smooth_norm: LayerNorm,
}

impl Neck {
    fn load(config: &SamConfig, weights: &Weights) -> Result<Self> {
        let (out, inner, eps) = (config.width, config.encoder.width, config.encoder.neck_ln_eps);
        let narrow = weights.get(&[out, inner, 1, 1], "0.weight", Init::fan_in(inner))?;
        Ok(Self {
            narrow: narrow.reshape((out, inner))?,
            narrow_norm: LayerNorm::load(out, eps, &weights.pp("1"))?,
            smooth: weights.get(&[out, out, 3, 3], "2.weight", Init::fan_in(9 * out))?,
            smooth_norm: LayerNorm::load(out, eps, &weights.pp("3"))?,
        })
    }

    /// # Shapes
    /// - `x`: `[B, g, g, D]`
    /// - returns: `[B, C, g, g]`
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.narrow_norm.forward(&ops::linear(x, &self.narrow, None)?)?; // [B, g, g, C]
        let x = x.permute((0, 3, 1, 2))?.contiguous()?; // [B, C, g, g]
        // In f32: candle has no such convolution in bf16 on the CPU, and f16 overflows here.
        let (dtype, smooth) = (x.dtype(), self.smooth.to_dtype(DType::F32)?);
        let x = ops::convolution(&x.to_dtype(DType::F32)?, &smooth, 1)?; // [B, C, g, g]
        let x = x.to_dtype(dtype)?;
        let x = self.smooth_norm.forward(&x.permute((0, 2, 3, 1))?.contiguous()?)?; // [B, g, g, C]
        x.permute((0, 3, 1, 2))?.contiguous() // [B, C, g, g]
    }
}
