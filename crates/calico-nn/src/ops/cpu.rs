//! The row-wise operations on the CPU in f32: one pass over memory, all cores, with gradients.
//!
//! Each is a candle custom operation. Those keep nothing between forward and backward, so the
//! backward passes compute what they need again.

use std::f32::consts::FRAC_1_SQRT_2;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, D, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Values per task: enough to outweigh handing it to another core.
const TASK: usize = 1 << 14;

/// The density of the standard normal distribution at zero.
const NORMAL_PEAK: f64 = 0.398_942_280_401_432_7;

/// See [`super::softmax`].
pub(super) fn softmax(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Softmax)
}

/// See [`super::layer_norm`].
pub(super) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, LayerNorm { eps })
}

/// See [`super::rms_norm`].
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&weight.contiguous()?, RmsNorm { eps })
}

/// See [`super::gelu`].
pub(super) fn gelu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Gelu)
}

/// See [`super::swiglu`].
pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.contiguous()?.apply_op2(&up.contiguous()?, SwiGlu)
}

struct Softmax;

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        by_rows(storage, layout, |x, y| {
            let highest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut total = 0.0;
            for (y, x) in y.iter_mut().zip(x) {
                *y = (x - highest).exp();
                total += *y;
            }
            let scale = total.recip();
            for y in y {
                *y *= scale;
            }
        })
    }

    fn bwd(&self, _x: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let weighted = (y * grad)?;
        let total = weighted.sum_keepdim(D::Minus1)?;
        Ok(Some((weighted - y.broadcast_mul(&total)?)?))
    }
}

struct LayerNorm {
    eps: f64,
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
        let weight = row_values(weight, weight_layout, x_layout)?;
        let bias = row_values(bias, bias_layout, x_layout)?;
        by_rows(x, x_layout, |x, y| {
            let count = x.len() as f32;
            let mean = x.iter().sum::<f32>() / count;
            let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
            let scale = (variance + self.eps as f32).sqrt().recip();
            for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                *y = (x - mean) * scale * weight + bias;
            }
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.eps)?.sqrt()?;
        let normed = centred.broadcast_div(&deviation)?;
        let inner = grad.broadcast_mul(weight)?;
        let along = (&inner * &normed)?.mean_keepdim(D::Minus1)?;
        let to_x = inner
            .broadcast_sub(&inner.mean_keepdim(D::Minus1)?)?
            .sub(&normed.broadcast_mul(&along)?)?
            .broadcast_div(&deviation)?;
        Ok((Some(to_x), Some(sum_rows(&(grad * normed)?)?), Some(sum_rows(grad)?)))
    }
}

struct RmsNorm {
    eps: f64,
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
        let weight = row_values(weight, weight_layout, x_layout)?;
        by_rows(x, x_layout, |x, y| {
            let mean_square = x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32;
            let scale = (mean_square + self.eps as f32).sqrt().recip();
            for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
                *y = x * scale * weight;
            }
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let deviation = (x.sqr()?.mean_keepdim(D::Minus1)? + self.eps)?.sqrt()?;
        let normed = x.broadcast_div(&deviation)?;
        let inner = grad.broadcast_mul(weight)?;
        let along = (&inner * &normed)?.mean_keepdim(D::Minus1)?;
        let to_x = inner.sub(&normed.broadcast_mul(&along)?)?.broadcast_div(&deviation)?;
        Ok((Some(to_x), Some(sum_rows(&(grad * normed)?)?)))
    }
}

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        by_rows(storage, layout, |x, y| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2));
            }
        })
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        // d/dx x Φ(x) = Φ(x) + x φ(x)
        let cumulative = (x * f64::from(FRAC_1_SQRT_2))?.erf()?.affine(0.5, 0.5)?;
        let density = ((x.sqr()? * -0.5)?.exp()? * NORMAL_PEAK)?;
        Ok(Some((grad * (cumulative + (x * density)?)?)?))
    }
}

struct SwiGlu;

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
        let (gate, up) = (values(gate, gate_layout)?, values(up, up_layout)?);
        if gate.len() != up.len() {
            candle_core::bail!("swiglu: {} gates for {} values", gate.len(), up.len());
        }
        let mut out = vec![0.0; gate.len()];
        out.par_chunks_mut(TASK).zip(gate.par_chunks(TASK).zip(up.par_chunks(TASK))).for_each(
            |(out, (gate, up))| {
                for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                    *out = gate / (1.0 + (-gate).exp()) * up;
                }
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
        // d/dx x σ(x) = σ(x) (1 + x (1 - σ(x)))
        let sigmoid = (gate.neg()?.exp()? + 1.0)?.recip()?;
        let slope = (&sigmoid * ((gate * sigmoid.affine(-1.0, 1.0)?)? + 1.0)?)?;
        let to_gate = ((grad * up)? * slope)?;
        let to_up = (grad * (gate * sigmoid)?)?;
        Ok((Some(to_gate), Some(to_up)))
    }
}

/// The values of a contiguous f32 tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let slice = storage.as_slice::<f32>()?;
    let range = layout.contiguous_offsets().and_then(|(start, end)| slice.get(start..end));
    range.ok_or_else(|| candle_core::Error::msg("expected contiguous values"))
}

/// The values of a vector as long as the rows of another tensor.
fn row_values<'a>(storage: &'a CpuStorage, layout: &Layout, rows: &Layout) -> Result<&'a [f32]> {
    let width = rows.dims().last().copied().unwrap_or(1);
    if layout.dims() != [width] {
        candle_core::bail!("expected a vector of {width} values, found {:?}", layout.dims());
    }
    values(storage, layout)
}

/// Applies `row` to every run of the last axis, on all cores.
fn by_rows(
    storage: &CpuStorage,
    layout: &Layout,
    row: impl Fn(&[f32], &mut [f32]) + Sync,
) -> Result<(CpuStorage, Shape)> {
    let x = values(storage, layout)?;
    let shape = layout.shape().clone();
    let width = shape.dims().last().copied().unwrap_or(1).max(1);
    let task = width * (TASK / width).max(1);
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(y, x)| {
        y.chunks_mut(width).zip(x.chunks(width)).for_each(|(y, x)| row(x, y));
    });
    Ok((CpuStorage::F32(y), shape))
}

/// The sum over all axes but the last.
fn sum_rows(x: &Tensor) -> Result<Tensor> {
    x.reshape(((), x.dim(D::Minus1)?))?.sum(0)
}

/// The error function as a ratio of polynomials, exact to a few units in the last place of f32
/// (the form that Eigen uses); beyond ±4 it is ±1 in f32.
fn erf(x: f32) -> f32 {
    const UPPER: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const LOWER: [f32; 5] =
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_3e-3, -1.426_473_9e-2];
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let horner = |coefficients: &[f32]| coefficients.iter().fold(0.0, |sum, c| sum * square + c);
    x * horner(&UPPER) / horner(&LOWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_is_exact_to_a_few_units_in_the_last_place() {
        // Abramowitz and Stegun, table 7.1, and the limits.
        let known = [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (1.5, 0.966_105_15),
            (2.0, 0.995_322_3),
            (3.0, 0.999_977_9),
            (9.0, 1.0),
        ];
        for (x, want) in known {
            for sign in [1.0, -1.0] {
                let got = erf(sign * x);
                assert!((got - sign * want).abs() < 3e-7, "erf({x}) is {got}, not {want}");
            }
        }
    }
}
