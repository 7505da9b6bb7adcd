//! Products of block formats at every level that the machine has.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod definition;
mod support;

use calico_kernels::blocks::{self, BlockFormat, BlockWeights};
use calico_kernels::{KernelError, Kernels};
use definition::by_definition;
use proptest::prelude::*;
use support::{Random, all_kernels, bits, on_threads};

/// A product from the beginning to the end.
fn product(
    kernels: Kernels,
    weights: &BlockWeights<'_>,
    x: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let rows = kernels.block_rows(x, weights.inner()).unwrap();
    let mut y = vec![f32::NAN; rows.rows() * weights.outputs()];
    kernels.block_product(weights, &rows, bias, &mut y).unwrap();
    y
}

/// Blocks with any bits but for their numbers of 16 bits, which are of ordinary size.
fn any_blocks(random: &mut Random, format: BlockFormat, values: usize) -> Vec<u8> {
    let mut gguf = random.bytes(format.gguf_len(values).unwrap());
    for block in gguf.chunks_mut(format.block_bytes()) {
        for &at in definition::halves(format) {
            // Both signs, with exponents from 2⁻¹⁶ to 2⁻¹.
            block[at + 1] = (block[at + 1] & 0x80) | (block[at + 1] % 0x38);
        }
    }
    gguf
}

/// Rows, outputs, blocks of the format.
const SHAPES: [[usize; 3]; 8] = [
    [1, 1, 1],
    [1, 17, 2],
    [3, 16, 1],
    [2, 15, 3],
    [7, 33, 9],
    [13, 48, 2],
    [66, 5, 4],
    [1, 90, 11],
];

#[test]
fn every_level_computes_the_documented_formula_to_the_bit() {
    for format in BlockFormat::ALL {
        for [rows, outputs, blocks] in SHAPES {
            let inner = blocks * format.block_values();
            let mut random = Random::new((rows * outputs * inner) as u64);
            let gguf = any_blocks(&mut random, format, outputs * inner);
            let packed = blocks::repack(format, outputs, inner, &gguf).unwrap();
            let weights = BlockWeights::new(format, outputs, inner, &packed).unwrap();
            let x = random.with_outliers(rows * inner, inner);
            let bias = random.normal(outputs, 1.0);
            for bias in [None, Some(&*bias)] {
                let expected = bits(&by_definition(format, &gguf, inner, &x, bias));
                for kernels in all_kernels() {
                    let found = bits(&product(kernels, &weights, &x, bias));
                    let level = kernels.level();
                    assert_eq!(found, expected, "{level} {format} {rows}x{outputs}x{inner}");
                }
            }
        }
    }
}

#[test]
fn no_sum_overflows_at_the_largest_codes_scales_and_activations() {
    for format in BlockFormat::ALL {
        for fill in [0xff, 0x80, 0x7f, 0x00] {
            let (outputs, inner, rows) = (3, 512, 9);
            let mut gguf = vec![fill; format.gguf_len(outputs * inner).unwrap()];
            for block in gguf.chunks_mut(format.block_bytes()) {
                for &at in definition::halves(format) {
                    block[at..at + 2].copy_from_slice(&0x3c00_u16.to_le_bytes());
                }
            }
            let packed = blocks::repack(format, outputs, inner, &gguf).unwrap();
            let weights = BlockWeights::new(format, outputs, inner, &packed).unwrap();
            for signs in [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]] {
                let x: Vec<f32> = (0..rows * inner).map(|i| signs[i % 2] * 127.0).collect();
                let expected = bits(&by_definition(format, &gguf, inner, &x, None));
                for kernels in all_kernels() {
                    assert_eq!(bits(&product(kernels, &weights, &x, None)), expected, "{format}");
                }
            }
        }
    }
}

