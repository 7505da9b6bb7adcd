//! The grid of patches that a vision transformer lays over an image.

use calico_nn::interpolate::{self, Bicubic};
use candle_core::{DType, Result, Tensor};

/// Number of whole patches along a side of `pixels`.
pub(crate) fn cells(pixels: usize, patch_size: usize) -> Result<usize> {
    if patch_size == 0 || pixels == 0 || !pixels.is_multiple_of(patch_size) {
        candle_core::bail!("{pixels} pixels are not a whole number of {patch_size}-pixel patches");
    }
    Ok(pixels / patch_size)
}

/// Resizes a table of positions to another grid in f32, its first row (the class token) kept.
///
/// # Shapes
/// - `table`: `[1, 1 + h w, D]`, row-major grid
/// - returns: `[1, 1 + h' w', D]`
pub(crate) fn resize_positions(
    table: &Tensor,
    from: [usize; 2],
    to: [usize; 2],
    kind: Bicubic,
) -> Result<Tensor> {
    if from == to {
        return Ok(table.clone());
    }
    let class = table.narrow(1, 0, 1)?; // [1, 1, D]
    let patches = table.narrow(1, 1, from[0] * from[1])?.to_dtype(DType::F32)?; // [1, h w, D]
    let patches = interpolate::bicubic_grid(&patches, from, to, kind)?; // [1, h' w', D]
    Tensor::cat(&[class, patches.to_dtype(table.dtype())?], 1)
}
