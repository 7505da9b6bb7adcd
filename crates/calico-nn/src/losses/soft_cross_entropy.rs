//! Cross-entropy against a distribution per row.

use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Result, Shape, Tensor, bail};

use super::cross_entropy::{Softness, log_softmax, softness};
use crate::ops::cpu::{TASK, Values, by_pieces, by_pieces_of, exp, on_cpu, sum, tensor, values};

/// The mean of `-Σ target · ln softmax(logits)` over the rows whose targets sum to more than 0.
///
/// The other rows take no part and get no gradient. If all are so, the loss and its gradients
/// are zero.
///
/// # Shapes
/// - `logits`: `[P, C]`
/// - `targets`: `[P, C]`, rows of shares that sum to 1, or to 0 for a row to leave out
/// - returns: a scalar
///
/// # Errors
/// If the shapes differ.
pub fn soft_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (_, classes) = logits.dims2()?;
    if logits.dims() != targets.dims() {
        let (logits, targets) = (logits.dims(), targets.dims());
        bail!("soft cross-entropy: the logits are {logits:?}, the targets {targets:?}");
    }
    let logits = logits.to_dtype(DType::F32)?.contiguous()?;
    let targets = targets.detach().to_dtype(DType::F32)?.contiguous()?;
    if !on_cpu(&logits) || !on_cpu(&targets) {
        return composed(&logits, &targets);
    }
    let found = SoftCrossEntropy::of(&Values::of(&logits)?, &targets, classes.max(1))?;
    logits.apply_op1(found)
}

struct SoftCrossEntropy {
    loss: f32,
    /// Rows that take part, or 1.
    count: usize,
    rows: Vec<Softness>,
    targets: Tensor,
}

impl SoftCrossEntropy {
    fn of(logits: &[f32], targets: &Tensor, width: usize) -> Result<Self> {
        let rows = softness(logits, width);
        let shares = Values::of(targets)?;
        let shares: &[f32] = &shares;
        // Loss and sum of the targets of each row.
        let mut losses = vec![[0f32; 2]; rows.len()];
        by_pieces_of(
            &mut losses,
            (TASK / width).max(1),
            #[inline(always)]
            |range, losses| {
                let (start, end) = (range.start * width, range.end * width);
                let x = logits[start..end].chunks_exact(width);
                let t = shares[start..end].chunks_exact(width);
                for ((loss, row), (x, t)) in losses.iter_mut().zip(&rows[range]).zip(x.zip(t)) {
                    *loss = [row_loss(x, t, *row), sum(t)];
                }
            },
        );
        let (mut loss, mut count) = (0.0, 0);
        for [of_row, _] in losses.iter().filter(|[_, shares]| *shares > 0.0) {
            loss += f64::from(*of_row);
            count += 1;
        }
        let count = count.max(1);
        Ok(Self { loss: (loss / count as f64) as f32, count, rows, targets: targets.clone() })
    }
}

/// `Σ t (ln Σ eˣ - x)`; a share of zero counts nothing, even where the logit is infinite.
fn row_loss(x: &[f32], t: &[f32], [highest, total]: Softness) -> f32 {
    let log = total.ln();
    let terms = x.iter().zip(t).filter(|(_, t)| **t != 0.0);
    terms.map(|(x, t)| t * (highest - x + log)).sum()
}

impl CustomOp1 for SoftCrossEntropy {
    fn name(&self) -> &'static str {
        "soft-cross-entropy"
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
        let share = grad.to_scalar::<f32>()? / self.count as f32;
        let (xs, ts) = (Values::of(logits)?, Values::of(&self.targets)?);
        let (xs, ts): (&[f32], &[f32]) = (&xs, &ts);
        let mut out = vec![0.0; xs.len()];
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                let rows = self.rows[range.start / width..].iter();
                let x = xs[range.clone()].chunks_exact(width);
                let t = ts[range].chunks_exact(width);
                for ((out, [highest, total]), (x, t)) in
                    out.chunks_exact_mut(width).zip(rows).zip(x.zip(t))
                {
                    let shares = sum(t);
                    if shares > 0.0 {
                        let scale = shares / total;
                        for (out, (x, t)) in out.iter_mut().zip(x.iter().zip(t)) {
                            *out = (exp(x - highest) * scale - t) * share;
                        }
                    }
                }
            },
        );
        tensor(out, logits.shape(), logits).map(Some)
    }
}

pub(super) fn composed(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let counted = targets.sum_keepdim(D::Minus1)?.gt(0f64)?.to_dtype(DType::F32)?; // [P, 1]
    let count = counted.sum_all()?.maximum(1f64)?;
    let shares = targets.broadcast_mul(&counted)?;
    (log_softmax(logits)? * shares)?.sum_all()?.neg()?.div(&count)
}
