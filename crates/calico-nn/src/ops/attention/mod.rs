//! Attention: what it computes, and which form computes it.
//!
//! On the CPU in f32, scores exist a block or a tile at a time, forward in a kernel of
//! `calico-kernels` and backward here; heads are read where they lie, so that splitting and merging
//! them costs nothing. Elsewhere candle's operations are
//! composed.

mod backward;
mod bias;
mod forward;
mod fused;
mod heads;
mod lanes;
mod problem;
mod scratch;
mod separate;

use std::sync::OnceLock;

use candle_core::{D, Result, Tensor};

use self::bias::GridSource;
use self::fused::Fused;
use self::heads::Arrangement;
use self::problem::{Problem, segments};
use self::separate::Separate;
use super::{composed, on_cpu};
use crate::{merge_heads, split_heads};

/// What is added to the attention scores before the softmax.
#[derive(Debug, Clone, Copy)]
pub enum Bias<'a> {
    /// Nothing.
    None,
    /// Position `t` sees the keys `0..=t + S - T`: the queries are the last `T` of `S` positions.
    Causal,
    /// The tokens are several sequences of these lengths, one after the other, and `T = S`:
    /// each position sees itself and earlier positions of its own sequence.
    Packed(&'a [usize]),
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
    /// As [`Bias::Decomposed`], where queries and keys are one grid of `h w` positions, and the
    /// values are the products of the unscaled query with an entry of a table: entry
    /// `query - key + h - 1` for rows, likewise for columns.
    Relative {
        /// `[2 h - 1, K]`
        rows: &'a Tensor,
        /// `[2 w - 1, K]`
        columns: &'a Tensor,
    },
}

impl Bias<'_> {
    /// Whether a query sees no key after its own position.
    pub(super) fn is_causal(self) -> bool {
        matches!(self, Self::Causal | Self::Packed(_))
    }
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
/// The result lies in memory as [`merge_heads`] returns it, which then costs nothing.
///
/// # Shapes
/// - returns: `[B, N, T, K]`
///
/// # Errors
/// If the shapes do not agree with each other or with the bias.
pub fn attention(a: &Attention<'_>) -> Result<Tensor> {
    let [q, k, v] = [a.q, a.k, a.v];
    let (batch, heads, queries, width) = q.dims4()?;
    let (_, kv_heads, keys, _) = k.dims4()?;
    let sizes = Sizes { batch, heads, kv_heads, queries, keys, width };
    let segments = sizes.check([q.dims(), k.dims(), v.dims()], a.bias)?;
    let is_plain = v.dim(D::Minus1)? == width && sizes.all() && [q, k, v].into_iter().all(on_cpu);
    match a.bias {
        _ if !is_plain => composed::attention(a),
        Bias::Full(bias) if bias.track_op() || !on_cpu(bias) => composed::attention(a),
        Bias::Decomposed { rows, columns } | Bias::Relative { rows, columns } => {
            if !on_cpu(rows) || !on_cpu(columns) || heads != kv_heads || queries != keys {
                return composed::attention(a);
            }
            let qkv = [q, k, v].map(merge_heads).into_iter().collect::<Result<Vec<_>>>()?;
            let qkv = Tensor::cat(&qkv, D::Minus1)?; // [B, T, 3 N K]
            split_heads(&fused_attention(&qkv, heads, a.scale, a.bias)?, heads)
        }
        Bias::None | Bias::Causal | Bias::Packed(_) | Bias::Full(_) => {
            let problem = sizes.problem(a, segments);
            separate(a, problem, Arrangement::Split)?.transpose(1, 2)
        }
    }
}

