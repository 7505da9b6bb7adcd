//! Products of 8 bits at every level that the machine has.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use calico_kernels::q8::{self, Q8Weights};
use calico_kernels::{KernelError, Kernels};
use proptest::prelude::*;
use support::{Random, all_kernels, bits, on_threads};

/// A product from the beginning to the end.
fn product(kernels: Kernels, weights: &Q8Weights<'_>, x: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let rows = kernels.q8_rows(x, weights.inner()).unwrap();
    let mut y = vec![f32::NAN; rows.rows() * weights.outputs()];
    kernels.q8_product(weights, &rows, bias, &mut y).unwrap();
    y
}

/// The codes of a row as they are documented, their scale, and which values have none.
fn row_by_definition(x: &[f32]) -> (Vec<i64>, f32, Vec<bool>) {
    let mut is_outlier = vec![false; x.len()];
    loop {
        let rest = || x.iter().zip(&is_outlier).map(|(x, out)| if *out { 0.0 } else { *x });
        let peak = rest().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        let (inverse, scale) = if peak == 0.0 { (0.0, 0.0) } else { (127.0 / peak, peak / 127.0) };
        let codes: Vec<i64> = rest().map(|x| (x * inverse).round_ties_even() as i64).collect();
        let mean = codes.iter().map(|code| code.abs()).sum::<i64>() as f64 / x.len() as f64;
        let above: Vec<bool> = codes.iter().map(|code| code.abs() as f64 > 12.0 * mean).collect();
        let joined: Vec<bool> = is_outlier.iter().zip(&above).map(|(a, b)| *a || *b).collect();
        let count = joined.iter().filter(|out| **out).count();
        if !above.contains(&true) || count > x.len() / 64 {
            return (codes, scale, is_outlier);
        }
        is_outlier = joined;
    }
}

/// The documented formula, one number after the other.
fn by_definition(weights: &Q8Weights<'_>, x: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let inner = weights.inner();
    let all_codes = q8::unpack(weights);
    let mut y = Vec::new();
    for row in x.chunks(inner) {
        let (x, scale, is_outlier) = row_by_definition(row);
        for (o, codes) in all_codes.chunks(inner).enumerate() {
            let sum: i64 = codes.iter().zip(&x).map(|(&w, x)| i64::from(w) * x).sum();
            let mut value = i32::try_from(sum).unwrap() as f32 * (scale * weights.scales()[o]);
            if is_outlier.contains(&true) {
                let kept = (0..inner).filter(|&i| is_outlier[i]);
                let weight = |i: usize| f32::from(codes[i]) * weights.scales()[o];
                value += kept.fold(0.0, |sum, i| sum + weight(i) * row[i]);
            }
            y.push(bias.map_or(value, |bias| value + bias[o]));
        }
    }
    y
}

/// Rows, outputs, inner width.
const SHAPES: [[usize; 3]; 9] = [
    [1, 1, 1],
    [1, 17, 4],
    [3, 16, 5],
    [2, 15, 31],
    [7, 33, 64],
    [13, 48, 257],
    [66, 5, 96],
    [1, 200, 1408],
    [9, 40, 1408],
];

#[test]
fn every_level_computes_the_documented_formula_to_the_bit() {
    for [rows, outputs, inner] in SHAPES {
        let mut random = Random::new((rows * outputs * inner) as u64);
        let weights = Kernels::detect()
            .q8_quantize(&random.normal(outputs * inner, 0.02), outputs, inner)
            .unwrap();
        let x = random.with_outliers(rows * inner, inner);
        let bias = random.normal(outputs, 1.0);
        for bias in [None, Some(&*bias)] {
            let expected = bits(&by_definition(&weights.view(), &x, bias));
            for kernels in all_kernels() {
                let found = bits(&product(kernels, &weights.view(), &x, bias));
                assert_eq!(found, expected, "{} {rows}x{outputs}x{inner}", kernels.level());
            }
        }
    }
}

