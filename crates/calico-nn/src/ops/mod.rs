//! The basic operations: every product, norm and activation of every network goes through here.
//!
//! All of them have a backward pass, so training and inference run the same code. (candle's
//! fused softmax, norms and rotary embedding have none, and its `gelu` is the tanh form.) On the
//! CPU the row-wise ones run on all cores in one pass over memory (`cpu`); elsewhere they are
//! composed of candle operations (`composed`). The signatures are those of fused kernels: a
//! faster implementation replaces a body here and nothing else.

mod composed;
mod cpu;

use candle_core::{D, DType, Result, Tensor};

/// Scores held at once by [`attention`], in elements: 64 MiB in f32.
const SCORES_AT_ONCE: usize = 1 << 24;

/// What is added to the attention scores before the softmax.
#[derive(Debug, Clone, Copy)]
pub enum Bias<'a> {
    /// Nothing.
    None,
    /// Position `t` sees the keys `0..=t + S - T`: the queries are the last `T` of `S` positions.
    Causal,
    /// One value per query and key: broadcasts to `[B, N, T, S]`.
    Full(&'a Tensor),
    /// One value per query and key row plus one per query and key column, for keys on a grid in
    /// row-major order (SAM's decomposed relative positions).
    Decomposed {
        /// `[B, N, T, h]`
        rows: &'a Tensor,
        /// `[B, N, T, w]`
        columns: &'a Tensor,
    },
}

/// The operands of one attention call.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Queries `[B, N, T, K]`.
    pub q: &'a Tensor,
    /// Keys `[B, N', S, K]`, where `N'` divides `N` (grouped-query attention).
    pub k: &'a Tensor,
    /// Values `[B, N', S, K]`.
    pub v: &'a Tensor,
    /// Multiplies the scores before the bias is added.
    pub scale: f64,
    /// Added to the scaled scores.
    pub bias: Bias<'a>,
}

/// `softmax(scale · q kᵀ + bias) v`.
///
/// Heads are taken a few at a time where the score matrix would be large: it never holds more
/// than 64 MiB unless a single head needs it.
///
/// # Shapes
/// - returns: `[B, N, T, K]`
pub fn attention(a: &Attention<'_>) -> Result<Tensor> {
    let (batch, heads, queries, _) = a.q.dims4()?;
    let (_, kv_heads, keys, _) = a.k.dims4()?;
    if kv_heads == 0 || heads % kv_heads != 0 {
        candle_core::bail!("attention: {heads} query heads cannot share {kv_heads} key heads");
    }
    let q = (a.q * a.scale)?;
    let k = repeat_heads(a.k, heads / kv_heads)?;
    let v = repeat_heads(a.v, heads / kv_heads)?;
    let at_once = (SCORES_AT_ONCE / (batch * queries * keys).max(1)).clamp(1, heads);
    let mut parts = Vec::with_capacity(heads.div_ceil(at_once));
    for start in (0..heads).step_by(at_once) {
        let len = at_once.min(heads - start);
        let q = q.narrow(1, start, len)?.contiguous()?;
        let k = k.narrow(1, start, len)?.t()?.contiguous()?;
        let v = v.narrow(1, start, len)?.contiguous()?;
        let scores = add_bias(q.matmul(&k)?, a.bias, start)?; // [B, len, T, S]
        parts.push(softmax(&scores)?.matmul(&v)?); // [B, len, T, K]
    }
    match <[Tensor; 1]>::try_from(parts) {
        Ok([only]) => Ok(only),
        Err(parts) => Tensor::cat(&parts, 1),
    }
}

/// Repeats each of the `N'` key heads for the query heads that share it.
fn repeat_heads(x: &Tensor, times: usize) -> Result<Tensor> {
    if times == 1 {
        return Ok(x.clone());
    }
    let (batch, heads, tokens, width) = x.dims4()?;
    x.unsqueeze(2)?.broadcast_as((batch, heads, times, tokens, width))?.contiguous()?.reshape((
        batch,
        heads * times,
        tokens,
        width,
    ))
}

/// Adds the part of the bias that belongs to the heads from `first_head` on.
fn add_bias(scores: Tensor, bias: Bias<'_>, first_head: usize) -> Result<Tensor> {
    let (batch, heads, queries, keys) = scores.dims4()?;
    match bias {
        Bias::None => Ok(scores),
        Bias::Causal if queries == 1 => Ok(scores),
        Bias::Causal => scores.broadcast_add(&causal_bias(queries, keys, &scores)?),
        Bias::Full(bias) => {
            let own_heads = bias.rank() == 4 && bias.dim(1)? > heads;
            let bias = if own_heads { bias.narrow(1, first_head, heads)? } else { bias.clone() };
            scores.broadcast_add(&bias)
        }
        Bias::Decomposed { rows, columns } => {
            let rows = rows.narrow(1, first_head, heads)?.unsqueeze(4)?; // [B, N, T, h, 1]
            let columns = columns.narrow(1, first_head, heads)?.unsqueeze(3)?; // [B, N, T, 1, w]
            let (h, w) = (rows.dim(3)?, columns.dim(4)?);
            scores
                .reshape((batch, heads, queries, h, w))?
                .broadcast_add(&rows)?
                .broadcast_add(&columns)?
                .reshape((batch, heads, queries, keys))
        }
    }
}

/// `[T, S]`: zero where query `t` may see key `s`, minus infinity elsewhere.
fn causal_bias(queries: usize, keys: usize, like: &Tensor) -> Result<Tensor> {
    let Some(offset) = keys.checked_sub(queries) else {
        candle_core::bail!("causal attention: {queries} queries but only {keys} keys");
    };
    let bias: Vec<f32> = (0..queries)
        .flat_map(|t| (0..keys).map(move |s| if s <= t + offset { 0.0 } else { f32::NEG_INFINITY }))
        .collect();
    Tensor::from_vec(bias, (queries, keys), like.device())?.to_dtype(like.dtype())
}

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
    let (out, inner) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    let Some(last) = shape.last_mut() else {
        candle_core::bail!("linear: a scalar has no last axis");
    };
    *last = out;
    // One product for all leading axes: candle would copy the weight per batch row.
    let y = x.reshape(((), inner))?.matmul(&weight.t()?)?.reshape(shape)?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
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

/// Rotary position embedding in the half-split layout: channel `j` turns with `j + K/2`.
///
/// # Shapes
/// - `x`: `[B, N, T, K]`
/// - `cos`, `sin`: `[T, K/2]`, rows of the positions of `x`
pub fn rotary(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let half = x.dim(D::Minus1)? / 2;
    let first = x.narrow(D::Minus1, 0, half)?;
    let second = x.narrow(D::Minus1, half, half)?;
    let turned_first = (first.broadcast_mul(cos)? - second.broadcast_mul(sin)?)?;
    let turned_second = (second.broadcast_mul(cos)? + first.broadcast_mul(sin)?)?;
    Tensor::cat(&[turned_first, turned_second], D::Minus1)
}

/// The exact Gaussian error linear unit, `x Φ(x)`.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if on_cpu(x) { cpu::gelu(x) } else { composed::gelu(x) }
}

/// `silu(gate) · up`.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if on_cpu(gate) { cpu::swiglu(gate, up) } else { composed::swiglu(gate, up) }
}

/// Whether the one-pass forms apply.
fn on_cpu(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

#[cfg(test)]
mod tests;
