//! Gradients, and equality of the two forms of every operation.

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

#[test]
fn a_decomposed_bias_equals_the_full_one() {
    let (q, k, v) = (ramp(&[1, 2, 6, 4], 0.3), ramp(&[1, 2, 6, 4], 0.5), ramp(&[1, 2, 6, 4], 0.7));
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
        let single = attention(&Attention { q: &q, k: &q, v: &q, scale: 1.0, bias: Bias::None });
        close(&whole.narrow(1, head, 1).unwrap(), &single.unwrap(), 1e-6);
    }
}

#[test]
fn more_queries_than_keys_cannot_be_causal() {
    let (q, k) = (ramp(&[1, 1, 4, 2], 0.1), ramp(&[1, 1, 3, 2], 0.1));
    let call = attention(&Attention { q: &q, k: &k, v: &k, scale: 1.0, bias: Bias::Causal });
    assert!(call.is_err());
}

#[test]
fn the_one_pass_forms_equal_the_composed_ones_with_their_gradients() {
    type Form = Box<dyn Fn(&Tensor) -> Result<Tensor>>;
    let (w, b) = (ramp(&[48], 0.9), ramp(&[48], 0.4));
    let other = ramp(&[5, 700, 48], 0.53);
    let pair = |form: fn(&Tensor, &Tensor, &Tensor, f64) -> Result<Tensor>| -> Form {
        let (w, b) = (w.clone(), b.clone());
        Box::new(move |x| form(x, &w, &b, 1e-5))
    };
    let rms = |form: fn(&Tensor, &Tensor, f64) -> Result<Tensor>| -> Form {
        let w = w.clone();
        Box::new(move |x| form(x, &w, 1e-5))
    };
    let gated = |form: fn(&Tensor, &Tensor) -> Result<Tensor>, first: bool| -> Form {
        let other = other.clone();
        Box::new(move |x| if first { form(x, &other) } else { form(&other, x) })
    };
    let forms: [(&str, Form, Form); 6] = [
        ("softmax", Box::new(cpu::softmax), Box::new(composed::softmax)),
        ("gelu", Box::new(cpu::gelu), Box::new(composed::gelu)),
        ("layer norm", pair(cpu::layer_norm), pair(composed::layer_norm)),
        ("rms norm", rms(cpu::rms_norm), rms(composed::rms_norm)),
        ("swiglu gate", gated(cpu::swiglu, true), gated(composed::swiglu, true)),
        ("swiglu up", gated(cpu::swiglu, false), gated(composed::swiglu, false)),
    ];
    // More than one task, rows that do not divide a task, values up to ±6.
    let x = (ramp(&[5, 700, 48], 0.37) * 6.0).unwrap();
    let weights = ramp(&[5, 700, 48], 0.71);
    for (name, one_pass, composed) in forms {
        let run = |form: &Form| {
            let x = Var::from_tensor(&x).unwrap();
            let y = form(&x).unwrap();
            let loss = (&y * &weights).unwrap().sum_all().unwrap();
            let gradients = loss.backward().unwrap();
            (y.detach(), gradients.get(&x).expect("a gradient").clone())
        };
        let ((y, dx), (want_y, want_dx)) = (run(&one_pass), run(&composed));
        println!("{name}");
        close(&y, &want_y, 5e-6);
        close(&dx, &want_dx, 5e-6);
    }
}

