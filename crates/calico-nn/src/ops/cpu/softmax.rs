//! Softmax over the last axis.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{Values, by_pieces, exp, highest, row_width, sum, sum_of_two, tensor, values};

/// See [`crate::ops::softmax`].
pub(crate) fn softmax(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Softmax)
}

pub(super) struct Softmax;

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let width = row_width(layout.shape());
        let mut out = vec![0.0; x.len()];
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                for (y, x) in out.chunks_exact_mut(width).zip(x[range].chunks_exact(width)) {
                    let highest = highest(x);
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = exp(x - highest);
                    }
                    let scale = sum(y).recip();
                    for y in y {
                        *y *= scale;
                    }
                }
            },
        );
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let grad = grad.contiguous()?;
        let (y, g) = (Values::of(y)?, Values::of(&grad)?);
        let width = row_width(x.shape());
        let mut out = vec![0.0; y.len()];
        let (y, g): (&[f32], &[f32]) = (&y, &g);
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                let rows = y[range.clone()].chunks_exact(width).zip(g[range].chunks_exact(width));
                for (out, (y, g)) in out.chunks_exact_mut(width).zip(rows) {
                    let along = sum_of_two(
                        y,
                        g,
                        #[inline(always)]
                        |y, g| y * g,
                    );
                    for (out, (y, g)) in out.iter_mut().zip(y.iter().zip(g)) {
                        *out = y * (g - along);
                    }
                }
            },
        );
        tensor(out, x.shape(), x).map(Some)
    }
}
