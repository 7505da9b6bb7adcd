//! The tiled form against the composed one, with all gradients.

use super::*;
use candle_core::{DType, Device, Var};

fn ramp(shape: &[usize], step: f32) -> Tensor {
    let len = shape.iter().product::<usize>();
    let data = (0..len).map(|i| (i as f32 * step).sin()).collect::<Vec<_>>();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

fn largest(x: &Tensor) -> f32 {
    x.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

fn close(name: &str, got: &Tensor, want: &Tensor, tolerance: f32) {
    assert_eq!(got.dims(), want.dims(), "{name}");
    let worst = largest(&(got - want).unwrap());
    assert!(worst <= tolerance, "{name}: {worst} off, more than {tolerance}");
}

/// The result of a form and the gradients of its arguments.
fn run(arguments: &[Tensor], form: impl Fn(&[Tensor]) -> Result<Tensor>) -> Vec<Tensor> {
    let vars: Vec<_> = arguments.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let tensors: Vec<_> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let y = form(&tensors).unwrap();
    let weights = ramp(y.dims(), 0.71);
    let gradients = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let of_vars = vars.iter().map(|var| gradients.get(var).expect("a gradient").clone());
    std::iter::once(y.detach()).chain(of_vars).collect()
}

/// The result and all gradients are at most 5e-6 of the largest value apart, among them and the
/// gradient of the result, which is 1; and two runs give the same bits.
fn equal_to_composed(
    name: &str,
    arguments: &[Tensor],
    form: impl Fn(&[Tensor]) -> Result<Tensor>,
    composed: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    let (got, want) = (run(arguments, &form), run(arguments, composed));
    let scale = want.iter().map(largest).fold(1.0, f32::max);
    for (index, (got, want)) in got.iter().zip(&want).enumerate() {
        close(&format!("{name}, {index}"), got, want, 5e-6 * scale);
    }
    let again = run(arguments, form);
    for (first, second) in got.iter().zip(&again) {
        let bits = |x: &Tensor| {
            let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert!(bits(first) == bits(second), "{name}: two runs differ");
    }
}

/// `[B, N, N', T, S, K]`: one row, widths that fill no register, tiles that do not divide the
/// queries, several tiles, grouped heads.
const SIZES: [[usize; 6]; 7] = [
    [1, 1, 1, 1, 1, 4],
    [2, 2, 2, 1, 37, 22],
    [1, 2, 1, 5, 9, 88],
    [2, 4, 2, 33, 50, 22],
    [1, 6, 2, 130, 130, 16],
    [1, 1, 1, 257, 300, 8],
    [3, 2, 2, 17, 17, 1],
];

fn operands([batch, heads, kv_heads, queries, keys, width]: [usize; 6]) -> [Tensor; 3] {
    [
        (ramp(&[batch, heads, queries, width], 0.37) * 3.0).unwrap(),
        ramp(&[batch, kv_heads, keys, width], 0.53),
        ramp(&[batch, kv_heads, keys, width], 0.91),
    ]
}

fn call<'a>(x: &'a [Tensor], bias: Bias<'a>) -> Attention<'a> {
    Attention { q: &x[0], k: &x[1], v: &x[2], scale: 0.4, bias }
}

#[test]
fn tiles_equal_the_whole_with_all_gradients() {
    for sizes in SIZES {
        let x = operands(sizes);
        let [_, _, _, queries, keys, _] = sizes;
        let full = ramp(&[queries, keys], 0.3);
        for bias in [Bias::None, Bias::Causal, Bias::Full(&full)] {
            let name = format!("{sizes:?} {bias:?}");
            let composed = |x: &[Tensor]| composed::attention(&call(x, bias));
            equal_to_composed(&name, &x, |x| attention(&call(x, bias)), composed);
        }
    }
}

#[test]
fn merged_heads_equal_split_ones_with_all_gradients() {
    for sizes in SIZES {
        let x = operands(sizes).map(|x| merge_heads(&x).unwrap());
        let [_, heads, kv_heads, ..] = sizes;
        for bias in [Bias::None, Bias::Causal] {
            let composed = |x: &[Tensor]| {
                let x = [
                    split_heads(&x[0], heads)?,
                    split_heads(&x[1], kv_heads)?,
                    split_heads(&x[2], kv_heads)?,
                ];
                merge_heads(&composed::attention(&call(&x, bias))?)
            };
            let form = |x: &[Tensor]| merged_attention(&call(x, bias), heads);
            equal_to_composed(&format!("{sizes:?} {bias:?}"), &x, form, composed);
        }
    }
}

#[test]
fn heads_are_read_where_they_lie() {
    // Transposed views of one buffer, as projections give them.
    let buffer = ramp(&[2, 9, 3, 4, 6], 0.37);
    let views = |x: &Tensor| {
        let x = x.permute((2, 0, 3, 1, 4))?;
        Ok::<_, candle_core::Error>([x.get(0)?, x.get(1)?, x.get(2)?])
    };
    let form = |x: &[Tensor]| attention(&call(&views(&x[0])?, Bias::Causal));
    let composed = |x: &[Tensor]| composed::attention(&call(&views(&x[0])?, Bias::Causal));
    equal_to_composed("views", &[buffer], form, composed);
}

#[test]
fn packed_sequences_equal_those_apart_with_all_gradients() {
    for lengths in [&[7usize, 1, 0, 60, 33][..], &[101], &[1; 101]] {
        let bias = Bias::Packed(lengths);
        for sizes in [[1, 2, 2, 101, 101, 8], [2, 4, 2, 101, 101, 22]] {
            let x = operands(sizes);
            let composed = |x: &[Tensor]| composed::attention(&call(x, bias));
            equal_to_composed("split", &x, |x| attention(&call(x, bias)), composed);
        }
        let qkv = ramp(&[2, 101, 3 * 2 * 8], 0.37);
        equal_to_composed(
            "fused",
            &[qkv],
            |x| fused_attention(&x[0], 2, 0.4, bias),
            |x| fused_composed(&x[0], 2, bias),
        );
    }
}

/// What [`fused_attention`] computes, composed.
fn fused_composed(qkv: &Tensor, heads: usize, bias: Bias<'_>) -> Result<Tensor> {
    let third = qkv.dim(2)? / 3;
    let part = |index| split_heads(&qkv.narrow(2, index * third, third)?, heads);
    merge_heads(&composed::attention(&call(&[part(0)?, part(1)?, part(2)?], bias))?)
}

fn decomposed_bias(x: &[Tensor]) -> Bias<'_> {
    Bias::Decomposed { rows: &x[1], columns: &x[2] }
}

#[test]
fn grids_equal_the_whole_with_the_gradients_of_their_values() {
    for [batch, heads, h, w, width] in [[1, 1, 1, 1, 4], [2, 2, 3, 5, 22], [1, 3, 14, 14, 8]] {
        let tokens = h * w;
        let arguments = [
            ramp(&[batch, tokens, 3 * heads * width], 0.37),
            ramp(&[batch, heads, tokens, h], 0.2),
            ramp(&[batch, heads, tokens, w], 0.6),
        ];
        equal_to_composed(
            "fused",
            &arguments,
            |x| fused_attention(&x[0], heads, 0.4, decomposed_bias(x)),
            |x| fused_composed(&x[0], heads, decomposed_bias(x)),
        );
        let [q, k, v] = operands([batch, heads, heads, tokens, tokens, width]);
        let [_, rows, columns] = arguments;
        let decomposed = |x: &[Tensor], form: fn(&Attention<'_>) -> Result<Tensor>| {
            form(&call(&x[..3], decomposed_bias(&x[2..])))
        };
        equal_to_composed(
            "split",
            &[q, k, v, rows, columns],
            |x| decomposed(x, attention),
            |x| decomposed(x, composed::attention),
        );
    }
}

fn relative_bias(x: &[Tensor]) -> Bias<'_> {
    Bias::Relative { rows: &x[1], columns: &x[2] }
}

#[test]
fn tables_of_relative_positions_equal_the_values_looked_up_with_their_gradients() {
    for [batch, heads, h, w, width] in [[1, 1, 1, 1, 4], [2, 2, 3, 5, 22], [1, 3, 14, 13, 8]] {
        let arguments = [
            ramp(&[batch, h * w, 3 * heads * width], 0.37),
            ramp(&[2 * h - 1, width], 0.2),
            ramp(&[2 * w - 1, width], 0.6),
        ];
        equal_to_composed(
            "fused",
            &arguments,
            |x| fused_attention(&x[0], heads, 0.4, relative_bias(x)),
            |x| fused_composed(&x[0], heads, relative_bias(x)),
        );
    }
}

#[test]
fn a_relative_bias_adds_the_entry_for_the_distance_of_query_and_key() {
    let (h, w, width) = (2, 3, 4);
    let x = operands([1, 1, 1, h * w, h * w, width]);
    let (rows, columns) = (ramp(&[2 * h - 1, width], 0.2), ramp(&[2 * w - 1, width], 0.6));
    let values = |x: &Tensor| x.reshape(((), width)).unwrap().to_vec2::<f32>().unwrap();
    let (q, row_table, column_table) = (values(&x[0]), values(&rows), values(&columns));
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let mut full = Vec::new();
    for query in 0..h * w {
        for key in 0..h * w {
            let row = &row_table[query / w + h - 1 - key / w];
            let column = &column_table[query % w + w - 1 - key % w];
            full.push(product(&q[query], row) + product(&q[query], column));
        }
    }
    let full = Tensor::from_vec(full, (h * w, h * w), &Device::Cpu).unwrap();
    let bias = Bias::Relative { rows: &rows, columns: &columns };
    let got = attention(&call(&x, bias)).unwrap();
    close("relative", &got, &attention(&call(&x, Bias::Full(&full))).unwrap(), 5e-6);
}

#[test]
fn a_bias_that_learns_receives_its_gradient() {
    let [q, k, v] = operands([1, 2, 2, 3, 5, 4]);
    let full = ramp(&[3, 5], 0.3);
    let form = |x: &[Tensor]| attention(&call(x, Bias::Full(&x[3])));
    assert_eq!(run(&[q, k, v, full], form).len(), 5);
}

#[test]
fn frozen_operands_receive_no_gradient() {
    let [q, k, v] = operands([1, 2, 2, 3, 5, 4]);
    let v = Var::from_tensor(&v).unwrap();
    let y = attention(&call(&[q.clone(), k.clone(), v.as_tensor().clone()], Bias::None)).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&v).is_some());
    assert!(gradients.get(&q).is_none() && gradients.get(&k).is_none());
}