/// As [`attention`], for operands whose heads lie side by side.
///
/// Nothing is copied or transposed, forward or backward.
///
/// # Shapes
/// - `a`: `q` `[B, T, N K]` of `heads` heads, `k` and `v` `[B, S, N' K]`
/// - returns: `[B, T, N K]`
///
/// # Errors
/// If the shapes do not agree with each other or with the bias.
pub fn merged_attention(a: &Attention<'_>, heads: usize) -> Result<Tensor> {
    let [q, k, v] = [a.q, a.k, a.v];
    let (batch, queries, q_width) = q.dims3()?;
    let (_, keys, k_width) = k.dims3()?;
    if heads == 0 || q_width % heads != 0 || q_width == 0 || k_width % (q_width / heads) != 0 {
        candle_core::bail!("attention: {heads} heads do not fit {q_width} and {k_width} values");
    }
    let width = q_width / heads;
    let kv_heads = k_width / width;
    let sizes = Sizes { batch, heads, kv_heads, queries, keys, width };
    let takes = matches!(a.bias, Bias::None | Bias::Causal | Bias::Packed(_));
    if takes && sizes.all() && [q, k, v].into_iter().all(on_cpu) {
        let split = |x: &Tensor, heads| -> Result<[usize; 4]> {
            let (batch, tokens, total) = x.dims3()?;
            Ok([batch, heads, tokens, total / heads])
        };
        let dims = [split(q, heads)?, split(k, kv_heads)?, split(v, kv_heads)?];
        let segments = sizes.check([&dims[0], &dims[1], &dims[2]], a.bias)?;
        return separate(a, sizes.problem(a, segments), Arrangement::Merged);
    }
    let (q, k) = (split_heads(q, heads)?, split_heads(k, kv_heads.max(1))?);
    let v = split_heads(v, kv_heads.max(1))?;
    merge_heads(&attention(&Attention { q: &q, k: &k, v: &v, ..*a })?)
}

/// As [`attention`], for queries, keys and values that are the thirds of one tensor.
///
/// Nothing is copied or transposed, forward or backward.
///
/// # Shapes
/// - `qkv`: `[B, T, 3 N K]`: queries, keys, values, each of `heads` heads side by side
/// - returns: `[B, T, N K]`
///
/// # Errors
/// If the shapes do not agree with each other or with the bias.
pub fn fused_attention(qkv: &Tensor, heads: usize, scale: f64, bias: Bias<'_>) -> Result<Tensor> {
    let (batch, tokens, total) = qkv.dims3()?;
    if heads == 0 || total % (3 * heads) != 0 {
        candle_core::bail!("attention: {heads} heads do not divide a third of {total} values");
    }
    let width = total / 3 / heads;
    let sizes = Sizes { batch, heads, kv_heads: heads, queries: tokens, keys: tokens, width };
    let dims = [batch, heads, tokens, width];
    let segments = sizes.check([&dims; 3], bias)?;
    let takes = match bias {
        Bias::Full(_) => false,
        Bias::Decomposed { rows, columns } | Bias::Relative { rows, columns } => {
            on_cpu(rows) && on_cpu(columns)
        }
        Bias::None | Bias::Causal | Bias::Packed(_) => true,
    };
    if !(takes && sizes.all() && on_cpu(qkv)) {
        let part =
            |index| split_heads(&qkv.narrow(D::Minus1, index * total / 3, total / 3)?, heads);
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let call = Attention { q: &q, k: &k, v: &v, scale, bias };
        return merge_heads(&if takes { composed::attention(&call)? } else { attention(&call)? });
    }
    let qkv = rows_contiguous(qkv)?;
    let problem = Problem {
        batch,
        heads,
        kv_heads: heads,
        queries: tokens,
        keys: tokens,
        width,
        scale: scale as f32,
        causal: bias.is_causal(),
        segments,
    };
    let logs = OnceLock::new();
    match bias {
        Bias::Decomposed { rows, columns } => {
            let sides = [rows.dim(D::Minus1)?, columns.dim(D::Minus1)?];
            let grid = Some((GridSource::Given, sides));
            let op = Fused { problem, grid, logs };
            qkv.apply_op3(&rows.contiguous()?, &columns.contiguous()?, op)
        }
        Bias::Relative { rows, columns } => {
            let sides = [rows.dim(0)?.div_ceil(2), columns.dim(0)?.div_ceil(2)];
            let grid = Some((GridSource::Tables, sides));
            let op = Fused { problem, grid, logs };
            qkv.apply_op3(&rows.contiguous()?, &columns.contiguous()?, op)
        }
        _ => qkv.apply_op1(Fused { problem, grid: None, logs }),
    }
}

