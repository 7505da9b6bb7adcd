//! The patch embedding of the vision transformers.

use candle_core::{Result, Tensor};

use crate::ops;
use crate::weights::{Init, Weights};

/// A convolution whose stride is its kernel size, as one matrix product over the patches.
#[derive(Debug, Clone)]
pub struct PatchEmbed {
    /// `[D, 3 · patch · patch]`
    weight: Tensor,
    bias: Tensor,
    patch: usize,
}

impl PatchEmbed {
    /// Reads `weight` `[D, 3, patch, patch]` and `bias` `[D]` below `weights`.
    pub fn load(width: usize, patch: usize, weights: &Weights) -> Result<Self> {
        let inner = 3 * patch * patch;
        let weight = weights.get(&[width, 3, patch, patch], "weight", Init::fan_in(inner))?;
        Ok(Self {
            weight: weight.reshape((width, inner))?,
            bias: weights.get(&[width], "bias", Init::Zeros)?,
            patch,
        })
    }

    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`, both multiples of the patch size
    /// - returns: `[B, h, w, D]` with `h = H / patch`, `w = W / patch`
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = pixels.dims4()?;
        let patch = self.patch;
        if height % patch != 0 || width % patch != 0 {
            candle_core::bail!(
                "an image of {width}x{height} pixels has no whole {patch}-pixel patches"
            );
        }
        let (rows, columns) = (height / patch, width / patch);
        let patches = pixels
            .reshape(vec![batch, channels, rows, patch, columns, patch])?
            .permute(vec![0, 2, 4, 1, 3, 5])? // [B, h, w, 3, patch, patch]
            .reshape((batch, rows, columns, channels * patch * patch))?;
        ops::linear(&patches, &self.weight, Some(&self.bias))
    }
}
