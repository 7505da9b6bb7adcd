//! Cross-entropy against one class per row.

use candle_core::{CpuStorage, CustomOp1, D, DType, Device, Layout, Result, Shape, Tensor, bail};

use crate::ops::cpu::{
    TASK, Values, by_pieces, by_pieces_of, exp, highest, on_cpu, sum_in_blocks, tensor, values,
};

/// The mean of `-ln softmax(logits)[target]` over the rows that have a target.
///
/// Rows without one take no part and get no gradient. Without any target the loss and its
/// gradients are zero (PyTorch's `cross_entropy` with `ignore_index` gives NaN).
///
/// # Shapes
/// - `logits`: `[T, V]`
/// - `targets`: `T` classes below `V`
/// - returns: a scalar
///
/// # Errors
/// If there are not as many targets as rows, or one is not below `V`.
pub fn cross_entropy(logits: &Tensor, targets: &[Option<u32>]) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    if targets.len() != rows {
        bail!("cross-entropy: {} targets for {rows} rows of logits", targets.len());
    }
    if let Some(class) = targets.iter().flatten().find(|class| **class as usize >= classes) {
        bail!("cross-entropy: there are {classes} classes, found target {class}");
    }
    let logits = logits.to_dtype(DType::F32)?.contiguous()?;
    if !on_cpu(&logits) {
        return composed(&logits, targets);
    }
    let found = CrossEntropy::of(&Values::of(&logits)?, targets, classes);
    logits.apply_op1(found)
}

/// The largest logit of a row, and the sum of `exp(logit - largest)`.
pub(super) type Softness = [f32; 2];

/// The softness of each row.
pub(super) fn softness(logits: &[f32], width: usize) -> Vec<Softness> {
    let width = width.max(1);
    let mut rows = vec![[0.0; 2]; logits.len() / width];
    by_pieces_of(
        &mut rows,
        (TASK / width).max(1),
        #[inline(always)]
        |range, rows| {
            let logits = logits[range.start * width..].chunks_exact(width);
            for (row, x) in rows.iter_mut().zip(logits) {
                let highest = highest(x);
                let total = sum_in_blocks(
                    x.len(),
                    #[inline(always)]
                    |range, terms| {
                        for (term, x) in terms.iter_mut().zip(&x[range]) {
                            *term = exp(x - highest);
                        }
                    },
                );
                *row = [highest, total];
            }
        },
    );
    rows
}

struct CrossEntropy {
    loss: f32,
    rows: Vec<(Softness, Option<u32>)>,
}

impl CrossEntropy {
    fn of(logits: &[f32], targets: &[Option<u32>], classes: usize) -> Self {
        let rows: Vec<_> =
            softness(logits, classes).into_iter().zip(targets.iter().copied()).collect();
        let mut loss = 0.0;
        for (([highest, total], target), x) in rows.iter().zip(logits.chunks_exact(classes.max(1)))
        {
            if let Some(x) = target.and_then(|target| x.get(target as usize)) {
                loss += f64::from(highest - x) + f64::from(*total).ln();
            }
        }
        let count = targets.iter().flatten().count().max(1);
        Self { loss: (loss / count as f64) as f32, rows }
    }
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        values(storage, layout)?;
        Ok((CpuStorage::F32(vec![self.loss]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !logits.track_op() {
            return Ok(None);
        }
        let width = logits.dim(D::Minus1)?.max(1);
        let count = self.rows.iter().filter(|(_, target)| target.is_some()).count().max(1);
        let share = grad.to_scalar::<f32>()? / count as f32;
        let xs = Values::of(logits)?;
        let xs: &[f32] = &xs;
        let mut out = vec![0.0; xs.len()];
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                let rows = &self.rows[range.start / width..];
                let rows = rows.iter().zip(xs[range].chunks_exact(width));
                for (out, (([highest, total], target), x)) in out.chunks_exact_mut(width).zip(rows)
                {
                    let Some(target) = target else { continue };
                    let scale = share / total;
                    for (out, x) in out.iter_mut().zip(x) {
                        *out = exp(x - highest) * scale;
                    }
                    out[*target as usize] -= share;
                }
            },
        );
        tensor(out, logits.shape(), logits).map(Some)
    }
}

/// `x - ln Σ eˣ` over the last axis.
pub(super) fn log_softmax(x: &Tensor) -> Result<Tensor> {
    // The maximum only guards against overflow; its gradient cancels.
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(D::Minus1)?.log()?)
}

pub(super) fn composed(logits: &Tensor, targets: &[Option<u32>]) -> Result<Tensor> {
    let rows: Vec<u32> = (0u32..).zip(targets).filter_map(|(i, t)| t.map(|_| i)).collect();
    if rows.is_empty() {
        return logits.zeros_like()?.mul(logits)?.sum_all();
    }
    let classes: Vec<u32> = targets.iter().flatten().copied().collect();
    let count = rows.len();
    let column = |values: Vec<u32>, device: &Device| Tensor::from_vec(values, count, device);
    let chosen = logits.index_select(&column(rows, logits.device())?, 0)?;
    let classes = column(classes, logits.device())?.unsqueeze(1)?;
    log_softmax(&chosen)?.gather(&classes, 1)?.mean_all()?.neg()
}