#[test]
fn no_sum_overflows_at_the_largest_codes_and_widths() {
    for (inner, codes) in [(100_000, [127, -127]), (1 << 17, [-128, 127])] {
        for (signs, w) in [([1.0, 1.0], [codes[0]; 2]), ([1.0, -1.0], codes)] {
            let codes: Vec<i8> = (0..inner).map(|i| w[i % 2]).collect();
            let x: Vec<f32> = (0..inner).map(|i| signs[i % 2] * 3.0).collect();
            let packed = q8::pack(&codes, 1, inner).unwrap();
            let weights = Q8Weights::new(1, inner, &packed, &[1.0]).unwrap();
            let expected = bits(&by_definition(&weights, &x, None));
            for kernels in all_kernels() {
                assert_eq!(bits(&product(kernels, &weights, &x, None)), expected);
            }
        }
    }
}

#[test]
fn results_are_as_near_as_the_quantisation_allows() {
    let (rows, outputs, inner) = (5, 30, 700);
    let mut random = Random::new(3);
    let w = random.normal(outputs * inner, 0.02);
    let x = random.with_outliers(rows * inner, inner);
    let packed = Kernels::detect().q8_quantize(&w, outputs, inner).unwrap();
    let peak = |values: &[f32]| values.iter().fold(0.0_f64, |p, &v| p.max(f64::from(v).abs()));
    for kernels in all_kernels() {
        let y = product(kernels, &packed.view(), &x, None);
        for (r, x) in x.chunks(inner).enumerate() {
            for (o, w) in w.chunks(inner).enumerate() {
                // Half a step for each factor.
                let (dx, dw) = (peak(x) / 254.0, peak(w) / 254.0);
                let (mut exact, mut bound) = (0.0, 1e-6);
                for (&x, &w) in x.iter().zip(w) {
                    let (x, w) = (f64::from(x), f64::from(w));
                    exact += x * w;
                    bound += 1.0001 * (x.abs() * dw + w.abs() * dx + dx * dw);
                }
                let miss = (f64::from(y[r * outputs + o]) - exact).abs();
                assert!(miss <= bound, "{miss} is above {bound}");
            }
        }
    }
}

#[test]
fn channels_that_stand_out_cost_the_others_no_digits() {
    let (rows, outputs, inner) = (40, 200, 1408);
    let mut random = Random::new(12);
    let x = random.with_outliers(rows * inner, inner);
    let w = random.normal(outputs * inner, 0.02);
    let packed = Kernels::detect().q8_quantize(&w, outputs, inner).unwrap();
    let w = packed.view().dequantize();
    for kernels in all_kernels() {
        let y = product(kernels, &packed.view(), &x, None);
        // What the channels that do not stand out add.
        let (mut miss, mut all) = (0.0, 0.0);
        for (r, x) in x.chunks(inner).enumerate() {
            for (o, w) in w.chunks(inner).enumerate() {
                let sum = |small: bool| -> f64 {
                    let products = x.iter().zip(w).enumerate();
                    let products = products.filter(|(i, _)| (i % 97 != 0) == small);
                    products.map(|(_, (x, w))| f64::from(*x) * f64::from(*w)).sum()
                };
                let small = sum(true);
                miss += (f64::from(y[r * outputs + o]) - sum(false) - small).powi(2);
                all += small.powi(2);
            }
        }
        let share = (miss / all).sqrt();
        assert!(share < 0.03, "{}: {share}", kernels.level());
    }
}

#[test]
fn outliers_of_any_size_give_numbers_where_the_result_is_one() {
    let inner = 640;
    let mut x = Random::new(6).normal(inner, 1.0);
    let packed = Kernels::detect().q8_quantize(&vec![0.01; inner], 1, inner).unwrap();
    for value in [1e30, -1e37, 3e38] {
        x[77] = value;
        for kernels in all_kernels() {
            let y = product(kernels, &packed.view(), &x, None);
            assert!((y[0] / (0.01 * value) - 1.0).abs() < 0.01, "{} for {value}", y[0]);
        }
    }
}

