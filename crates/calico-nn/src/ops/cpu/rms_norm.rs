//! Root-mean-square normalisation over the last axis.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::{
    Values, by_pieces, by_pieces_with_sums, row_values, row_width, sum_of, sum_of_two, tensor,
    values,
};

/// See [`crate::ops::rms_norm`].
pub(crate) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&weight.contiguous()?, RmsNorm { eps: eps as f32 })
}

pub(super) struct RmsNorm {
    pub(super) eps: f32,
}

impl RmsNorm {
    /// One over the root of the mean square of a row.
    #[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
    #[inline(always)]
    fn scale(&self, x: &[f32]) -> f32 {
        let squares = sum_of(
            x,
            #[inline(always)]
            |x| x * x,
        );
        (squares / x.len() as f32 + self.eps).sqrt().recip()
    }

    /// The gradient of one row of `x`.
    #[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
    #[inline(always)]
    fn row_to_x(&self, x: &[f32], weight: &[f32], g: &[f32], out: &mut [f32]) {
        let scale = self.scale(x);
        for ((out, weight), g) in out.iter_mut().zip(weight).zip(g) {
            *out = g * weight;
        }
        let along = sum_of_two(
            x,
            out,
            #[inline(always)]
            |x, g| x * g,
        );
        let along = along / x.len() as f32 * scale * scale;
        for (out, x) in out.iter_mut().zip(x) {
            *out = (*out - x * along) * scale;
        }
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = x_layout.shape();
        let x = values(x, x_layout)?;
        let weight = row_values(weight, weight_layout, shape)?;
        let width = row_width(shape);
        let mut out = vec![0.0; x.len()];
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                for (y, x) in out.chunks_exact_mut(width).zip(x[range].chunks_exact(width)) {
                    let scale = self.scale(x);
                    for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
                        *y = x * scale * weight;
                    }
                }
            },
        );
        Ok((CpuStorage::F32(out), shape.clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (xs, ws, gs) = (Values::of(x)?, Values::of(weight)?, Values::of(&grad)?);
        let (xs, ws, gs): (&[f32], &[f32], &[f32]) = (&xs, &ws, &gs);
        let width = row_width(x.shape());
        let mut out = x.track_op().then(|| vec![0.0; xs.len()]);
        if !weight.track_op() {
            if let Some(out) = &mut out {
                by_pieces(
                    out,
                    width,
                    #[inline(always)]
                    |range, out| {
                        let rows = xs[range.clone()].chunks_exact(width);
                        let rows = rows.zip(gs[range].chunks_exact(width));
                        for (out, (x, g)) in out.chunks_exact_mut(width).zip(rows) {
                            self.row_to_x(x, ws, g, out);
                        }
                    },
                );
            }
            return Ok((out.map(|out| tensor(out, x.shape(), x)).transpose()?, None));
        }
        let sizes = [xs.len(), width, width];
        let sums = by_pieces_with_sums(
            out.as_deref_mut(),
            sizes,
            #[inline(always)]
            |range, out, sums| {
                let rows = xs[range.clone()].chunks_exact(width).zip(gs[range].chunks_exact(width));
                for (i, (x, g)) in rows.enumerate() {
                    let scale = self.scale(x);
                    for ((sum, x), g) in sums.iter_mut().zip(x).zip(g) {
                        *sum += g * (x * scale);
                    }
                    if let Some(out) = out.get_mut(i * width..(i + 1) * width) {
                        self.row_to_x(x, ws, g, out);
                    }
                }
            },
        );
        let to_x = out.map(|out| tensor(out, x.shape(), x)).transpose()?;
        Ok((to_x, Some(tensor(sums, weight.shape(), x)?)))
    }
}
