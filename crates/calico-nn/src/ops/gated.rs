//! The gated unit on the halves of one row.

use candle_core::{D, Result, Tensor};

use super::{composed, cpu};

/// `silu(gate) · up`, where gate and up are the two halves of each row; neither is copied.
///
/// # Shapes
/// - `packed`: `[..., 2 D]`
/// - returns: `[..., D]`
pub fn swiglu_packed(packed: &Tensor) -> Result<Tensor> {
    if cpu::on_cpu(packed) {
        return cpu::swiglu_packed(packed);
    }
    halves(packed).and_then(|(gate, up)| composed::swiglu(&gate, &up))
}

fn halves(packed: &Tensor) -> Result<(Tensor, Tensor)> {
    let width = packed.dim(D::Minus1)?;
    if width % 2 != 0 {
        candle_core::bail!("swiglu: rows of {width} values have no halves");
    }
    let half = width / 2;
    Ok((packed.narrow(D::Minus1, 0, half)?, packed.narrow(D::Minus1, half, half)?))
}
