//! The exact Gaussian error linear unit.

use std::f32::consts::FRAC_1_SQRT_2;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::erf::erf;
use super::{Values, by_pieces, exp, tensor, values};

/// The density of the standard normal distribution at zero.
const NORMAL_PEAK: f32 = 0.398_942_3;

/// See [`crate::ops::gelu`].
pub(crate) fn gelu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Gelu)
}

pub(super) struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let mut out = vec![0.0; x.len()];
        by_pieces(
            &mut out,
            1,
            #[inline(always)]
            |range, out| {
                for (y, x) in out.iter_mut().zip(&x[range]) {
                    *y = 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2));
                }
            },
        );
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let grad = grad.contiguous()?;
        let (xs, gs) = (Values::of(x)?, Values::of(&grad)?);
        let (xs, gs): (&[f32], &[f32]) = (&xs, &gs);
        let mut out = vec![0.0; xs.len()];
        by_pieces(
            &mut out,
            1,
            #[inline(always)]
            |range, out| {
                for (out, (x, g)) in out.iter_mut().zip(xs[range.clone()].iter().zip(&gs[range])) {
                    // d/dx x Φ(x) = Φ(x) + x φ(x)
                    let cumulative = 0.5 + 0.5 * erf(x * FRAC_1_SQRT_2);
                    let density = exp(x * x * -0.5) * NORMAL_PEAK;
                    *out = g * (cumulative + x * density);
                }
            },
        );
        tensor(out, x.shape(), x).map(Some)
    }
}