#[test]
fn any_packed_bytes_have_the_same_result_at_every_level() {
    // As a damaged file could hold them: scales and mins beyond 6 bits, numbers that are none.
    for format in BlockFormat::ALL {
        let mut random = Random::new(11);
        let (outputs, inner) = (20, 512);
        for fill in [None, Some(0xff)] {
            let len = format.packed_len(outputs, inner).unwrap();
            let packed = fill.map_or_else(|| random.bytes(len), |fill| vec![fill; len]);
            let weights = BlockWeights::new(format, outputs, inner, &packed).unwrap();
            let x = random.with_outliers(11 * inner, inner);
            let portable = Kernels::at(calico_kernels::Level::Portable).unwrap();
            let expected = bits(&product(portable, &weights, &x, None));
            for kernels in all_kernels() {
                assert_eq!(bits(&product(kernels, &weights, &x, None)), expected, "{format}");
            }
        }
    }
}

#[test]
fn results_are_as_near_as_the_activations_allow() {
    let (rows, outputs, inner) = (5, 20, 768);
    for format in BlockFormat::ALL {
        let mut random = Random::new(21);
        let x = random.with_outliers(rows * inner, inner);
        let gguf = Kernels::detect().quantize(format, &random.normal(outputs * inner, 0.02));
        let gguf = gguf.unwrap();
        let w = blocks::dequantize(format, &gguf).unwrap();
        let packed = blocks::repack(format, outputs, inner, &gguf).unwrap();
        let weights = BlockWeights::new(format, outputs, inner, &packed).unwrap();
        let y = product(Kernels::detect(), &weights, &x, None);
        for (r, x) in x.chunks(inner).enumerate() {
            for (o, w) in w.chunks(inner).enumerate() {
                let (mut exact, mut bound) = (0.0, 0.0);
                for (x, w) in x.chunks(256).zip(w.chunks(256)) {
                    let peak = x.iter().fold(0.0_f64, |peak, &x| peak.max(f64::from(x).abs()));
                    for (&x, &w) in x.iter().zip(w) {
                        exact += f64::from(x) * f64::from(w);
                        bound += f64::from(w).abs() * peak / 254.0;
                    }
                }
                let miss = (f64::from(y[r * outputs + o]) - exact).abs();
                assert!(miss <= bound * 1.001 + 1e-4, "{format}: {miss} is above {bound}");
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_every_batch_and_on_every_number_of_threads() {
    let (outputs, inner) = (40, 512);
    for format in BlockFormat::ALL {
        let mut random = Random::new(31);
        let gguf = any_blocks(&mut random, format, outputs * inner);
        let packed = blocks::repack(format, outputs, inner, &gguf).unwrap();
        let weights = BlockWeights::new(format, outputs, inner, &packed).unwrap();
        let x = random.with_outliers(64 * inner, inner);
        for kernels in all_kernels() {
            let whole = bits(&product(kernels, &weights, &x, None));
            for (first, rows) in [(0, 1), (63, 1), (5, 7), (0, 64), (31, 2)] {
                for threads in [1, 3] {
                    let part = &x[first * inner..][..rows * inner];
                    let y = on_threads(threads, || product(kernels, &weights, part, None));
                    assert_eq!(bits(&y), whole[first * outputs..][..rows * outputs], "{format}");
                }
            }
        }
    }
}

#[test]
fn a_row_that_is_not_finite_gives_no_numbers_and_spoils_no_other() {
    let inner = 512;
    for format in BlockFormat::ALL {
        let gguf = Kernels::detect().quantize(format, &vec![1.0; 3 * inner]).unwrap();
        let packed = blocks::repack(format, 3, inner, &gguf).unwrap();
        let weights = BlockWeights::new(format, 3, inner, &packed).unwrap();
        for wrong in [f32::NAN, f32::INFINITY] {
            let mut x = vec![1.0; 5 * inner];
            x[2 * inner + 300] = wrong;
            for kernels in all_kernels() {
                let y = product(kernels, &weights, &x, None);
                for (r, y) in y.chunks(3).enumerate() {
                    assert!(y.iter().all(|y| y.is_nan() == (r == 2)), "{format} {y:?}");
                }
            }
        }
    }
}

#[test]
fn repacking_loses_no_bit() {
    for format in BlockFormat::ALL {
        for [_, outputs, blocks] in SHAPES {
            let inner = blocks * format.block_values();
            let mut random = Random::new(41);
            let gguf = random.bytes(format.gguf_len(outputs * inner).unwrap());
            let packed = blocks::repack(format, outputs, inner, &gguf).unwrap();
            let weights = BlockWeights::new(format, outputs, inner, &packed).unwrap();
            assert!(blocks::unpack(&weights) == gguf, "{format} {outputs}x{inner}");
        }
    }
}

#[test]
fn activations_come_back_within_half_a_step() {
    let mut random = Random::new(51);
    let x = random.with_outliers(3 * 288, 288);
    for kernels in all_kernels() {
        let rows = kernels.block_rows(&x, 288).unwrap();
        assert_eq!((rows.rows(), rows.inner()), (3, 288));
        for (r, x) in x.chunks(288).enumerate() {
            for (found, x) in rows.dequantize(r).chunks(256).zip(x.chunks(256)) {
                let peak = x.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
                assert!(found.iter().zip(x).all(|(a, b)| (a - b).abs() <= peak / 253.9));
            }
        }
        assert_eq!(rows.dequantize(3), [0.0; 0]);
    }
}

#[test]
fn wrong_sizes_are_told_and_change_nothing() {
    let kernels = Kernels::detect();
    let gguf = kernels.quantize(BlockFormat::Q4K, &[1.0; 512]).unwrap();
    let packed = blocks::repack(BlockFormat::Q4K, 2, 256, &gguf).unwrap();
    let weights = BlockWeights::new(BlockFormat::Q4K, 2, 256, &packed).unwrap();
    let rows = kernels.block_rows(&[1.0; 512], 256).unwrap();
    let mut y = [7.0; 4];
    let error = kernels.block_product(&weights, &rows, None, &mut y[..3]).unwrap_err();
    assert!(matches!(error, KernelError::Length { found: 3, expected: 4, .. }), "{error}");
    let error = kernels.block_product(&weights, &rows, Some(&[1.0]), &mut y).unwrap_err();
    assert!(matches!(error, KernelError::Length { found: 1, expected: 2, .. }), "{error}");
    let wide = kernels.block_rows(&[1.0; 512], 512).unwrap();
    let error = kernels.block_product(&weights, &wide, None, &mut y).unwrap_err();
    assert_eq!(error, KernelError::Inner { found: 512, expected: 256 });
    assert_eq!(bits(&y), bits(&[7.0; 4]));
    let none = kernels.block_rows(&[], 256).unwrap();
    kernels.block_product(&weights, &none, None, &mut []).unwrap();
}

#[test]
fn impossible_sizes_are_refused() {
    let kernels = Kernels::detect();
    for format in BlockFormat::ALL {
        let block = format.block_values();
        for (outputs, inner) in
            [(0, block), (1, 0), (1, block + 1), (usize::MAX, block), (1, usize::MAX), (1, 1 << 18)]
        {
            assert!(format.packed_len(outputs, inner).is_err(), "{format} {outputs} {inner}");
            assert!(blocks::repack(format, outputs, inner, &[]).is_err());
            assert!(BlockWeights::new(format, outputs, inner, &[]).is_err());
        }
        assert!(blocks::repack(format, 1, block, &[0; 3]).is_err());
        assert!(blocks::dequantize(format, &[0; 3]).is_err());
        let error = format.gguf_len(block + 1).unwrap_err().to_string();
        assert!(error.contains(format.name()), "{error}");
    }
    for (len, inner) in [(5, 32), (32, 0), (33, 33)] {
        assert!(kernels.block_rows(&vec![1.0; len], inner).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_shape_has_the_same_bits_at_every_level(
        rows in 0_usize..40,
        outputs in 1_usize..50,
        blocks in 1_usize..4,
        which in 0_usize..4,
        seed: u64,
    ) {
        let format = BlockFormat::ALL[which];
        let inner = blocks * format.block_values();
        let mut random = Random::new(seed);
        let gguf = any_blocks(&mut random, format, outputs * inner);
        let packed = blocks::repack(format, outputs, inner, &gguf).unwrap();
        let weights = BlockWeights::new(format, outputs, inner, &packed).unwrap();
        let x = random.with_outliers(rows * inner, inner);
        let expected = bits(&by_definition(format, &gguf, inner, &x, None));
        for kernels in all_kernels() {
            prop_assert_eq!(bits(&product(kernels, &weights, &x, None)), expected.clone());
        }
    }
}
