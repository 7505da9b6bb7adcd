//! Layer normalisation over the last axis.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{
    Values, by_pieces, by_pieces_with_sums, row_values, row_width, sum, sum_of, sum_of_two, tensor,
    values,
};

/// See [`crate::ops::layer_norm`].
pub(crate) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    let op = LayerNorm { eps: eps as f32 };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, op)
}

pub(super) struct LayerNorm {
    pub(super) eps: f32,
}

impl LayerNorm {
    /// The mean of a row, and one over its standard deviation.
    #[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
    #[inline(always)]
    fn mean_and_scale(&self, x: &[f32]) -> (f32, f32) {
        let count = x.len() as f32;
        let mean = sum(x) / count;
        let squares = sum_of(
            x,
            #[inline(always)]
            |x| (x - mean) * (x - mean),
        );
        (mean, (squares / count + self.eps).sqrt().recip())
    }

    /// The gradient of one row of `x`.
    #[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
    #[inline(always)]
    fn row_to_x(&self, x: &[f32], weight: &[f32], g: &[f32], out: &mut [f32]) {
        let (mean, scale) = self.mean_and_scale(x);
        for ((out, weight), g) in out.iter_mut().zip(weight).zip(g) {
            *out = g * weight;
        }
        let count = x.len() as f32;
        let inner = sum(out) / count;
        let along = sum_of_two(
            x,
            out,
            #[inline(always)]
            |x, g| g * (x - mean),
        );
        let along = along / count * scale * scale;
        for (out, x) in out.iter_mut().zip(x) {
            *out = (*out - inner - (x - mean) * along) * scale;
        }
    }

    /// Adds one row's share to the gradients of weight and bias, which lie one after the other.
    #[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
    #[inline(always)]
    fn add_row(&self, x: &[f32], g: &[f32], sums: &mut [f32]) {
        let (mean, scale) = self.mean_and_scale(x);
        let (weight, bias) = sums.split_at_mut(x.len());
        for (((weight, bias), x), g) in weight.iter_mut().zip(bias).zip(x).zip(g) {
            *weight += g * ((x - mean) * scale);
            *bias += g;
        }
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = x_layout.shape();
        let x = values(x, x_layout)?;
        let weight = row_values(weight, weight_layout, shape)?;
        let bias = row_values(bias, bias_layout, shape)?;
        let width = row_width(shape);
        let mut out = vec![0.0; x.len()];
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                for (y, x) in out.chunks_exact_mut(width).zip(x[range].chunks_exact(width)) {
                    let (mean, scale) = self.mean_and_scale(x);
                    for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                        *y = (x - mean) * scale * weight + bias;
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
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (xs, ws, gs) = (Values::of(x)?, Values::of(weight)?, Values::of(&grad)?);
        let (xs, ws, gs): (&[f32], &[f32], &[f32]) = (&xs, &ws, &gs);
        let width = row_width(x.shape());
        let mut out = x.track_op().then(|| vec![0.0; xs.len()]);
        if !weight.track_op() && !bias.track_op() {
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
            let to_x = out.map(|out| tensor(out, x.shape(), x)).transpose()?;
            return Ok((to_x, None, None));
        }
        let sizes = [xs.len(), width, 2 * width];
        let mut sums = by_pieces_with_sums(
            out.as_deref_mut(),
            sizes,
            #[inline(always)]
            |range, out, sums| {
                let rows = xs[range.clone()].chunks_exact(width).zip(gs[range].chunks_exact(width));
                for (i, (x, g)) in rows.enumerate() {
                    self.add_row(x, g, sums);
                    if let Some(out) = out.get_mut(i * width..(i + 1) * width) {
                        self.row_to_x(x, ws, g, out);
                    }
                }
            },
        );
        let to_bias = sums.split_off(width);
        Ok((
            out.map(|out| tensor(out, x.shape(), x)).transpose()?,
            weight.track_op().then(|| tensor(sums, weight.shape(), x)).transpose()?,
            bias.track_op().then(|| tensor(to_bias, bias.shape(), x)).transpose()?,
        ))
    }
}
