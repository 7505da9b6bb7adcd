//! The basic operations: every product, norm and activation of every network goes through here.
//!
//! They are composed of candle operations that have a backward pass, so training and inference
//! run the same code. (candle's fused softmax, norms and rotary embedding have none, and its
//! `gelu` is the tanh form.) The signatures are those of a fused kernel: a faster
//! implementation replaces a body here and nothing else.

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
    // The maximum only guards against overflow; its gradient cancels.
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    let exp = shifted.exp()?;
    exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
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

/// Root-mean-square normalisation over the last axis, in f32; the weight is applied in the
/// input's type, as LLaMA does.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?;
    let mean_square = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean_square + eps)?.sqrt()?)?.to_dtype(dtype)?.broadcast_mul(weight)
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
    x.gelu_erf()
}

/// `silu(gate) · up`.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.silu()?.mul(up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn ramp(shape: &[usize], step: f32) -> Tensor {
        let len = shape.iter().product::<usize>();
        let data = (0..len).map(|i| (i as f32 * step).sin()).collect::<Vec<_>>();
        Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
    }

    fn close(a: &Tensor, b: &Tensor, tolerance: f32) {
        let worst = (a - b).unwrap().abs().unwrap().max_all().unwrap();
        let worst = worst.to_scalar::<f32>().unwrap();
        assert!(worst <= tolerance, "differs by {worst}");
    }

    /// Central differences of `sum(f(x) · r)` against the gradient that candle computes.
    fn check_gradient(x: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) {
        let var = Var::from_tensor(x).unwrap();
        let weights = ramp(f(&var).unwrap().dims(), 0.7);
        let loss = |x: &Tensor| f(x).unwrap().mul(&weights).unwrap().sum_all().unwrap();
        let gradients = loss(&var).backward().unwrap();
        let gradient = gradients.get(&var).expect("the gradient must reach the input");
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let base = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let step = 4e-3f32;
        for (i, analytic) in gradient.iter().enumerate() {
            let at = |delta: f32| {
                let mut moved = base.clone();
                moved[i] += delta;
                let moved = Tensor::from_vec(moved, x.dims(), &Device::Cpu).unwrap();
                loss(&moved).to_scalar::<f32>().unwrap()
            };
            let numeric = (at(step) - at(-step)) / (2.0 * step);
            assert!((numeric - analytic).abs() < 2e-3, "element {i}: {numeric} vs {analytic}");
        }
    }

    #[test]
    fn gradients_of_all_operations_match_finite_differences() {
        let x = ramp(&[1, 2, 3, 4], 0.37);
        let other = ramp(&[1, 2, 3, 4], 0.53);
        let (w, b) = (ramp(&[4], 0.9), ramp(&[4], 0.4));
        let (cos, sin) = (ramp(&[3, 2], 0.3), ramp(&[3, 2], 0.8));
        check_gradient(&x, softmax);
        check_gradient(&x, |x| layer_norm(x, &w, &b, 1e-5));
        check_gradient(&x, |x| rms_norm(x, &w, 1e-5));
        check_gradient(&x, |x| rotary(x, &cos, &sin));
        check_gradient(&x, gelu);
        check_gradient(&x, |x| swiglu(x, &other));
        check_gradient(&x, |x| linear(x, &ramp(&[5, 4], 0.6), Some(&ramp(&[5], 0.1))));
        for bias in [Bias::None, Bias::Causal] {
            let call = |q: &Tensor, k: &Tensor, v: &Tensor| {
                attention(&Attention { q, k, v, scale: 0.5, bias })
            };
            check_gradient(&x, |x| call(x, &other, &other));
            check_gradient(&x, |x| call(&other, x, &other));
            check_gradient(&x, |x| call(&other, &other, x));
        }
    }

    #[test]
    fn a_decomposed_bias_equals_the_full_one() {
        let (q, k, v) =
            (ramp(&[1, 2, 6, 4], 0.3), ramp(&[1, 2, 6, 4], 0.5), ramp(&[1, 2, 6, 4], 0.7));
        let (rows, columns) = (ramp(&[1, 2, 6, 2], 0.2), ramp(&[1, 2, 6, 3], 0.6));
        let full = rows
            .unsqueeze(4)
            .unwrap()
            .broadcast_add(&columns.unsqueeze(3).unwrap())
            .unwrap()
            .reshape((1, 2, 6, 6))
            .unwrap();
        let call = |bias| attention(&Attention { q: &q, k: &k, v: &v, scale: 0.5, bias }).unwrap();
        let decomposed = call(Bias::Decomposed { rows: &rows, columns: &columns });
        close(&decomposed, &call(Bias::Full(&full)), 1e-6);
    }

    #[test]
    fn grouped_heads_equal_repeated_heads() {
        let q = ramp(&[2, 4, 3, 4], 0.3);
        let (k, v) = (ramp(&[2, 2, 5, 4], 0.5), ramp(&[2, 2, 5, 4], 0.7));
        let double = |x: &Tensor| x.index_select(&Tensor::new(&[0u32, 0, 1, 1], x.device())?, 1);
        let (k2, v2) = (double(&k).unwrap(), double(&v).unwrap());
        let call = |k, v| attention(&Attention { q: &q, k, v, scale: 0.5, bias: Bias::Causal });
        close(&call(&k, &v).unwrap(), &call(&k2, &v2).unwrap(), 1e-6);
    }

    #[test]
    fn large_scores_are_split_by_heads_without_changing_the_result() {
        // 3 heads x 2400 x 2400 scores exceed what is held at once.
        let q = ramp(&[1, 3, 2400, 2], 0.011);
        let whole = attention(&Attention { q: &q, k: &q, v: &q, scale: 1.0, bias: Bias::None });
        let whole = whole.unwrap();
        for head in 0..3 {
            let q = q.narrow(1, head, 1).unwrap();
            let single =
                attention(&Attention { q: &q, k: &q, v: &q, scale: 1.0, bias: Bias::None });
            close(&whole.narrow(1, head, 1).unwrap(), &single.unwrap(), 1e-6);
        }
    }

    #[test]
    fn more_queries_than_keys_cannot_be_causal() {
        let (q, k) = (ramp(&[1, 1, 4, 2], 0.1), ramp(&[1, 1, 3, 2], 0.1));
        let call = attention(&Attention { q: &q, k: &k, v: &k, scale: 1.0, bias: Bias::Causal });
        assert!(call.is_err());
    }
}