#[test]
fn other_types_take_the_composed_form() {
    let x = operands([1, 2, 1, 3, 5, 4]);
    let y = attention(&call(&x, Bias::Causal)).unwrap();
    let x = x.map(|x| x.to_dtype(DType::F64).unwrap());
    let precise = attention(&call(&x, Bias::Causal)).unwrap();
    close("f64", &y, &precise.to_dtype(DType::F32).unwrap(), 5e-6);
}

#[test]
fn shapes_that_disagree_are_refused() {
    let x = operands([1, 2, 2, 6, 6, 4]);
    let refused = |bias: Bias<'_>| assert!(attention(&call(&x, bias)).is_err(), "{bias:?}");
    refused(Bias::Packed(&[3, 2]));
    let side = |side| ramp(&[1, 2, 6, side], 0.1);
    refused(Bias::Decomposed { rows: &side(2), columns: &side(2) });
    let table = |side, width| ramp(&[side, width], 0.1);
    refused(Bias::Relative { rows: &table(3, 4), columns: &table(3, 4) });
    refused(Bias::Relative { rows: &table(3, 4), columns: &table(5, 3) });
    let narrow = ramp(&[1, 2, 6, 3], 0.1);
    assert!(attention(&call(&[x[0].clone(), narrow.clone(), narrow], Bias::None)).is_err());
    assert!(merged_attention(&call(&[side(4), side(4), side(4)], Bias::None), 2).is_err());
    assert!(fused_attention(&ramp(&[1, 2, 10], 0.1), 2, 1.0, Bias::None).is_err());
}
