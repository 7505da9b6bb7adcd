//! Mask logits at the size of the original image.

use calico_nn::interpolate::bilinear;
use candle_core::{Result, Tensor};

/// Enlarges low-resolution logits to the size of the image that was asked about.
///
/// Two resizes, one to the input of SAM and, after the padding is cut off, one to the original:
/// upstream's result is that of both, so they are never merged into one.
///
/// # Shapes
/// - `logits`: `[M, h, w]`
/// - `side`: that of SAM's square input
/// - `resized`: height and width of the image within that input
/// - `original`: height `H` and width `W` of the image itself
/// - returns: `[M, H, W]`
///
/// # Errors
/// If the resized image is empty or larger than the input, or the original is empty.
pub fn logits_in_original(
    logits: &Tensor,
    side: usize,
    resized: [usize; 2],
    original: [usize; 2],
) -> Result<Tensor> {
    let ([height, width], [original_height, original_width]) = (resized, original);
    if height.max(width) > side || [height, width, original_height, original_width].contains(&0) {
        candle_core::bail!("{resized:?} of {side} pixels cannot become {original:?}");
    }
    let logits = logits.unsqueeze(0)?; // [1, M, h, w]
    let padded = bilinear(&logits, side, side)?; // [1, M, side, side]
    let cropped = padded.narrow(2, 0, height)?.narrow(3, 0, width)?; // [1, M, height, width]
    bilinear(&cropped, original_height, original_width)?.squeeze(0) // [M, H, W]
}
