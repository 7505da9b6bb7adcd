//! The rotary position embedding on the CPU in f32: one pass forward, one backward.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::cpu::{TASK, values};
use super::memory::{read, rows_of};

/// See [`super::rotary`].
pub(super) fn rotary(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (cos, sin) = (cos.contiguous()?.detach(), sin.contiguous()?.detach());
    if x.rank() == 3 {
        let even = rows_of(x.layout()).is_some_and(|rows| rows.strides[1] == 1);
        let x = if even { x.clone() } else { x.contiguous()? };
        return x.apply_op3(&cos, &sin, Rotary);
    }
    // Heads that are split lie side by side in memory: they are turned there, without a copy.
    let merged = x.transpose(1, 2)?; // [B, T, N, K]
    if merged.is_contiguous() {
        let merged = merged.flatten_from(2)?;
        let (batch, heads, tokens, width) = x.dims4()?;
        let turned = merged.apply_op3(&cos, &sin, Rotary)?;
        return turned.reshape((batch, tokens, heads, width))?.transpose(1, 2);
    }
    x.contiguous()?.apply_op3(&cos, &sin, Rotary)
}

/// Turns `x`, `[B, T, N K]` with evenly spaced rows or contiguous `[B, N, T, K]`.
struct Rotary;

impl CustomOp3 for Rotary {
    fn name(&self) -> &'static str {
        "rotary"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        cos: &CpuStorage,
        cos_layout: &Layout,
        sin: &CpuStorage,
        sin_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let tables = [values(cos, cos_layout)?, values(sin, sin_layout)?];
        let turned = turn((x, x_layout), tables, 1.0)?;
        Ok((CpuStorage::F32(turned), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        cos: &Tensor,
        sin: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let turned = read(&grad, |grad| {
            read(cos, |cos| {
                read(sin, |sin| turn(grad, [values(cos.0, cos.1)?, values(sin.0, sin.1)?], -1.0))
            })
        })?;
        Ok((Some(Tensor::from_vec(turned, x.shape(), &Device::Cpu)?), None, None))
    }
}

/// Turns each head by the angle of its token, times `direction`.
fn turn(
    (storage, layout): (&CpuStorage, &Layout),
    [cos, sin]: [&[f32]; 2],
    direction: f32,
) -> Result<Vec<f32>> {
    let Some(rows) = rows_of(layout).filter(|rows| rows.strides[1] == 1) else {
        candle_core::bail!("rotary: the rows of {layout:?} are not evenly spaced");
    };
    let x = storage.as_slice::<f32>()?.get(layout.start_offset()..).unwrap_or_default();
    let ([count, width], [stride, _]) = (rows.shape, rows.strides);
    let tokens = layout.dims().iter().rev().nth(1).copied().unwrap_or(1);
    let half = cos.len() / tokens;
    let per_task = (TASK / width).max(1);
    let mut y = vec![0.0; count * width];
    y.par_chunks_mut(per_task * width).enumerate().for_each(|(task, y)| {
        for (index, y) in y.chunks_exact_mut(width).enumerate() {
            let row = task * per_task + index;
            let angle = row % tokens * half..(row % tokens + 1) * half;
            let (cos, sin) = (&cos[angle.clone()], &sin[angle]);
            let x = &x[row * stride..][..width];
            for (y, x) in y.chunks_exact_mut(2 * half).zip(x.chunks_exact(2 * half)) {
                turn_head(x, y, [cos, sin], direction);
            }
        }
    });
    Ok(y)
}

fn turn_head(x: &[f32], y: &mut [f32], [cos, sin]: [&[f32]; 2], direction: f32) {
    let (x_first, x_second) = x.split_at(cos.len());
    let (y_first, y_second) = y.split_at_mut(cos.len());
    let x = x_first.iter().zip(x_second);
    let y = y_first.iter_mut().zip(y_second);
    for (((y_first, y_second), (first, second)), (cos, sin)) in y.zip(x).zip(cos.iter().zip(sin)) {
        let sin = direction * sin;
        *y_first = first * cos - second * sin;
        *y_second = second * cos + first * sin;
    }
}
