//! Binary cross-entropy of masks.

#![expect(clippy::inline_always, reason = "they must become part of the loop that calls them")]

use candle_core::{Result, Tensor};

use super::masks::{Masks, composed_parts};
use super::pixel_loss::{Pixel, PixelLoss, mean};
use crate::ops::cpu::on_cpu;

/// The mean over the pixels of each mask of the binary cross-entropy of `σ(logits)`
/// (`sigmoid_ce_loss` of LISA and GLaMM, before its sum over masks).
///
/// # Shapes
/// - `logits`: `[M, ...]`
/// - `targets`: as the logits, 0 or 1
/// - returns: `[M]`
///
/// # Errors
/// If the shapes differ, or masks have no pixels.
pub fn binary_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let masks = Masks::of(Entropy::NAME, logits, targets)?;
    if on_cpu(&masks.logits) && on_cpu(&masks.targets) {
        mean(Entropy, &masks)
    } else {
        composed(&masks)
    }
}

struct Entropy;

impl PixelLoss for Entropy {
    const NAME: &'static str = "binary-cross-entropy";

    #[inline(always)]
    fn value(&self, pixel: Pixel) -> f32 {
        pixel.entropy
    }

    #[inline(always)]
    fn slope(&self, Pixel { t, p, rest, .. }: Pixel) -> f32 {
        p * (1.0 - t) - rest * t
    }
}

pub(super) fn composed(masks: &Masks) -> Result<Tensor> {
    let [x, t] = masks.flat()?;
    let [_, _, above] = composed_parts(&x)?;
    (above - (x * t)?)?.mean(1)
}
