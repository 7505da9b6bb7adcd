//! The focal loss of masks.

#![expect(clippy::inline_always, reason = "they must become part of the loop that calls them")]

use candle_core::{Result, Tensor, bail};

use super::masks::{Masks, composed_parts};
use super::pixel_loss::{Pixel, PixelLoss, mean};
use crate::ops::cpu::on_cpu;

/// The mean over the pixels of each mask of `α_t (1 - p_t)^γ` times the binary cross-entropy,
/// where `p_t` is the share given to the right answer (arXiv 1708.02002, equation 5, as
/// `sigmoid_focal_loss` of DETR, before its sum over masks).
///
/// `alpha` weighs the pixels of the mask, `1 - alpha` those around it; below 0, none is weighed.
///
/// # Shapes
/// - `logits`: `[M, ...]`
/// - `targets`: as the logits, 0 or 1
/// - returns: `[M]`
///
/// # Errors
/// If the shapes differ, masks have no pixels, or `gamma` is negative or not a number.
pub fn focal(logits: &Tensor, targets: &Tensor, alpha: f64, gamma: f64) -> Result<Tensor> {
    if !(gamma >= 0.0 && gamma.is_finite() && alpha.is_finite()) {
        bail!("focal loss: expected a finite alpha and gamma from 0 on, found {alpha} and {gamma}");
    }
    let masks = Masks::of("focal loss", logits, targets)?;
    let weights = if alpha < 0.0 { [1.0, 1.0] } else { [alpha, 1.0 - alpha] };
    if !on_cpu(&masks.logits) || !on_cpu(&masks.targets) {
        return composed(&masks, weights, gamma);
    }
    let weights = weights.map(|weight| weight as f32);
    if (gamma - 2.0).abs() < f64::EPSILON {
        mean(Focal { weights, power: Square }, &masks)
    } else {
        mean(Focal { weights, power: Power(gamma as f32) }, &masks)
    }
}

/// How much less a pixel counts that is almost right.
trait Focus: Send + Sync + 'static {
    /// `γ`
    fn gamma(&self) -> f32;

    /// `q^γ`
    fn power(&self, q: f32) -> f32;
}

/// `γ = 2`, which needs no logarithm.
struct Square;

impl Focus for Square {
    #[inline(always)]
    fn gamma(&self) -> f32 {
        2.0
    }

    #[inline(always)]
    fn power(&self, q: f32) -> f32 {
        q * q
    }
}

/// Any other `γ`.
struct Power(f32);

impl Focus for Power {
    #[inline(always)]
    fn gamma(&self) -> f32 {
        self.0
    }

    #[inline(always)]
    fn power(&self, q: f32) -> f32 {
        q.powf(self.0)
    }
}

struct Focal<F> {
    /// Of the pixels of the mask, and of those around it.
    weights: [f32; 2],
    power: F,
}

impl<F: Focus> PixelLoss for Focal<F> {
    const NAME: &'static str = "focal";

    #[inline(always)]
    fn value(&self, Pixel { t, p, rest, entropy }: Pixel) -> f32 {
        let [inside, outside] = self.weights;
        let wrong = p * (1.0 - t) + rest * t; // 1 - p_t
        (inside * t + outside * (1.0 - t)) * self.power.power(wrong) * entropy
    }

    #[inline(always)]
    fn slope(&self, Pixel { t, p, rest, entropy }: Pixel) -> f32 {
        let [inside, outside] = self.weights;
        let wrong = p * (1.0 - t) + rest * t;
        let power = self.power.power(wrong);
        // d(q^γ) = γ q^γ / q dq, which goes to zero with the cross-entropy that it multiplies.
        let relative = if wrong == 0.0 { 0.0 } else { power / wrong };
        let by_power = self.power.gamma() * relative * (p * rest * (1.0 - 2.0 * t)) * entropy;
        let by_entropy = power * (p * (1.0 - t) - rest * t);
        (inside * t + outside * (1.0 - t)) * (by_power + by_entropy)
    }
}

pub(super) fn composed(masks: &Masks, weights: [f64; 2], gamma: f64) -> Result<Tensor> {
    let [x, t] = masks.flat()?;
    let [inside, outside] = weights;
    let [p, rest, above] = composed_parts(&x)?;
    let outer = t.affine(-1.0, 1.0)?;
    let wrong = ((p * &outer)? + (rest * &t)?)?;
    let weight = ((&t * inside)? + (outer * outside)?)?;
    let entropy = ((above - (x * t)?)? * weight)?;
    (entropy * wrong.powf(gamma)?)?.mean(1)
}
