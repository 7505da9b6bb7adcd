//! The layers that all modules share, with the life of their tensors.

use crate::plan::tape::{Tape, Value};

/// A linear layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) inner: u64,
    pub(super) out: u64,
    pub(super) has_bias: bool,
}

impl Size {
    pub(super) fn new(inner: usize, out: usize) -> Self {
        Self { inner: inner as u64, out: out as u64, has_bias: true }
    }

    pub(super) fn without_bias(inner: usize, out: usize) -> Self {
        Self { has_bias: false, ..Self::new(inner, out) }
    }
}

/// A normalisation over the last axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Norm {
    Layer,
    Rms,
}

/// The sizes of one attention.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// Sequences, or windows of all pictures.
    pub(super) batch: u64,
    pub(super) count: u64,
    pub(super) queries: u64,
    pub(super) keys: u64,
    /// Width of all query heads together.
    pub(super) width: u64,
    /// Rows and columns of the keys together, where scores depend on relative positions; else 0.
    pub(super) grid: u64,
}

/// Weight and bias, as far as they are trained.
pub(super) type Trained = [Option<Value>; 2];

/// `x wᵀ + b`: keeps its input, and its result for what follows.
pub(super) fn linear(tape: &Tape<'_>, at: &str, x: &Value, size: Size) -> Value {
    let weight = tape.trained(&format!("{at}.weight"), size.inner * size.out);
    let bias = size.has_bias.then(|| tape.trained(&format!("{at}.bias"), size.out)).flatten();
    linear_of(tape, x, size, &[weight, bias])
}

/// As [`linear`], with weight and bias that are known.
pub(super) fn linear_of(tape: &Tape<'_>, x: &Value, size: Size, own: &Trained) -> Value {
    let rows = x.len / size.inner.max(1);
    let flops = 2.0 * (rows * size.inner * size.out) as f64;
    tape.count(flops);
    let [weight, bias] = own;
    let wanted = [x.is_tracked(), weight.is_some()];
    let back = flops * wanted.into_iter().filter(|wanted| *wanted).count() as f64;
    let operands = |list: &[Option<&Value>]| -> Vec<Value> {
        list.iter().filter_map(|value| value.cloned()).collect()
    };
    let inputs = operands(&[Some(x), weight.as_ref(), bias.as_ref()]);
    let inputs: Vec<&Value> = inputs.iter().collect();
    if tape.is_fused() || !size.has_bias {
        return tape.product(&inputs, rows * size.out, back);
    }
    let product = tape.product(&inputs, rows * size.out, back);
    tape.same(&[&product], rows * size.out)
}

/// Keeps input and result; the forms that are composed keep what is between, in f32.
pub(super) fn norm(tape: &Tape<'_>, at: &str, x: &Value, width: u64, kind: Norm) -> Value {
    let weight = tape.trained(&format!("{at}.weight"), width);
    let bias = match kind {
        Norm::Layer => tape.trained(&format!("{at}.bias"), width),
        Norm::Rms => None,
    };
    let x = match (tape.is_fused(), kind) {
        (true, _) => x.clone(),
        (false, Norm::Layer) => chain(tape, x, &[2, 2, 2, 2, 1, 1]),
        (false, Norm::Rms) => chain(tape, x, &[2, 2, 2, 1]),
    };
    let inputs = [Some(x.clone()), weight, bias];
    let inputs: Vec<&Value> = inputs.iter().flatten().collect();
    tape.apply(&inputs, x.len)
}

/// Operations one after the other, each with so many times the memory of `x`.
fn chain(tape: &Tape<'_>, x: &Value, factors: &[u64]) -> Value {
    let len = x.len;
    let last = factors.iter().fold(x.clone(), |x, factor| tape.apply(&[&x], len * factor));
    tape.apply(&[&last], len)
}

/// An activation of one operand: keeps input and result.
pub(super) fn activation(tape: &Tape<'_>, x: &Value) -> Value {
    tape.apply(&[x], x.len)
}

/// `silu(gate) · up`, of two operands or of both in one.
pub(super) fn swiglu(tape: &Tape<'_>, operands: &[&Value], len: u64) -> Value {
    if tape.is_fused() {
        return tape.apply(operands, len);
    }
    let gate = tape.apply(operands, len);
    let inputs: Vec<&Value> = operands.iter().copied().chain([&gate]).collect();
    tape.apply(&inputs, len)
}

/// A copy of a view, in the order of its values.
pub(super) fn copy(tape: &Tape<'_>, x: &Value) -> Value {
    tape.same(&[x], x.len)
}

/// The sum of two values; the second may be repeated.
pub(super) fn add(tape: &Tape<'_>, x: &Value, y: &Value) -> Value {
    tape.same(&[x, y], x.len.max(y.len))
}

/// Attention, heads side by side in operands and result.
///
/// On the CPU nothing is copied and scores are never kept: the forward pass leaves one number per
/// row, and the backward pass computes the scores again. Composed, heads are copied apart, and
/// the scores and what becomes of them are kept.
///
/// `operands` are queries, keys and values, or all three in one; `tables` are those of relative
/// positions that are trained.
pub(super) fn attention(
    tape: &Tape<'_>,
    operands: &[&Value],
    tables: &[Value],
    size: Heads,
) -> Value {
    let Heads { batch, count: heads, queries, keys, width, grid } = size;
    let product = 2.0 * (batch * queries * keys * width) as f64;
    let relative = 2.0 * (batch * queries * grid * width) as f64;
    tape.count(2.0 * product + relative);
    let is_tracked = operands.iter().any(|operand| operand.is_tracked());
    let len = batch * queries * width;
    let wanted = f64::from(u8::from(is_tracked)) + f64::from(u8::from(!tables.is_empty()));
    let own = if is_tracked { 4.0 * product } else { 0.0 } + wanted * relative;
    if tape.is_fused() {
        let again = if own > 0.0 { product + relative } else { 0.0 };
        let rows = tape.constant(batch * heads * queries);
        let inputs: Vec<&Value> = operands.iter().copied().chain(tables).chain([&rows]).collect();
        return tape.product(&inputs, len, own + again);
    }
    let parts = match operands {
        [all] => vec![tape.part(all, all.len / 3); 3],
        apart => apart.iter().map(|operand| (*operand).clone()).collect(),
    };
    let parts: Vec<Value> = parts.iter().map(|part| copy(tape, part)).collect();
    let values = parts.last().cloned();
    let inputs: Vec<&Value> = parts.iter().take(2).chain(tables).collect();
    let scores = batch * heads * queries * keys;
    let mut weights = tape.apply(&inputs, scores);
    // Bias, shift, exponential, division.
    for _ in 0..4 {
        weights = tape.apply(&[&weights], scores);
    }
    let inputs: Vec<&Value> = [&weights].into_iter().chain(&values).collect();
    copy(tape, &tape.product(&inputs, len, own))
}
