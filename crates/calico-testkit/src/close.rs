//! Closeness of two tensors.

use candle_core::{DType, Tensor};

/// Fails unless `got` has the shape of `want` and its largest absolute error is at most
/// `relative_tolerance` of the largest magnitude in `want`.
///
/// Prints one line for the stage `name` either way; the test harness shows it on failure.
#[expect(clippy::print_stdout, reason = "shown by the test harness")]
pub fn assert_close(name: &str, got: &Tensor, want: &Tensor, relative_tolerance: f64) {
    assert_eq!(got.dims(), want.dims(), "{name}: the shapes differ");
    let (error, largest) = error_and_largest(got, want);
    let relative = error / largest.max(f64::MIN_POSITIVE);
    println!("{name}: error {error:.3e}, largest {largest:.3e}, relative {relative:.3e}");
    // Written so that NaN fails.
    assert!(
        relative <= relative_tolerance,
        "{name}: the error {error:.3e} is {relative:.3e} of the largest value {largest:.3e}; \
         allowed are {relative_tolerance:.1e}"
    );
}

/// The largest absolute error, as a share of the largest magnitude in `want`.
pub fn relative_error(got: &Tensor, want: &Tensor) -> f64 {
    let (error, largest) = error_and_largest(got, want);
    error / largest.max(f64::MIN_POSITIVE)
}

fn error_and_largest(got: &Tensor, want: &Tensor) -> (f64, f64) {
    let (got, want) = (values(got), values(want));
    let error = got.iter().zip(&want).map(|(got, want)| (got - want).abs());
    let largest = want.iter().map(|want| want.abs());
    (maximum(error), maximum(largest))
}

/// The maximum, or NaN if there is one.
fn maximum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |a, b| if a.is_nan() || a > b { a } else { b })
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64)
        .and_then(|x| x.flatten_all())
        .and_then(|x| x.to_vec1())
        .expect("a tensor of numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    #[test]
    fn the_error_is_relative_to_the_largest_wanted_value() {
        let error = relative_error(&tensor(&[1.0, -4.0]), &tensor(&[1.5, -4.0]));
        assert!((error - 0.125).abs() < 1e-12);
    }

    #[test]
    fn nan_is_never_close() {
        for wrong in [[f32::NAN, 1.0], [1.0, f32::NAN]] {
            let failed = std::panic::catch_unwind(|| {
                assert_close("stage", &tensor(&wrong), &tensor(&[1.0, 1.0]), 1e9);
            });
            assert!(failed.is_err());
        }
    }

    #[test]
    #[should_panic(expected = "the shapes differ")]
    fn shapes_must_agree() {
        assert_close("stage", &tensor(&[1.0]), &tensor(&[1.0, 1.0]), 1.0);
    }
}
