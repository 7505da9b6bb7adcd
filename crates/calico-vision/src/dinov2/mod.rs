//! DINOv2 (arXiv 2304.07193), with or without registers (arXiv 2309.16588): dense features.
//!
//! ```text
//! pixels ── patches ──(class token first)──(+ positions)──(registers second)── block × depth
//!                                                                                   │
//!                                  patch tokens ── drop class and registers ── LN ──┘
//! ```
//!
//! Names and arithmetic are those of the original repository
//! (`dinov2/models/vision_transformer.py`).
//!
//! Axes: `B` images, `T` tokens (class, `R` registers, `P` patches row by row), `D` width.

use calico_nn::interpolate::Bicubic;
use calico_nn::weights::Init;
use calico_nn::{LayerNorm, PatchEmbed, Weights};
use candle_core::{Result, Tensor};

use crate::patch_grid;

mod block;
mod config;

pub use block::DinoBlock;
pub use config::{DinoConfig, Facet, FeedForwardKind, InputSize, PositionInterpolation};

/// The DINOv2 vision tower, up to the block that is read.
#[derive(Debug, Clone)]
pub struct DinoV2 {
    patch_embed: PatchEmbed,
    /// `[1, 1, D]`
    class_token: Tensor,
    /// `[1, 1 + P, D]`, at the grid of the input
    positions: Tensor,
    /// `[1, R, D]`; registers have no position
    registers: Option<Tensor>,
    blocks: Vec<DinoBlock>,
    /// The block that is read; it follows `blocks`.
    last_block: DinoBlock,
    facet: Facet,
    norm: Option<LayerNorm>,
    /// Leading tokens that are not returned.
    dropped: usize,
}

impl DinoV2 {
    /// Reads `cls_token`, `pos_embed`, `register_tokens` where there are any,
    /// `patch_embed.proj`, `blocks.{i}` and `norm` below `weights`.
    ///
    /// `mask_token` and the blocks after the one that is read are asked for too, so that a
    /// checkpoint is always checked as a whole, but not kept.
    ///
    /// # Errors
    /// If a dimension does not divide another, there is no block `layer`, or a tensor is missing.
    pub fn load(config: &DinoConfig, weights: &Weights) -> Result<Self> {
        let &DinoConfig { width, patch_size, num_register_tokens, .. } = config;
        let token = Init::std(0.02);
        weights.get(&[1, width], "mask_token", Init::Zeros)?;
        let registers = match num_register_tokens {
            0 => None,
            count => Some(weights.get(&[1, count, width], "register_tokens", token)?),
        };
        let (blocks, last_block) = load_blocks(config, weights)?;
        let norm = LayerNorm::load(width, config.ln_eps, &weights.pp("norm"))?;
        let normalised = config.final_norm && config.facet == Facet::Token;
        let kept = config.keep_prefix_tokens;
        Ok(Self {
            patch_embed: PatchEmbed::load(width, patch_size, &weights.pp("patch_embed.proj"))?,
            class_token: weights.get(&[1, 1, width], "cls_token", token)?,
            positions: load_positions(config, weights)?,
            registers,
            blocks,
            last_block,
            facet: config.facet,
            norm: normalised.then_some(norm),
            dropped: if kept { 0 } else { config.num_prefix_tokens() },
        })
    }

    /// The features of a batch of images, as the config says: by default the patch tokens after
    /// the last block and the final normalisation.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`, the input size of the config, normalised
    /// - returns: `[B, P, D]`, or `[B, T, D]` with the prefix tokens
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let embedded = self.embed(pixels)?; // [B, T, D]
        let run = |x: Tensor, block: &DinoBlock| block.forward(&x);
        let x = self.blocks.iter().try_fold(embedded, run)?; // [B, T, D]
        let x = match self.facet {
            Facet::Token => self.last_block.forward(&x)?, // [B, T, D]
            Facet::Key => self.last_block.keys(&x)?,      // [B, T, D]
        };
        let x = x.narrow(1, self.dropped, x.dim(1)? - self.dropped)?; // [B, P, D]
        match &self.norm {
            Some(norm) => norm.forward(&x), // [B, P, D]
            None => Ok(x),
        }
    }

    /// The tokens that enter the first block.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`
    /// - returns: `[B, T, D]`
    pub fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let patches = self.patch_embed.forward(pixels)?.flatten(1, 2)?; // [B, P, D]
        let (batch, count, width) = patches.dims3()?;
        let class = self.class_token.broadcast_as((batch, 1, width))?; // [B, 1, D]
        let tokens = Tensor::cat(&[class, patches], 1)?; // [B, 1 + P, D]
        let tokens = tokens.broadcast_add(&self.positions)?; // [B, 1 + P, D]
        let Some(registers) = &self.registers else {
            return Ok(tokens);
        };
        let registers = registers.broadcast_as((batch, registers.dim(1)?, width))?; // [B, R, D]
        let (class, patches) = (tokens.narrow(1, 0, 1)?, tokens.narrow(1, 1, count)?);
        Tensor::cat(&[class, registers, patches], 1) // [B, T, D]
    }

    /// The blocks, first to last; the last is the one that is read.
    pub fn blocks(&self) -> impl Iterator<Item = &DinoBlock> {
        self.blocks.iter().chain([&self.last_block])
    }
}

/// The blocks before the one that is read, and that one.
fn load_blocks(config: &DinoConfig, weights: &Weights) -> Result<(Vec<DinoBlock>, DinoBlock)> {
    let &DinoConfig { depth, layer, .. } = config;
    let from_start = if layer < 0 { layer + depth as i64 } else { layer };
    let load_block = |i| DinoBlock::load(config, &weights.pp("blocks").pp(i));
    let mut blocks = (0..depth).map(load_block).collect::<Result<Vec<_>>>()?;
    if (0..depth as i64).contains(&from_start) {
        blocks.truncate(from_start as usize + 1);
        if let Some(last) = blocks.pop() {
            return Ok((blocks, last));
        }
    }
    candle_core::bail!("there is no block {layer} among {depth}");
}

/// The position table at the grid of the input, `[1, 1 + P, D]`.
fn load_positions(config: &DinoConfig, weights: &Weights) -> Result<Tensor> {
    let &DinoConfig { width, patch_size, stored_grid, .. } = config;
    let [height, columns] = config.input_size.height_width();
    let grid = [patch_grid::cells(height, patch_size)?, patch_grid::cells(columns, patch_size)?];
    let kind = match config.pos_interp {
        _ if config.num_register_tokens > 0 => Bicubic::Antialias,
        PositionInterpolation::Offset => Bicubic::Offset(0.1),
        PositionInterpolation::Size => Bicubic::Size,
    };
    let shape = [1, 1 + stored_grid * stored_grid, width];
    let table = weights.get(&shape, "pos_embed", Init::Grid { before: 1 })?;
    patch_grid::resize_positions(&table, [stored_grid; 2], grid, kind)
}
