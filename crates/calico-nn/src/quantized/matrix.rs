use std::sync::Arc;

use calico_kernels::blocks::{self, BlockFormat, BlockWeights};
use calico_kernels::q8::Q8Weights;
use calico_kernels::{KernelError, Kernels};
use candle_core::Tensor;

use super::scales::equalize;
use super::{MatrixFormat, MatrixScales, SharedBytes};

/// A matrix of weights `[outputs, inner]`, as a layer multiplies by it.
#[derive(Debug, Clone)]
pub enum Matrix {
    /// Numbers, which may learn.
    Plain(Tensor),
    /// Fewer bits, which are fixed.
    Quantized(Arc<QuantizedMatrix>),
}

impl From<Tensor> for Matrix {
    fn from(tensor: Tensor) -> Self {
        Self::Plain(tensor)
    }
}

/// A matrix of weights in fewer bits, in the layout of the kernels.
#[derive(Debug)]
pub struct QuantizedMatrix {
    format: MatrixFormat,
    shape: [usize; 2],
    codes: SharedBytes,
    scales: MatrixScales,
    /// Whether activations are multiplied by something before they meet the codes.
    is_equalized: bool,
}

/// A matrix as its kernels take it.
enum View<'a> {
    Rows(Q8Weights<'a>),
    Blocks(BlockWeights<'a>),
}

impl QuantizedMatrix {
    /// A matrix `[outputs, inner]` that was quantised before.
    ///
    /// # Errors
    /// If the matrix does not fit the format, or there are more or fewer codes or scales than it
    /// has.
    pub fn new(
        format: MatrixFormat,
        shape: [usize; 2],
        codes: SharedBytes,
        scales: MatrixScales,
    ) -> Result<Self, KernelError> {
        scales.check(format, shape)?;
        let is_equalized =
            scales.columns.iter().any(|column| column.to_bits() != 1.0_f32.to_bits());
        let matrix = Self { format, shape, codes, scales, is_equalized };
        matrix.view().map(drop)?;
        Ok(matrix)
    }

    /// Quantises `values`, `[outputs, inner]`.
    ///
    /// # Errors
    /// If the matrix does not fit the format, or the format cannot hold a value.
    pub fn quantize(
        kernels: Kernels,
        format: MatrixFormat,
        [outputs, inner]: [usize; 2],
        mut values: Vec<f32>,
    ) -> Result<Self, KernelError> {
        format.codes_len([outputs, inner])?;
        let (codes, scales) = if let Some(format) = format.blocks() {
            let gguf = kernels.quantize(format, &values)?;
            (blocks::repack(format, outputs, inner, &gguf)?, MatrixScales::default())
        } else {
            let columns = equalize(&mut values, inner);
            let (codes, outputs) = kernels.q8_quantize(&values, outputs, inner)?.into_parts();
            (codes, MatrixScales { outputs, columns })
        };
        Self::new(format, [outputs, inner], codes.into(), scales)
    }

    /// The format.
    pub fn format(&self) -> MatrixFormat {
        self.format
    }

    /// Outputs and inner width.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The codes in the layout of the kernels.
    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    /// The scales beside the codes.
    pub fn scales(&self) -> &MatrixScales {
        &self.scales
    }

    /// Whether all scales are finite; codes always are.
    pub fn is_finite(&self) -> bool {
        let of_blocks = match self.view() {
            Ok(View::Blocks(weights)) => weights.is_finite(),
            _ => true,
        };
        of_blocks && self.scales.is_finite()
    }

    /// The bits that GGUF has for these numbers, row by row; `None` for a format that it does not
    /// know.
    pub fn gguf(&self) -> Option<Vec<u8>> {
        match self.view().ok()? {
            View::Rows(_) => None,
            View::Blocks(weights) => Some(blocks::unpack(&weights)),
        }
    }

    /// The numbers that are multiplied, `[outputs, inner]`.
    ///
    /// # Errors
    /// Never for a matrix that could be made.
    pub fn dequantize(&self) -> Result<Vec<f32>, KernelError> {
        match self.view()? {
            View::Rows(weights) => {
                let mut values = weights.dequantize();
                for row in values.chunks_exact_mut(self.shape[1]) {
                    row.iter_mut().zip(&self.scales.columns).for_each(|(value, by)| *value *= by);
                }
                Ok(values)
            }
            View::Blocks(weights) => {
                blocks::dequantize(weights.format(), &blocks::unpack(&weights))
            }
        }
    }

    /// `y = x wᵀ + b`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inner]`
    /// - `bias`: `[outputs]`
    /// - `y`: `[rows, outputs]`
    ///
    /// # Errors
    /// If a slice has another length.
    pub fn multiply(
        &self,
        kernels: Kernels,
        x: &[f32],
        bias: Option<&[f32]>,
        y: &mut [f32],
    ) -> Result<(), KernelError> {
        let [_, inner] = self.shape;
        match self.view()? {
            View::Rows(weights) => {
                let rows = if self.is_equalized {
                    kernels.q8_scaled_rows(x, &self.scales.columns)?
                } else {
                    kernels.q8_rows(x, inner)?
                };
                kernels.q8_product(&weights, &rows, bias, y)
            }
            View::Blocks(weights) => {
                kernels.block_product(&weights, &kernels.block_rows(x, inner)?, bias, y)
            }
        }
    }

    fn view(&self) -> Result<View<'_>, KernelError> {
        let [outputs, inner] = self.shape;
        let of_blocks = |format: BlockFormat| {
            BlockWeights::new(format, outputs, inner, &self.codes).map(View::Blocks)
        };
        let of_rows =
            || Q8Weights::new(outputs, inner, &self.codes, &self.scales.outputs).map(View::Rows);
        self.format.blocks().map_or_else(of_rows, of_blocks)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::weights::{Init, Random, TensorSpec};

    fn wave(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * 0.37).sin()).collect()
    }

    #[test]
    fn products_are_those_of_the_numbers_that_the_codes_stand_for() {
        let (shape, rows) = ([20, 256], 3);
        let (x, bias) = (wave(rows * shape[1]), wave(shape[0]));
        for format in MatrixFormat::ALL {
            let matrix =
                QuantizedMatrix::quantize(Kernels::detect(), format, shape, wave(20 * 256))
                    .unwrap();
            assert_eq!((matrix.format(), matrix.shape()), (format, shape));
            let mut y = vec![0.0; rows * shape[0]];
            matrix.multiply(Kernels::detect(), &x, Some(&bias), &mut y).unwrap();
            let values = matrix.dequantize().unwrap();
            for (i, y) in y.iter().enumerate() {
                let (row, output) = (&x[i / 20 * 256..][..256], &values[i % 20 * 256..][..256]);
                let sum: f32 = row.iter().zip(output).map(|(x, w)| x * w).sum();
                // What is left is the rounding of the activations to 8 bits.
                assert!((y - sum - bias[i % 20]).abs() < 0.15, "{format}: {y} for {sum}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let kernels = Kernels::detect();
        let narrow =
            |format| QuantizedMatrix::quantize(kernels, format, [2, 100], wave(200)).is_ok();
        assert_eq!(MatrixFormat::ALL.map(narrow), [false, false, false, false, true]);
        let made = |format, codes: usize, outputs: usize, columns: usize| {
            let codes = vec![0; codes].into();
            let scales = MatrixScales { outputs: vec![0.0; outputs], columns: vec![1.0; columns] };
            QuantizedMatrix::new(format, [16, 256], codes, scales).is_ok()
        };
        assert!(made(MatrixFormat::Q8, 4096, 16, 256) && made(MatrixFormat::Q4K, 2368, 0, 0));
        for (codes, outputs, columns) in [(4096, 15, 256), (4095, 16, 256), (4096, 16, 255)] {
            assert!(!made(MatrixFormat::Q8, codes, outputs, columns));
        }
        for (codes, outputs, columns) in [(2368, 16, 0), (2369, 0, 0), (2368, 0, 256)] {
            assert!(!made(MatrixFormat::Q4K, codes, outputs, columns));
        }
    }

    #[test]
    fn outliers_that_the_weights_make_up_for_cost_little() {
        let (shape, rows) = ([200, 1408], 20);
        let drawn = |name: &str, rows: usize, bound: f64| {
            let (shape, init) = (vec![rows, shape[1]], Init::Uniform(bound));
            let spec = TensorSpec { name: name.into(), shape, init };
            Random::new(1, Device::Cpu).values(&spec)
        };
        let mut x = drawn("x", rows, 2.0);
        let mut values = drawn("w", shape[0], 0.03);
        for i in (0..shape[1]).step_by(97) {
            x.iter_mut().skip(i).step_by(shape[1]).for_each(|x| *x *= 100.0);
            values.iter_mut().skip(i).step_by(shape[1]).for_each(|weight| *weight /= 100.0);
        }
        let exact: Vec<f32> = x
            .chunks(shape[1])
            .flat_map(|x| {
                values.chunks(shape[1]).map(|w| x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>())
            })
            .collect();
        let kernels = Kernels::detect();
        let matrix =
            QuantizedMatrix::quantize(kernels, MatrixFormat::Q8, shape, values.clone()).unwrap();
        let mut y = vec![0.0; rows * shape[0]];
        matrix.multiply(kernels, &x, None, &mut y).unwrap();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = dot(&y, &exact) / (dot(&y, &y) * dot(&exact, &exact)).sqrt();
        assert!(cosine > 0.9995, "{cosine}");
        for (found, value) in matrix.dequantize().unwrap().iter().zip(&values) {
            assert!((found - value).abs() < 0.0005, "{found} for {value}");
        }
    }
}