#[test]
fn scaled_rows_are_the_rows_of_scaled_values() {
    let (x, columns) =
        (Random::new(7).with_outliers(9 * 130, 130), Random::new(8).normal(130, 1.0));
    let scaled: Vec<f32> = x.iter().zip(columns.iter().cycle()).map(|(x, c)| x * c).collect();
    let weights = Kernels::detect().q8_quantize(&columns, 1, 130).unwrap();
    for kernels in all_kernels() {
        let expected = product(kernels, &weights.view(), &scaled, None);
        let rows = kernels.q8_scaled_rows(&x, &columns).unwrap();
        let mut y = [0.0; 9];
        kernels.q8_product(&weights.view(), &rows, None, &mut y).unwrap();
        assert_eq!(bits(&y), bits(&expected));
    }
}

#[test]
fn a_row_has_the_same_bits_in_every_batch_and_on_every_number_of_threads() {
    let (outputs, inner) = (77, 130);
    let mut random = Random::new(4);
    let weights = Kernels::detect()
        .q8_quantize(&random.normal(outputs * inner, 0.1), outputs, inner)
        .unwrap();
    let x = random.with_outliers(64 * inner, inner);
    for kernels in all_kernels() {
        let whole = bits(&product(kernels, &weights.view(), &x, None));
        for (first, rows) in [(0, 1), (63, 1), (5, 7), (0, 64), (31, 2)] {
            for threads in [1, 3] {
                let part = &x[first * inner..][..rows * inner];
                let y = on_threads(threads, || product(kernels, &weights.view(), part, None));
                assert_eq!(bits(&y), whole[first * outputs..][..rows * outputs]);
            }
        }
    }
}

#[test]
fn rows_of_one_level_serve_every_other() {
    let mut random = Random::new(5);
    let weights = Kernels::detect().q8_quantize(&random.normal(20 * 50, 0.1), 20, 50).unwrap();
    let x = random.normal(15 * 50, 1.0);
    let expected = bits(&by_definition(&weights.view(), &x, None));
    for of_rows in all_kernels() {
        let rows = of_rows.q8_rows(&x, 50).unwrap();
        for kernels in all_kernels() {
            let mut y = vec![0.0; 15 * 20];
            kernels.q8_product(&weights.view(), &rows, None, &mut y).unwrap();
            assert_eq!(bits(&y), expected);
        }
    }
}

#[test]
fn a_row_that_is_not_finite_gives_no_numbers_and_spoils_no_other() {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let weights = Kernels::detect().q8_quantize(&[1.0; 3 * 40], 3, 40).unwrap();
        let mut x = vec![1.0; 5 * 40];
        x[2 * 40 + 7] = wrong;
        for kernels in all_kernels() {
            let y = product(kernels, &weights.view(), &x, Some(&[0.5; 3]));
            for (r, y) in y.chunks(3).enumerate() {
                assert!(y.iter().all(|y| y.is_nan() == (r == 2)), "{y:?}");
            }
        }
    }
}

#[test]
fn zeros_give_the_bias() {
    let weights = Kernels::detect().q8_quantize(&[0.0; 2 * 9], 2, 9).unwrap();
    assert_eq!(weights.view().scales(), [0.0; 2]);
    for kernels in all_kernels() {
        let y = product(kernels, &weights.view(), &[0.0; 9], Some(&[1.5, -2.5]));
        assert_eq!(y, [1.5, -2.5]);
    }
}

#[test]
fn packing_loses_nothing_and_values_come_back_within_half_a_step() {
    for [_, outputs, inner] in SHAPES {
        let mut random = Random::new(9);
        let codes: Vec<i8> = random.bytes(outputs * inner).into_iter().map(|b| b as i8).collect();
        let packed = q8::pack(&codes, outputs, inner).unwrap();
        assert_eq!(packed.len(), q8::packed_len(outputs, inner).unwrap());
        let scales = vec![1.0; outputs];
        let view = Q8Weights::new(outputs, inner, &packed, &scales).unwrap();
        assert_eq!(q8::unpack(&view), codes);

        let values = random.normal(outputs * inner, 3.0);
        let packed = Kernels::detect().q8_quantize(&values, outputs, inner).unwrap();
        let found = packed.view().dequantize();
        for (o, (found, values)) in found.chunks(inner).zip(values.chunks(inner)).enumerate() {
            let half_step = packed.view().scales()[o] * 0.50001;
            assert!(found.iter().zip(values).all(|(a, b)| (a - b).abs() <= half_step));
        }
    }
}

