//! The operations as chains of candle operations, for any device and type.

use candle_core::{D, DType, Result, Tensor};

use super::{Attention, Bias};
use crate::{merge_heads, split_heads};

/// Scores held at once by [`attention`], in elements: 64 MiB in f32.
const SCORES_AT_ONCE: usize = 1 << 24;

/// See [`super::attention`]. Heads are taken a few at a time where the score matrix would be
/// large: it never holds more than 64 MiB unless a single head needs it.
pub(super) fn attention(a: &Attention<'_>) -> Result<Tensor> {
    match a.bias {
        Bias::Packed(lengths) => return packed_attention(a, lengths),
        Bias::Relative { rows, columns } => {
            let (rows, columns) =
                (along_rows(a.q, rows, columns)?, along_columns(a.q, rows, columns)?);
            let bias = Bias::Decomposed { rows: &rows, columns: &columns };
            return attention(&Attention { bias, ..*a });
        }
        Bias::None | Bias::Causal | Bias::Full(_) | Bias::Decomposed { .. } => {}
    }
    let (batch, heads, queries, _) = a.q.dims4()?;
    let (_, kv_heads, keys, _) = a.k.dims4()?;
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
        Bias::Packed(_) | Bias::Relative { .. } => {
            candle_core::bail!("attention: this bias is taken apart before it is added")
        }
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

/// One sequence after the other.
fn packed_attention(a: &Attention<'_>, lengths: &[usize]) -> Result<Tensor> {
    let mut parts = Vec::with_capacity(lengths.len());
    let mut start = 0;
    for &length in lengths.iter().filter(|&&length| length > 0) {
        let part = |x: &Tensor| x.narrow(2, start, length);
        let (q, k, v) = (part(a.q)?, part(a.k)?, part(a.v)?);
        let (scale, bias) = (a.scale, Bias::Causal);
        parts.push(attention(&Attention { q: &q, k: &k, v: &v, scale, bias })?);
        start += length;
    }
    if parts.is_empty() { a.v.zeros_like() } else { Tensor::cat(&parts, 2) }
}

/// `[B, N, T, h]`: what [`Bias::Relative`] says about the rows of the keys.
fn along_rows(q: &Tensor, rows: &Tensor, columns: &Tensor) -> Result<Tensor> {
    let (batch, heads, tokens, width) = q.dims4()?;
    let (h, w) = (rows.dim(0)?.div_ceil(2), columns.dim(0)?.div_ceil(2));
    let map = q.reshape((batch * heads, h, w, width))?.transpose(0, 1)?; // [h, B N, w, K]
    let values = by_distance(&map, rows)?.reshape((h, batch * heads, w, h))?;
    values.transpose(0, 1)?.reshape((batch, heads, tokens, h))
}

/// `[B, N, T, w]`: what [`Bias::Relative`] says about the columns of the keys.
fn along_columns(q: &Tensor, rows: &Tensor, columns: &Tensor) -> Result<Tensor> {
    let (batch, heads, tokens, width) = q.dims4()?;
    let (h, w) = (rows.dim(0)?.div_ceil(2), columns.dim(0)?.div_ceil(2));
    let map = q.reshape((batch * heads * h, w, width))?.transpose(0, 1)?; // [w, B N h, K]
    let values = by_distance(&map, columns)?.reshape((w, batch * heads * h, w))?;
    values.transpose(0, 1)?.reshape((batch, heads, tokens, w))
}

/// Products of the queries with the table's entries for all keys on one axis, which comes first.
///
/// # Shapes
/// - `queries`: `[side, ..., K]`
/// - `table`: `[2 side - 1, K]`
/// - returns: `[side, other, side]`
fn by_distance(queries: &Tensor, table: &Tensor) -> Result<Tensor> {
    let (side, width) = (queries.dim(0)?, queries.dim(D::Minus1)?);
    let of_query = |query: usize| (0..side).map(move |key| (query + side - 1 - key) as u32);
    let distances = (0..side).flat_map(of_query).collect::<Vec<_>>();
    let distances = Tensor::from_vec(distances, side * side, table.device())?;
    let keys = table.index_select(&distances, 0)?.reshape((side, side, width))?;
    queries.reshape((side, (), width))?.matmul(&keys.transpose(1, 2)?.contiguous()?)
}

/// See [`super::linear`].
pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
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

/// See [`super::rotary`].
pub(super) fn rotary(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let half = cos.dim(D::Minus1)?;
    if x.rank() == 3 {
        let split = split_heads(x, x.dim(D::Minus1)? / (2 * half))?;
        return merge_heads(&rotary(&split, cos, sin)?);
    }
    let (cos, sin) = (cos.detach(), sin.detach());
    let first = x.narrow(D::Minus1, 0, half)?;
    let second = x.narrow(D::Minus1, half, half)?;
    let turned_first = (first.broadcast_mul(&cos)? - second.broadcast_mul(&sin)?)?;
    let turned_second = (second.broadcast_mul(&cos)? + first.broadcast_mul(&sin)?)?;
    Tensor::cat(&[turned_first, turned_second], D::Minus1)
}

/// See [`super::softmax`].
pub(super) fn softmax(x: &Tensor) -> Result<Tensor> {
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?; // sums of many small values
    // The maximum only guards against overflow; its gradient cancels.
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    let exp = shifted.exp()?;
    exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)?.to_dtype(dtype)
}

/// See [`super::layer_norm`].
pub(super) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred
        .broadcast_div(&(variance + eps)?.sqrt()?)?
        .to_dtype(dtype)?
        .broadcast_mul(weight)?
        .broadcast_add(bias)
}

/// See [`super::rms_norm`].
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?;
    let mean_square = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean_square + eps)?.sqrt()?)?.to_dtype(dtype)?.broadcast_mul(weight)
}

/// See [`super::gelu`].
pub(super) fn gelu(x: &Tensor) -> Result<Tensor> {
    x.gelu_erf()
}

/// See [`super::swiglu`].
pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.silu()?.mul(up)
}

/// See [`super::split_windows`].
pub(super) fn split_windows(
    x: &Tensor,
    [rows, columns]: [usize; 2],
    side: usize,
) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    x.pad_with_zeros(1, 0, rows * side - height)?
        .pad_with_zeros(2, 0, columns * side - width)?
        .reshape(vec![batch, rows, side, columns, side, channels])?
        .permute(vec![0, 1, 3, 2, 4, 5])? // [B, rows, columns, side, side, D]
        .reshape((batch * rows * columns, side, side, channels))
}

/// See [`super::join_windows`].
pub(super) fn join_windows(
    x: &Tensor,
    [batch, height, width, channels]: [usize; 4],
    [rows, columns]: [usize; 2],
) -> Result<Tensor> {
    let side = x.dim(1)?;
    x.reshape(vec![batch, rows, columns, side, side, channels])?
        .permute(vec![0, 1, 3, 2, 4, 5])? // [B, rows, side, columns, side, D]
        .reshape((batch, rows * side, columns * side, channels))?
        .narrow(1, 0, height)?
        .narrow(2, 0, width)
}
