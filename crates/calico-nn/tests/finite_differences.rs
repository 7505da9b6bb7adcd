//! The gradient of every operation equals finite differences, without any other implementation.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use calico_nn::ops::{self, Attention, Bias};
use calico_nn::{interpolate, losses};
use candle_core::{Device, Result, Tensor, Var};

fn wave(shape: &[usize], step: f32) -> Tensor {
    let len = shape.iter().product::<usize>();
    let values = (0..len).map(|i| (i as f32 * step).sin()).collect::<Vec<_>>();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Central differences of `sum(f(x) · r)` against the gradient.
fn check(name: &str, x: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) {
    let var = Var::from_tensor(x).unwrap();
    let weights = (wave(f(&var).unwrap().dims(), 0.7) + 0.6).unwrap();
    let loss = |x: &Tensor| f(x).unwrap().mul(&weights).unwrap().sum_all().unwrap();
    let gradients = loss(&var).backward().unwrap();
    let gradient = gradients.get(&var).unwrap();
    let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(gradient.iter().any(|g| g.abs() > 1e-4), "{name} has no gradient at all");
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
        let error = (numeric - analytic).abs();
        assert!(error < 2e-3, "{name}, element {i}: {numeric} by differences, {analytic} computed");
    }
}

#[test]
fn of_row_wise_operations_and_products() {
    let x = wave(&[1, 2, 3, 4], 0.37);
    let other = wave(&[1, 2, 3, 4], 0.53);
    let (w, b) = (wave(&[4], 0.9), wave(&[4], 0.4));
    let (cos, sin) = (wave(&[3, 2], 0.3), wave(&[3, 2], 0.8));
    let (weight, bias) = (wave(&[5, 4], 0.6), wave(&[5], 0.1));
    check("softmax", &x, ops::softmax);
    check("layer norm", &x, |x| ops::layer_norm(x, &w, &b, 1e-5));
    check("layer norm's weight", &w, |w| ops::layer_norm(&x, w, &b, 1e-5));
    check("layer norm's bias", &b, |b| ops::layer_norm(&x, &w, b, 1e-5));
    check("RMS norm", &x, |x| ops::rms_norm(x, &w, 1e-5));
    check("RMS norm's weight", &w, |w| ops::rms_norm(&x, w, 1e-5));
    check("rotary", &x, |x| ops::rotary(x, &cos, &sin));
    check("GELU", &x, ops::gelu);
    check("SwiGLU's gate", &x, |x| ops::swiglu(x, &other));
    check("SwiGLU's other half", &x, |x| ops::swiglu(&other, x));
    check("packed SwiGLU", &x, ops::swiglu_packed);
    check("linear", &x, |x| ops::linear(x, &weight, Some(&bias)));
    check("linear's weight", &weight, |weight| ops::linear(&x, weight, Some(&bias)));
    check("linear's bias", &bias, |bias| ops::linear(&x, &weight, Some(bias)));
    check("embedding", &weight, |table| ops::embedding(table, &[4, 0, 4, 2]));
}

#[test]
fn of_attention_with_every_bias() {
    let (q, k, v) =
        (wave(&[1, 2, 6, 4], 0.31), wave(&[1, 2, 6, 4], 0.53), wave(&[1, 2, 6, 4], 0.71));
    let full = wave(&[1, 2, 6, 6], 0.23);
    let (rows, columns) = (wave(&[1, 2, 6, 2], 0.2), wave(&[1, 2, 6, 3], 0.6));
    let lengths = [1, 3, 2];
    let decomposed = Bias::Decomposed { rows: &rows, columns: &columns };
    for (name, bias) in [
        ("no bias", Bias::None),
        ("causal", Bias::Causal),
        ("full", Bias::Full(&full)),
        ("packed", Bias::Packed(&lengths)),
        ("decomposed", decomposed),
    ] {
        let call = |q: &Tensor, k: &Tensor, v: &Tensor| {
            ops::attention(&Attention { q, k, v, scale: 0.5, bias })
        };
        check(&format!("{name}: queries"), &q, |q| call(q, &k, &v));
        check(&format!("{name}: keys"), &k, |k| call(&q, k, &v));
        check(&format!("{name}: values"), &v, |v| call(&q, &k, v));
    }
    check("a full bias", &full, |full| {
        ops::attention(&Attention { q: &q, k: &k, v: &v, scale: 0.5, bias: Bias::Full(full) })
    });
    check("a bias of rows", &rows, |rows| {
        let bias = Bias::Decomposed { rows, columns: &columns };
        ops::attention(&Attention { q: &q, k: &k, v: &v, scale: 0.5, bias })
    });
    check("a bias of columns", &columns, |columns| {
        let bias = Bias::Decomposed { rows: &rows, columns };
        ops::attention(&Attention { q: &q, k: &k, v: &v, scale: 0.5, bias })
    });
    let (k, v) = (wave(&[1, 1, 6, 4], 0.53), wave(&[1, 1, 6, 4], 0.71));
    let shared = |k: &Tensor, v: &Tensor| {
        ops::attention(&Attention { q: &q, k, v, scale: 0.5, bias: Bias::Causal })
    };
    check("shared keys", &k, |k| shared(k, &v));
    check("shared values", &v, |v| shared(&k, v));
}

#[test]
fn of_convolutions_and_resizing() {
    let x = wave(&[2, 3, 4, 5], 0.37);
    let weight = wave(&[2, 3, 3, 3], 0.21);
    check("convolution", &x, |x| ops::convolution(x, &weight, 1));
    check("convolution's weight", &weight, |weight| ops::convolution(&x, weight, 1));
    check("enlarging", &x, |x| interpolate::bilinear(x, 7, 9));
    check("shrinking", &x, |x| interpolate::bilinear(x, 3, 2));
}

#[test]
fn of_losses() {
    let logits = wave(&[3, 5], 0.9);
    let targets = [Some(2), None, Some(4)];
    check("cross-entropy", &logits, |x| losses::cross_entropy(x, &targets));
    let shares = ops::softmax(&wave(&[3, 5], 0.4)).unwrap();
    check("soft cross-entropy", &logits, |x| losses::soft_cross_entropy(x, &shares));
    let masks = logits.gt(0.1f32).unwrap().to_dtype(candle_core::DType::F32).unwrap();
    // Means over pixels are small; a wide picture would drown in rounding.
    let times = |x: Result<Tensor>| x? * 100.0;
    check("focal", &logits, |x| times(losses::focal(x, &masks, 0.25, 2.0)));
    check("focal without alpha", &logits, |x| times(losses::focal(x, &masks, -1.0, 1.5)));
    check("BCE", &logits, |x| losses::binary_cross_entropy(x, &masks));
    check("Dice", &logits, |x| losses::dice(x, &masks));
}