#[test]
fn every_level_packs_the_same_weights() {
    let values = Random::new(8).with_outliers(19 * 300, 300);
    let expected = Kernels::detect().q8_quantize(&values, 19, 300).unwrap();
    for kernels in all_kernels() {
        assert_eq!(kernels.q8_quantize(&values, 19, 300).unwrap(), expected);
    }
}

#[test]
fn codes_of_rows_can_be_read() {
    for kernels in all_kernels() {
        let values: Vec<f32> = (0..15).map(|i| i as f32 - 7.0).collect();
        let rows = kernels.q8_rows(&values, 3).unwrap();
        assert_eq!((rows.rows(), rows.inner()), (5, 3));
        assert_eq!(rows.codes(0), [-127, -109, -91]);
        assert_eq!(rows.codes(4), [91, 109, 127]);
        assert_eq!(rows.codes(5), [0; 0]);
        assert_eq!(rows.scales()[0].to_bits(), (7.0_f32 / 127.0).to_bits());
    }
}

#[test]
fn wrong_sizes_are_told_and_change_nothing() {
    let kernels = Kernels::detect();
    let packed = Kernels::detect().q8_quantize(&[1.0; 6], 2, 3).unwrap();
    let rows = kernels.q8_rows(&[1.0; 6], 3).unwrap();
    let mut y = [7.0; 4];
    let error = kernels.q8_product(&packed.view(), &rows, None, &mut y[..3]).unwrap_err();
    assert!(matches!(error, KernelError::Length { found: 3, expected: 4, .. }), "{error}");
    let error = kernels.q8_product(&packed.view(), &rows, Some(&[1.0]), &mut y).unwrap_err();
    assert!(matches!(error, KernelError::Length { found: 1, expected: 2, .. }), "{error}");
    let narrow = kernels.q8_rows(&[1.0; 4], 2).unwrap();
    let error = kernels.q8_product(&packed.view(), &narrow, None, &mut y).unwrap_err();
    assert_eq!(error, KernelError::Inner { found: 2, expected: 3 });
    assert_eq!(bits(&y), bits(&[7.0; 4]));
}

#[test]
fn impossible_sizes_and_values_are_refused() {
    let kernels = Kernels::detect();
    for (outputs, inner) in [(0, 3), (3, 0), (usize::MAX, 1), (1 << 60, 1 << 10), (1, usize::MAX)] {
        assert!(q8::packed_len(outputs, inner).is_err());
        assert!(q8::pack(&[], outputs, inner).is_err());
        assert!(Kernels::detect().q8_quantize(&[], outputs, inner).is_err());
        assert!(Q8Weights::new(outputs, inner, &[], &[]).is_err());
    }
    assert!(q8::packed_len(1, (1 << 17) + 1).is_err());
    assert!(kernels.q8_rows(&[1.0; 5], 3).is_err());
    assert!(kernels.q8_rows(&[], 0).is_err());
    assert!(Q8Weights::new(1, 4, &[0; 64], &[1.0, 1.0]).is_err());
    let error = Kernels::detect().q8_quantize(&[1.0, f32::NAN], 1, 2).unwrap_err();
    assert!(matches!(error, KernelError::Value { index: 1, .. }), "{error}");
    let none = kernels.q8_rows(&[], 3).unwrap();
    let packed = Kernels::detect().q8_quantize(&[1.0; 6], 2, 3).unwrap();
    kernels.q8_product(&packed.view(), &none, None, &mut []).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_shape_has_the_same_bits_at_every_level(
        rows in 0_usize..40,
        outputs in 1_usize..70,
        inner in 1_usize..300,
        seed: u64,
    ) {
        let mut random = Random::new(seed);
        // Any code at all, -128 included, as a file could hold it.
        let codes = random.bytes(q8::packed_len(outputs, inner).unwrap());
        let scales = random.normal(outputs, 1.0);
        let weights = Q8Weights::new(outputs, inner, &codes, &scales).unwrap();
        let x = random.with_outliers(rows * inner, inner);
        let expected = bits(&by_definition(&weights, &x, None));
        for kernels in all_kernels() {
            prop_assert_eq!(bits(&product(kernels, &weights, &x, None)), expected.clone());
        }
    }
}