#[test]
fn the_product_forms_equal_the_composed_ones_with_all_gradients() {
    let gradients = |arguments: &[Tensor], form: &dyn Fn(&[Tensor]) -> Result<Tensor>| {
        let vars: Vec<_> = arguments.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
        let tensors: Vec<_> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let y = form(&tensors).unwrap();
        let loss = (&y * ramp(y.dims(), 0.71)).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        let all = vars.iter().map(|var| gradients.get(var).expect("a gradient").clone());
        std::iter::once(y.detach()).chain(all).collect::<Vec<_>>()
    };
    let equal = |arguments: &[Tensor],
                 form: &dyn Fn(&[Tensor]) -> Result<Tensor>,
                 composed: &dyn Fn(&[Tensor]) -> Result<Tensor>| {
        let (got, want) = (gradients(arguments, form), gradients(arguments, composed));
        for (got, want) in got.iter().zip(&want) {
            let largest = want.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            close(got, want, 5e-6 * largest.max(1.0));
        }
    };
    for [rows, inner, out] in [[1, 22, 700], [1, 1, 1], [3, 88, 5], [513, 22, 130]] {
        for shape in [vec![rows, inner], vec![1, rows, inner], vec![rows, 1, 1, inner]] {
            let (x, weight) = (ramp(&shape, 0.37), ramp(&[out, inner], 0.53));
            let biased = [x.clone(), weight.clone(), ramp(&[out], 0.9)];
            equal(&biased, &|x| linear(&x[0], &x[1], Some(&x[2])), &|x| {
                composed::linear(&x[0], &x[1], Some(&x[2]))
            });
            equal(&[x, weight.clone()], &|x| linear(&x[0], &x[1], None), &|x| {
                composed::linear(&x[0], &x[1], None)
            });
            let turned = weight.t().unwrap().contiguous().unwrap();
            equal(&[ramp(&shape, 0.2), turned], &|x| linear(&x[0], &x[1].t()?, None), &|x| {
                composed::linear(&x[0], &x[1].t()?, None)
            });
        }
    }
    for [height, width, side] in [[8, 8, 3], [6, 4, 2], [5, 7, 9], [1, 1, 1]] {
        let x = ramp(&[2, height, width, 3], 0.37);
        let windows = windows::Windows { map: [2, height, width, 3], side };
        let (counts, map) = (windows.counts(), windows.map);
        equal(std::slice::from_ref(&x), &|x| split_windows(&x[0], side), &|x| {
            composed::split_windows(&x[0], counts, side)
        });
        let cut = split_windows(&x, side).unwrap();
        close(&join_windows(&cut, [height, width]).unwrap(), &x, 0.0);
        equal(&[cut], &|x| join_windows(&x[0], [height, width]), &|x| {
            composed::join_windows(&x[0], map, counts)
        });
    }
    for [batch, heads, tokens, width] in [[1, 1, 1, 2], [2, 3, 5, 22], [1, 4, 300, 88]] {
        let (cos, sin) = (ramp(&[tokens, width / 2], 0.3), ramp(&[tokens, width / 2], 0.8));
        let split = ramp(&[batch, heads, tokens, width], 0.37);
        let merged = ramp(&[batch, tokens, heads * width], 0.37);
        let swapped = |x: &Tensor| x.transpose(1, 2);
        for x in [split, merged] {
            equal(&[x], &|x| rotary(&x[0], &cos, &sin), &|x| composed::rotary(&x[0], &cos, &sin));
        }
        let heads_last = ramp(&[batch, tokens, heads, width], 0.37);
        equal(&[heads_last], &|x| rotary(&swapped(&x[0])?, &cos, &sin), &|x| {
            composed::rotary(&swapped(&x[0])?, &cos, &sin)
        });
        let packed = ramp(&[batch, tokens, 2 * heads * width], 0.37);
        let half = |x: &Tensor| x.narrow(2, heads * width, heads * width);
        equal(&[packed], &|x| rotary(&half(&x[0])?, &cos, &sin), &|x| {
            composed::rotary(&half(&x[0])?, &cos, &sin)
        });
    }
}

#[test]
fn windows_come_row_by_row_with_zeros_at_the_bottom_and_right() {
    let x = Tensor::arange(1f32, 10.0, &Device::Cpu).unwrap();
    let windows = split_windows(&x.reshape((1, 3, 3, 1)).unwrap(), 2).unwrap();
    let windows = windows.reshape((4, 4)).unwrap().to_vec2::<f32>().unwrap();
    let expected =
        [[1.0, 2.0, 4.0, 5.0], [3.0, 0.0, 6.0, 0.0], [7.0, 8.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0]];
    assert_eq!(windows, expected);
}

#[test]
fn frozen_weights_receive_no_gradient() {
    let (x, weight) = (Var::from_tensor(&ramp(&[3, 4], 0.37)).unwrap(), ramp(&[5, 4], 0.6));
    let y = linear(&x, &weight, Some(&ramp(&[5], 0.1))).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_some() && gradients.get(&weight).is_none());
}

#[test]
fn a_linear_layer_refuses_rows_of_another_width() {
    assert!(linear(&ramp(&[2, 3], 0.1), &ramp(&[5, 4], 0.1), None).is_err());
    assert!(linear(&ramp(&[2, 4], 0.1), &ramp(&[5, 4], 0.1), Some(&ramp(&[4], 0.1))).is_err());
}

#[test]
fn a_rotation_refuses_angles_of_other_tokens() {
    let angles = |tokens: usize| ramp(&[tokens, 2], 0.3);
    assert!(rotary(&ramp(&[1, 2, 3, 4], 0.1), &angles(4), &angles(4)).is_err());
    assert!(rotary(&ramp(&[1, 2, 3, 6], 0.1), &angles(3), &angles(3)).is_err());
    assert!(rotary(&ramp(&[1, 3, 6], 0.1), &angles(3), &angles(3)).is_err());
    assert!(rotary(&ramp(&[1, 3, 8], 0.1), &angles(3), &angles(2)).is_err());
}
