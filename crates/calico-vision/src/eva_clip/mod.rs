//! EVA-CLIP's vision transformer (arXiv 2303.15389), the tower that the Q-Former reads.
//!
//! ```text
//! pixels ── patches ──(class token first)──(+ positions)── block × depth ── tokens
//! ```
//!
//! This is the ViT-g of LAVIS and BLIP-2 (`lavis/models/eva_vit.py`): no norm before or after the
//! blocks, an exact GELU, no bias for the keys. Its final normalisation, `ln_vision`, belongs to
//! the Q-Former's checkpoint and is not part of the tower.
//!
//! Axes: `B` images, `T` tokens (the class token, then `P` patches row by row), `V` width.

use calico_nn::interpolate::Bicubic;
use calico_nn::weights::Init;
use calico_nn::{PatchEmbed, Weights};
use candle_core::{Result, Tensor};

use crate::patch_grid;

mod block;
mod config;

pub use block::EvaBlock;
pub use config::EvaConfig;

/// The EVA-CLIP vision tower.
#[derive(Debug, Clone)]
pub struct EvaClip {
    patch_embed: PatchEmbed,
    /// `[1, 1, V]`
    class_token: Tensor,
    /// `[1, T, V]`, at the grid of the input
    positions: Tensor,
    blocks: Vec<EvaBlock>,
}

impl EvaClip {
    /// Reads `cls_token`, `pos_embed`, `patch_embed.proj` and `blocks.{i}` below `weights`.
    ///
    /// # Errors
    /// If a dimension does not divide another, or a tensor is missing.
    pub fn load(config: &EvaConfig, weights: &Weights) -> Result<Self> {
        let &EvaConfig { width, patch_size, .. } = config;
        let grid = patch_grid::cells(config.image_size, patch_size)?;
        let stored = config.stored_grid.unwrap_or(grid);
        let token = Init::std(0.02);
        let places = Init::Grid { before: 1 };
        let table = weights.get(&[1, 1 + stored * stored, width], "pos_embed", places)?;
        let load_block = |i| EvaBlock::load(config, &weights.pp("blocks").pp(i));
        Ok(Self {
            patch_embed: PatchEmbed::load(width, patch_size, &weights.pp("patch_embed.proj"))?,
            class_token: weights.get(&[1, 1, width], "cls_token", token)?,
            positions: patch_grid::resize_positions(&table, [stored; 2], [grid; 2], Bicubic::Size)?,
            blocks: (0..config.depth).map(load_block).collect::<Result<_>>()?,
        })
    }

    /// The tokens of a batch of images.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`, both the image size of the config, normalised
    /// - returns: `[B, T, V]`, before `ln_vision`
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let embedded = self.embed(pixels)?; // [B, T, V]
        let run = |x: Tensor, block: &EvaBlock| block.forward(&x);
        self.blocks.iter().try_fold(embedded, run)
    }

    /// The tokens that enter the first block.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`
    /// - returns: `[B, T, V]`
    pub fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let patches = self.patch_embed.forward(pixels)?.flatten(1, 2)?; // [B, P, V]
        let (batch, _, width) = patches.dims3()?;
        let class = self.class_token.broadcast_as((batch, 1, width))?; // [B, 1, V]
        Tensor::cat(&[class, patches], 1)?.broadcast_add(&self.positions) // [B, T, V]
    }

    /// The blocks, first to last.
    pub fn blocks(&self) -> &[EvaBlock] {
        &self.blocks
    }
}
