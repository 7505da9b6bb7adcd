//! The Dice loss of masks.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::masks::{Masks, composed_parts, fill, sums};
use crate::ops::cpu::{Values, exp, on_cpu, sigmoid, sum, sum_in_blocks, tensor, values};

/// Divides every sum, as upstream does so that f16 holds them.
const SCALE: f64 = 1000.0;

/// Added above and below the line.
const EPS: f64 = 1e-6;

/// `1 - (2 Σpt/1000 + 1e-6) / (Σp/1000 + Σt/1000 + 1e-6)` of each mask, with `p = σ(logits)`
/// (`dice_loss` of LISA and GLaMM, before its sum over masks).
///
/// # Shapes
/// - `logits`: `[M, ...]`
/// - `targets`: as the logits, 0 or 1
/// - returns: `[M]`
///
/// # Errors
/// If the shapes differ, or masks have no pixels.
pub fn dice(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let masks = Masks::of("dice", logits, targets)?;
    if !on_cpu(&masks.logits) || !on_cpu(&masks.targets) {
        return composed(&masks);
    }
    let found = Dice::of(&masks)?;
    masks.logits.apply_op1(found)
}

struct Dice {
    /// What stands above and below the line, for each mask.
    fractions: Vec<[f64; 2]>,
    sizes: [usize; 2],
    targets: Tensor,
}

impl Dice {
    fn of(masks: &Masks) -> Result<Self> {
        let (xs, ts) = (Values::of(&masks.logits)?, Values::of(&masks.targets)?);
        let found = sums(
            [&xs, &ts],
            masks.sizes,
            #[inline(always)]
            |x, t| {
                let share = sum_in_blocks(
                    x.len(),
                    #[inline(always)]
                    |range, terms| {
                        for (term, x) in terms.iter_mut().zip(&x[range]) {
                            *term = sigmoid(*x);
                        }
                    },
                );
                let both = sum_in_blocks(
                    x.len(),
                    #[inline(always)]
                    |range, terms| {
                        let pixels = x[range.clone()].iter().zip(&t[range]);
                        for (term, (x, t)) in terms.iter_mut().zip(pixels) {
                            *term = sigmoid(*x) * t;
                        }
                    },
                );
                [both, share, sum(t)]
            },
        );
        let fraction = |[both, share, target]: &[f64; 3]| {
            [2.0 * both / SCALE + EPS, share / SCALE + target / SCALE + EPS]
        };
        let fractions = found.iter().map(fraction).collect();
        Ok(Self { fractions, sizes: masks.sizes, targets: masks.targets.clone() })
    }
}

impl CustomOp1 for Dice {
    fn name(&self) -> &'static str {
        "dice"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        values(storage, layout)?;
        let losses: Vec<f32> =
            self.fractions.iter().map(|[above, below]| (1.0 - above / below) as f32).collect();
        let shape = Shape::from(losses.len());
        Ok((CpuStorage::F32(losses), shape))
    }

    fn bwd(&self, logits: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !logits.track_op() {
            return Ok(None);
        }
        let grad = grad.to_vec1::<f32>()?;
        let (xs, ts) = (Values::of(logits)?, Values::of(&self.targets)?);
        let out = fill(
            [&xs, &ts],
            self.sizes,
            #[inline(always)]
            |mask, [x, t], out| {
                let ([above, below], grad) = (self.fractions[mask], f64::from(grad[mask]));
                // d/dp of 1 - above / below, with and without the target's share.
                let each = (above / (below * below) / SCALE * grad) as f32;
                let target = (-2.0 / below / SCALE * grad) as f32;
                for (out, (x, t)) in out.iter_mut().zip(x.iter().zip(t)) {
                    let small = exp(-x.abs());
                    let slope = small / ((1.0 + small) * (1.0 + small));
                    *out = (each + target * t) * slope;
                }
            },
        );
        tensor(out, logits.shape(), logits).map(Some)
    }
}

pub(super) fn composed(masks: &Masks) -> Result<Tensor> {
    let [x, t] = masks.flat()?;
    let [p, _, _] = composed_parts(&x)?;
    let scaled = |x: &Tensor| x.sum(1)? / SCALE;
    let above = ((scaled(&(&p * &t)?)? * 2.0)? + EPS)?;
    let below = ((scaled(&p)? + scaled(&t)?)? + EPS)?;
    (above / below)?.affine(-1.0, 1.0)
}
