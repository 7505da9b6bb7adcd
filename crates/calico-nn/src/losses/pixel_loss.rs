//! Losses that are a mean over the pixels of a mask.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::masks::{Masks, fill, sums};
use crate::ops::cpu::{Values, exp, ln_1p, sum_in_blocks, tensor, values};

/// The loss of one pixel, as a function of its logit and target.
pub(super) trait PixelLoss: Send + Sync + 'static {
    /// For messages.
    const NAME: &'static str;

    /// Of the pixel: its loss.
    fn value(&self, pixel: Pixel) -> f32;

    /// Of the pixel: the derivative of its loss by the logit.
    fn slope(&self, pixel: Pixel) -> f32;
}

/// What losses of a pixel are made of.
#[derive(Clone, Copy)]
pub(super) struct Pixel {
    /// The target.
    pub(super) t: f32,
    /// `σ(x)`
    pub(super) p: f32,
    /// `1 - σ(x)`, without cancellation.
    pub(super) rest: f32,
    /// The binary cross-entropy, `-t ln σ(x) - (1 - t) ln(1 - σ(x))`.
    pub(super) entropy: f32,
}

impl Pixel {
    #[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
    #[inline(always)]
    fn of(x: f32, t: f32) -> Self {
        let small = exp(-x.abs());
        let (high, low) = (1.0 / (1.0 + small), small / (1.0 + small));
        let positive = x >= 0.0;
        let p = if positive { high } else { low };
        let rest = if positive { low } else { high };
        // NaN fails the comparison and comes through the logarithm.
        let above = if positive { x } else { 0.0 };
        Self { t, p, rest, entropy: above - x * t + ln_1p(small) }
    }
}

/// The mean of a loss over the pixels of each mask.
pub(super) fn mean<L: PixelLoss>(loss: L, masks: &Masks) -> Result<Tensor> {
    let (xs, ts) = (Values::of(&masks.logits)?, Values::of(&masks.targets)?);
    let found = sums(
        [&xs, &ts],
        masks.sizes,
        #[inline(always)]
        |x, t| {
            [sum_in_blocks(
                x.len(),
                #[inline(always)]
                |range, terms| {
                    for (term, (x, t)) in
                        terms.iter_mut().zip(x[range.clone()].iter().zip(&t[range]))
                    {
                        *term = loss.value(Pixel::of(*x, *t));
                    }
                },
            )]
        },
    );
    let [_, pixels] = masks.sizes;
    let means = found.iter().map(|[sum]| (sum / pixels as f64) as f32).collect();
    let (sizes, targets) = (masks.sizes, masks.targets.clone());
    masks.logits.apply_op1(Mean { loss, means, sizes, targets })
}

struct Mean<L> {
    loss: L,
    means: Vec<f32>,
    sizes: [usize; 2],
    targets: Tensor,
}

impl<L: PixelLoss> CustomOp1 for Mean<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        values(storage, layout)?;
        Ok((CpuStorage::F32(self.means.clone()), Shape::from(self.means.len())))
    }

    fn bwd(&self, logits: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !logits.track_op() {
            return Ok(None);
        }
        let grad = grad.to_vec1::<f32>()?;
        let (xs, ts) = (Values::of(logits)?, Values::of(&self.targets)?);
        let [_, pixels] = self.sizes;
        let out = fill(
            [&xs, &ts],
            self.sizes,
            #[inline(always)]
            |mask, [x, t], out| {
                let share = grad[mask] / pixels as f32;
                for (out, (x, t)) in out.iter_mut().zip(x.iter().zip(t)) {
                    *out = self.loss.slope(Pixel::of(*x, *t)) * share;
                }
            },
        );
        tensor(out, logits.shape(), logits).map(Some)
    }
}
