//! Blocks of GGUF: what the package `gguf` makes of them, and how near they are to the numbers.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;

use calico_kernels::blocks::{self, BlockFormat};
use calico_kernels::{KernelError, Kernels, Level};
use support::{Random, all_kernels, bits};

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/kernels");
    fs::read(folder.join(name)).unwrap()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}

/// The root of the mean squared error over that of the values.
fn error(values: &[f32], found: &[f32]) -> f64 {
    let square = |value: f32| f64::from(value) * f64::from(value);
    let misses = values.iter().zip(found).map(|(a, b)| square(a - b)).sum::<f64>();
    (misses / values.iter().map(|&value| square(value)).sum::<f64>()).sqrt()
}

fn there_and_back(kernels: Kernels, format: BlockFormat, values: &[f32]) -> Vec<f32> {
    blocks::dequantize(format, &kernels.quantize(format, values).unwrap()).unwrap()
}

#[test]
fn any_bits_mean_what_the_package_gguf_says() {
    for format in BlockFormat::ALL {
        let name = format.name().to_lowercase();
        let found = blocks::dequantize(format, &golden(&format!("{name}.blocks"))).unwrap();
        let expected = floats(&golden(&format!("{name}.values")));
        assert_eq!(bits(&found), bits(&expected), "{format}");
    }
}

#[test]
fn q8_0_is_to_the_byte_that_of_the_package_gguf() {
    for kernels in all_kernels() {
        let found = kernels.quantize(BlockFormat::Q8_0, &floats(&golden("q8_0.input"))).unwrap();
        assert_eq!(found, golden("q8_0.quantized"));
    }
}

#[test]
fn every_level_writes_the_same_bytes() {
    let mut random = Random::new(1);
    let values = random.with_outliers(40 * 256, 256);
    for format in BlockFormat::ALL {
        let portable = Kernels::at(Level::Portable).unwrap().quantize(format, &values).unwrap();
        for kernels in all_kernels() {
            assert!(kernels.quantize(format, &values).unwrap() == portable, "{format}");
        }
    }
}

#[test]
fn numbers_come_back_as_near_as_the_bits_allow() {
    let mut random = Random::new(2);
    let normal = random.normal(200 * 256, 0.02);
    let shifted: Vec<f32> = normal.iter().map(|value| value + 0.05).collect();
    // Measured: 0.0684, 0.0336, 0.0162 and 0.0051 for the first kind of values.
    let bounds = [0.072, 0.036, 0.0175, 0.0055];
    for (format, bound) in BlockFormat::ALL.into_iter().zip(bounds) {
        for values in [&normal, &shifted] {
            let found = there_and_back(Kernels::detect(), format, values);
            let error = error(values, &found);
            assert!(error < bound, "{format}: {error}");
        }
    }
}

#[test]
fn every_value_is_within_about_a_step_of_its_sub_block() {
    let mut random = Random::new(3);
    let values = random.normal(60 * 256, 1.0);
    // Codes, values of a sub-block, and whether codes begin at its smallest value.
    let steps = [(15.0, 32), (31.0, 32), (63.0, 16), (254.0, 32)];
    for (format, (codes, sub_block)) in BlockFormat::ALL.into_iter().zip(steps) {
        let found = there_and_back(Kernels::detect(), format, &values);
        for (values, found) in values.chunks(sub_block).zip(found.chunks(sub_block)) {
            let peak = values.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
            for (value, found) in values.iter().zip(found) {
                assert!((value - found).abs() <= 2.0 * peak / codes * 1.5, "{format}");
            }
        }
    }
}

#[test]
fn zeros_stay_zeros_and_tiny_values_stay_small() {
    for format in BlockFormat::ALL {
        for tiny in [0.0, 1e-42, 1e-30, 1e-9] {
            let values: Vec<f32> =
                (0..512).map(|i| if i % 3 == 0 { -tiny } else { tiny }).collect();
            let found = there_and_back(Kernels::detect(), format, &values);
            assert!(found.iter().all(|value| value.abs() <= 3.0 * tiny), "{format} {tiny}");
        }
    }
}

#[test]
fn equal_values_of_either_sign_come_back() {
    for format in BlockFormat::ALL {
        for value in [0.37, -0.37, 3.0e6, -3.0e6] {
            let found = there_and_back(Kernels::detect(), format, &[value; 256]);
            let near = |found: &f32| (found - value).abs() <= 0.004 * value.abs();
            assert!(found.iter().all(near), "{format} {value}: {}", found[0]);
        }
    }
}

#[test]
fn the_largest_values_are_held_and_larger_ones_refused() {
    let kernels = Kernels::detect();
    for format in BlockFormat::ALL {
        for wrong in [f32::NAN, f32::INFINITY, -1e9] {
            let mut values = [1.0; 256];
            values[5] = wrong;
            let error = kernels.quantize(format, &values).unwrap_err();
            let KernelError::Value { index: 5, most, .. } = error else { panic!("{error}") };
            for sign in [1.0, -1.0] {
                values[5] = most * sign;
                let found = there_and_back(kernels, format, &values);
                assert!((found[5] / values[5] - 1.0).abs() < 0.1, "{format}: {}", found[5]);
            }
        }
        let few = kernels.quantize(format, &[1.0; 33]).unwrap_err();
        assert!(matches!(few, KernelError::Blocks { found: 33, .. }), "{few}");
        assert_eq!(kernels.quantize(format, &[]).unwrap(), []);
    }
}
