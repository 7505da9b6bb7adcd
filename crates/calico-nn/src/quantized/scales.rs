use calico_kernels::KernelError;

use super::MatrixFormat;

/// The numbers beside the codes of a matrix: the weight of a code is
/// `code · outputs[output] · columns[inner]`. Block formats have none, theirs lie among the codes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MatrixScales {
    /// One per output.
    pub outputs: Vec<f32>,
    /// One per inner place, a power of two: what activations are multiplied by beforehand.
    pub columns: Vec<f32>,
}

/// Columns whose peak is within a factor of two of the usual one stay as they are, and those beyond
/// a factor of four do not: exponents are compared.
const LEAST: i32 = 2;

/// The binary exponent of the largest factor.
const MOST: i32 = 24;

impl MatrixScales {
    /// The lengths of both in a matrix `[outputs, inner]`.
    pub(crate) fn lens(format: MatrixFormat, [outputs, inner]: [usize; 2]) -> [usize; 2] {
        if format == MatrixFormat::Q8 { [outputs, inner] } else { [0, 0] }
    }

    pub(super) fn check(&self, format: MatrixFormat, shape: [usize; 2]) -> Result<(), KernelError> {
        let [outputs, columns] = Self::lens(format, shape);
        for (what, found, expected) in [
            ("the slice of scales", self.outputs.len(), outputs),
            ("the slice of scales of columns", self.columns.len(), columns),
        ] {
            if found != expected {
                return Err(KernelError::Length { what, found, expected });
            }
        }
        Ok(())
    }

    pub(super) fn is_finite(&self) -> bool {
        self.outputs.iter().chain(&self.columns).all(|scale| scale.is_finite())
    }
}

/// Makes the columns of `weights`, `[outputs, inner]`, alike, and returns what the activations
/// must be multiplied by.
///
/// One output has one scale, so a column that is a hundred times as small as the others would be
/// left with a code or two. Behind a norm whose gain stands out in a few channels, as in trained
/// transformers, just those columns are small that the largest activations meet. Factors move
/// between the two sides as in `SmoothQuant` (Xiao et al., 2023), but they come from the weights
/// alone and are powers of two, so that moving them rounds nothing but numbers near the smallest.
pub(super) fn equalize(weights: &mut [f32], inner: usize) -> Vec<f32> {
    let mut peaks = vec![0.0_f32; inner];
    for row in weights.chunks_exact(inner) {
        for (peak, weight) in peaks.iter_mut().zip(row) {
            *peak = peak.max(weight.abs());
        }
    }
    let mut sorted: Vec<f32> = peaks.iter().copied().filter(|peak| *peak > 0.0).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let usual = sorted.get(sorted.len() / 2).map_or(0, |peak| exponent(*peak));
    let shifts = peaks.iter().map(|&peak| {
        let shift = (usual - exponent(peak)).clamp(-MOST, MOST);
        if peak == 0.0 || shift.abs() < LEAST { 0 } else { shift }
    });
    let (factors, columns): (Vec<f32>, Vec<f32>) =
        shifts.map(|shift| (2.0_f32.powi(shift), 2.0_f32.powi(-shift))).unzip();
    for row in weights.chunks_exact_mut(inner) {
        for (weight, factor) in row.iter_mut().zip(&factors) {
            *weight *= factor;
        }
    }
    columns
}

/// The binary exponent of a magnitude.
fn exponent(value: f32) -> i32 {
    (value.to_bits() >> 23) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equalized(weights: &[f32], inner: usize) -> (Vec<f32>, Vec<f32>) {
        let mut weights = weights.to_vec();
        let columns = equalize(&mut weights, inner);
        (weights, columns)
    }

    #[test]
    fn columns_that_stand_out_become_as_large_as_the_others() {
        let rows = [1.0, 0.01, 0.7, 300.0, 0.0, -0.9, 0.02, 1.5, -200.0, 0.0];
        let (weights, columns) = equalized(&rows, 5);
        assert_eq!(columns, [1.0, 1.0 / 64.0, 1.0, 256.0, 1.0]);
        for (i, (found, weight)) in weights.iter().zip(&rows).enumerate() {
            assert!((found * columns[i % 5]).to_bits() == weight.to_bits(), "{i}");
            assert!(found.abs() <= 2.0);
        }
    }

    #[test]
    fn even_columns_stay_as_they_are() {
        let rows: Vec<f32> = (0..70).map(|i| 1.0 + i as f32 / 40.0).collect();
        assert_eq!(equalized(&rows, 7), (rows, vec![1.0; 7]));
        assert_eq!(equalized(&[0.0; 6], 3), (vec![0.0; 6], vec![1.0; 3]));
    }

    #[test]
    fn columns_without_weights_say_nothing_of_the_others() {
        let (_, columns) = equalized(&[0.0, 1.0, 0.0, 0.01, 0.0, 1.5, 0.0, 1.2, 0.0, 0.0], 10);
        assert_eq!(columns, [1.0, 1.0, 1.0, 1.0 / 128.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn the_smallest_and_the_largest_numbers_stay_finite() {
        let (weights, columns) = equalized(&[1e-45, 3e38, 1.0, 1.0, 1.0], 5);
        assert!(weights.iter().chain(&columns).all(|value| value.is_finite() && *value != 0.0));
        let (weights, columns) = equalized(&[0.0, 0.0, 3e38], 3);
        assert!(weights.iter().chain(&columns).all(|value| value.is_finite()));
    }
}
