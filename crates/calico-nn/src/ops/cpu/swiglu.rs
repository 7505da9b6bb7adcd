//! The gated unit `silu(gate) · up`, with the two apart or as halves of one row.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::{Values, by_pieces, by_pieces_of_two, row_width, sigmoid, tensor, values};

/// See [`crate::ops::swiglu`].
pub(crate) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.contiguous()?.apply_op2(&up.contiguous()?, SwiGlu)
}

/// See [`crate::ops::swiglu_packed`].
pub(crate) fn swiglu_packed(packed: &Tensor) -> Result<Tensor> {
    packed.contiguous()?.apply_op1(Packed)
}

pub(super) struct SwiGlu;

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if gate_layout.dims() != up_layout.dims() {
            let (gate, up) = (gate_layout.dims(), up_layout.dims());
            candle_core::bail!("swiglu: the gate is {gate:?}, but what it gates is {up:?}");
        }
        let (gate, up) = (values(gate, gate_layout)?, values(up, up_layout)?);
        let mut out = vec![0.0; gate.len()];
        by_pieces(
            &mut out,
            1,
            #[inline(always)]
            |range, out| {
                gated(&gate[range.clone()], &up[range], out);
            },
        );
        Ok((CpuStorage::F32(out), gate_layout.shape().clone()))
    }

    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (gates, ups, gs) = (Values::of(gate)?, Values::of(up)?, Values::of(&grad)?);
        let (gates, ups, gs): (&[f32], &[f32], &[f32]) = (&gates, &ups, &gs);
        if gate.track_op() && up.track_op() {
            let (mut first, mut second) = (vec![0.0; gs.len()], vec![0.0; gs.len()]);
            by_pieces_of_two(
                [&mut first, &mut second],
                1,
                #[inline(always)]
                |range, outs| {
                    to_both(&gates[range.clone()], &ups[range.clone()], &gs[range], outs);
                },
            );
            let (first, second) =
                (tensor(first, gate.shape(), gate)?, tensor(second, up.shape(), up)?);
            return Ok((Some(first), Some(second)));
        }
        let to_gate = gate.track_op().then(|| {
            let mut out = vec![0.0; gs.len()];
            by_pieces(
                &mut out,
                1,
                #[inline(always)]
                |range, out| {
                    to_gate(&gates[range.clone()], &ups[range.clone()], &gs[range], out);
                },
            );
            tensor(out, gate.shape(), gate)
        });
        let to_up = up.track_op().then(|| {
            let mut out = vec![0.0; gs.len()];
            by_pieces(
                &mut out,
                1,
                #[inline(always)]
                |range, out| {
                    gated(&gates[range.clone()], &gs[range], out);
                },
            );
            tensor(out, up.shape(), up)
        });
        Ok((to_gate.transpose()?, to_up.transpose()?))
    }
}

struct Packed;

impl CustomOp1 for Packed {
    fn name(&self) -> &'static str {
        "swiglu-packed"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let packed = values(storage, layout)?;
        let mut dims = layout.dims().to_vec();
        let width = match dims.last_mut() {
            Some(last) if *last % 2 == 0 => {
                *last /= 2;
                (*last).max(1)
            }
            _ => candle_core::bail!("swiglu: rows of {:?} have no halves", layout.dims()),
        };
        let mut out = vec![0.0; packed.len() / 2];
        by_pieces(
            &mut out,
            width,
            #[inline(always)]
            |range, out| {
                let rows = packed[2 * range.start..2 * range.end].chunks_exact(2 * width);
                for (out, row) in out.chunks_exact_mut(width).zip(rows) {
                    let (gate, up) = row.split_at(width);
                    gated(gate, up, out);
                }
            },
        );
        Ok((CpuStorage::F32(out), Shape::from(dims)))
    }

    fn bwd(&self, packed: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !packed.track_op() {
            return Ok(None);
        }
        let grad = grad.contiguous()?;
        let width = (row_width(packed.shape()) / 2).max(1);
        let (xs, gs) = (Values::of(packed)?, Values::of(&grad)?);
        let (xs, gs): (&[f32], &[f32]) = (&xs, &gs);
        let mut out = vec![0.0; xs.len()];
        by_pieces(
            &mut out,
            2 * width,
            #[inline(always)]
            |range, out| {
                let g = gs[range.start / 2..range.end / 2].chunks_exact(width);
                let rows = xs[range].chunks_exact(2 * width).zip(g);
                for (out, (row, g)) in out.chunks_exact_mut(2 * width).zip(rows) {
                    let (gate, up) = row.split_at(width);
                    to_both(gate, up, g, out.split_at_mut(width).into());
                }
            },
        );
        tensor(out, packed.shape(), packed).map(Some)
    }
}

/// `out = silu(gate) · up`; with a gradient for `up`, the gradient of `up`.
#[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
#[inline(always)]
fn gated(gate: &[f32], up: &[f32], out: &mut [f32]) {
    for ((out, &gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate * sigmoid(gate) * up;
    }
}

/// The gradient of the gate: d/dx x σ(x) = σ(x) (1 + x (1 - σ(x))).
#[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
#[inline(always)]
fn to_gate(gate: &[f32], up: &[f32], g: &[f32], out: &mut [f32]) {
    for (((out, &gate), up), g) in out.iter_mut().zip(gate).zip(up).zip(g) {
        let sigmoid = sigmoid(gate);
        *out = g * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
    }
}

/// The gradients of gate and up.
#[expect(clippy::inline_always, reason = "it must become part of the loop that calls it")]
#[inline(always)]
fn to_both(gate: &[f32], up: &[f32], g: &[f32], [out_gate, out_up]: [&mut [f32]; 2]) {
    let outs = out_gate.iter_mut().zip(out_up);
    for ((((out_gate, out_up), &gate), up), g) in outs.zip(gate).zip(up).zip(g) {
        let sigmoid = sigmoid(gate);
        *out_gate = g * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
        *out_up = gate * sigmoid * g;
    }
}
