//! The basic operations: every product, norm and activation of every network goes through here.
//!
//! All of them have a backward pass, so training and inference run the same code. (candle's
//! fused softmax, norms and rotary embedding have none, and its `gelu` is the tanh form.) On the
//! CPU the row-wise ones run on all cores in one pass over memory (`cpu`); elsewhere they are
//! composed of candle operations (`composed`). The signatures are those of fused kernels: a
//! faster implementation replaces a body here and nothing else.

mod attention;
mod composed;
mod convolution;
pub(crate) mod cpu;
mod embedding;
mod gated;
mod half_attention;
mod linear;
mod memory;
mod product;
mod quantized_linear;
mod rotary;
mod windows;

use candle_core::{Result, Tensor};

pub(crate) use cpu::{on_cpu, values};

pub use attention::{Attention, Bias, attention, fused_attention, merged_attention};
pub use convolution::convolution;
pub use embedding::embedding;
pub use gated::swiglu_packed;
pub use half_attention::{HalfHeads, half_attention};
pub use quantized_linear::quantized_linear;

/// Softmax over the last axis.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    if on_cpu(x) { cpu::softmax(x) } else { composed::softmax(x) }
}

/// `x wᵀ + b` over the last axis.
///
/// # Shapes
/// - `x`: `[..., in]`
/// - `weight`: `[out, in]`
/// - `bias`: `[out]`
/// - returns: `[..., out]`
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let plain = [Some(x), Some(weight), bias].into_iter().flatten().all(on_cpu);
    if plain && x.elem_count() > 0 && weight.elem_count() > 0 {
        linear::linear(x, weight, bias)
    } else {
        composed::linear(x, weight, bias)
    }
}

/// Layer normalisation over the last axis, in f32.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    if on_cpu(x) {
        cpu::layer_norm(x, weight, bias, eps)
    } else {
        composed::layer_norm(x, weight, bias, eps)
    }
}

/// Root-mean-square normalisation over the last axis, in f32; the weight is applied in the
/// input's type, as LLaMA does.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    if on_cpu(x) { cpu::rms_norm(x, weight, eps) } else { composed::rms_norm(x, weight, eps) }
}

/// Rotary position embedding in the half-split layout: channel `j` of a head turns with
/// `j + K/2`. The cosines and sines receive no gradient.
///
/// # Shapes
/// - `x`: `[B, N, T, K]`, or the heads side by side, `[B, T, N K]`; as is the result
/// - `cos`, `sin`: `[T, K/2]`, rows of the positions of `x`
pub fn rotary(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (tokens, half) = cos.dims2()?;
    let fits = match *x.dims() {
        [_, _, t, width] => t == tokens && width == 2 * half,
        [_, t, width] => t == tokens && half > 0 && width % (2 * half) == 0,
        _ => false,
    };
    if !fits || sin.dims() != cos.dims() {
        let (x, sin) = (x.dims(), sin.dims());
        candle_core::bail!("rotary: x {x:?} with cosines [{tokens}, {half}] and sines {sin:?}");
    }
    let plain = [x, cos, sin].into_iter().all(on_cpu) && x.elem_count() > 0;
    if plain { rotary::rotary(x, cos, sin) } else { composed::rotary(x, cos, sin) }
}

/// The exact Gaussian error linear unit, `x Φ(x)`.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if on_cpu(x) { cpu::gelu(x) } else { composed::gelu(x) }
}

/// `silu(gate) · up`.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if on_cpu(gate) { cpu::swiglu(gate, up) } else { composed::swiglu(gate, up) }
}

/// Cuts maps of tokens into square windows, row by row; zeros fill what is missing at the bottom
/// and on the right.
///
/// # Shapes
/// - `x`: `[B, h, w, D]`
/// - returns: `[B · n, side, side, D]` with `n` windows per map
///
/// # Errors
/// If a window has no size.
pub fn split_windows(x: &Tensor, side: usize) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    let windows = windows::Windows { map: [batch, height, width, channels], side: side.max(1) };
    if side == 0 {
        candle_core::bail!("windows of 0 by 0 tokens");
    }
    if on_cpu(x) && x.elem_count() > 0 {
        x.contiguous()?.apply_op1(windows::Split(windows))
    } else {
        composed::split_windows(x, windows.counts(), side)
    }
}

/// Puts the windows of [`split_windows`] together again and drops what it added.
///
/// # Shapes
/// - `x`: `[B · n, side, side, D]`
/// - returns: `[B, h, w, D]`
///
/// # Errors
/// If the windows do not make up whole maps.
pub fn join_windows(x: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let (total, side, columns, channels) = x.dims4()?;
    let per_map = height.div_ceil(side.max(1)) * width.div_ceil(side.max(1));
    if side == 0 || side != columns || per_map == 0 || total % per_map != 0 {
        let x = x.dims();
        candle_core::bail!("windows {x:?} do not make up maps of {height} by {width} tokens");
    }
    let windows = windows::Windows { map: [total / per_map, height, width, channels], side };
    if on_cpu(x) && x.elem_count() > 0 {
        x.contiguous()?.apply_op1(windows::Join(windows))
    } else {
        composed::join_windows(x, windows.map, windows.counts())
    }
}

#[cfg(test)]
mod tests;