/// The sizes that an attention call claims to have.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    heads: usize,
    kv_heads: usize,
    queries: usize,
    keys: usize,
    width: usize,
}

impl Sizes {
    /// Whether there is anything to compute.
    fn all(&self) -> bool {
        let &Self { batch, heads, kv_heads, queries, keys, width } = self;
        [batch, heads, kv_heads, queries, keys, width].iter().all(|&size| size > 0)
    }

    /// Checks the shapes `[B, N, T, K]` of queries, keys and values, and that of the bias.
    fn check(&self, [q, k, v]: [&[usize]; 3], bias: Bias<'_>) -> Result<Vec<problem::Segment>> {
        let &Self { batch, heads, kv_heads, queries, keys, width } = self;
        if kv_heads == 0 || heads % kv_heads != 0 {
            candle_core::bail!("attention: {heads} query heads cannot share {kv_heads} key heads");
        }
        let key_shape = [batch, kv_heads, keys, width];
        if k != key_shape || v.len() != 4 || v[..3] != key_shape[..3] {
            candle_core::bail!("attention: queries {q:?}, keys {k:?} and values {v:?} do not fit");
        }
        match bias {
            Bias::Decomposed { rows, columns } => {
                let (h, w) = (rows.dim(D::Minus1)?, columns.dim(D::Minus1)?);
                let fits = |x: &Tensor, side| x.dims() == [batch, heads, queries, side];
                if h.checked_mul(w) != Some(keys) || !fits(rows, h) || !fits(columns, w) {
                    let (rows, columns) = (rows.dims(), columns.dims());
                    candle_core::bail!(
                        "attention: decomposed positions {rows:?} and {columns:?} for queries \
                         {q:?} and {keys} keys"
                    );
                }
            }
            Bias::Relative { rows, columns } => {
                let ((h, k), (w, l)) = (rows.dims2()?, columns.dims2()?);
                let cells = h.div_ceil(2).checked_mul(w.div_ceil(2));
                let fits = h % 2 == 1 && w % 2 == 1 && [k, l] == [width; 2];
                if !fits || cells != Some(keys) || queries != keys {
                    candle_core::bail!(
                        "attention: tables [{h}, {k}] and [{w}, {l}] of relative positions for \
                         {queries} queries and {keys} keys of {width} values"
                    );
                }
            }
            Bias::None | Bias::Causal | Bias::Packed(_) | Bias::Full(_) => {}
        }
        segments(bias, queries, keys)
    }

    fn problem(self, a: &Attention<'_>, segments: Vec<problem::Segment>) -> Problem {
        let Self { batch, heads, kv_heads, queries, keys, width } = self;
        let (scale, causal) = (a.scale as f32, a.bias.is_causal());
        Problem { batch, heads, kv_heads, queries, keys, width, scale, causal, segments }
    }
}

fn separate(a: &Attention<'_>, problem: Problem, arrangement: Arrangement) -> Result<Tensor> {
    let full = match a.bias {
        Bias::Full(bias) => {
            let shape = (problem.batch, problem.heads, problem.queries, problem.keys);
            let bias = if bias.dim(D::Minus1)? == problem.keys {
                rows_contiguous(bias)?.broadcast_as(shape)?
            } else {
                bias.broadcast_as(shape)?.contiguous()?
            };
            Some(bias)
        }
        _ => None,
    };
    let [q, k, v] = [rows_contiguous(a.q)?, rows_contiguous(a.k)?, rows_contiguous(a.v)?];
    q.apply_op3(&k, &v, Separate { problem, arrangement, full, logs: OnceLock::new() })
}

/// The tensor itself if the values of its last axis lie side by side, else a copy.
fn rows_contiguous(x: &Tensor) -> Result<Tensor> {
    let is_contiguous = x.stride().last() == Some(&1) || x.dim(D::Minus1)? == 1;
    if is_contiguous { Ok(x.clone()) } else { x.contiguous() }
}

#[cfg(test)]
mod tests;
