use std::sync::Arc;

use calico_kernels::blocks::{self, BlockFormat, BlockWeights};
use calico_kernels::q8::Q8Weights;
use calico_kernels::{KernelError, Kernels};
use candle_core::Tensor;

use super::{MatrixFormat, SharedBytes};

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
    scales: Vec<f32>,
}

/// A matrix as its kernels take it.
enum View<'a> {
    Rows(Q8Weights<'a>),
    Blocks(BlockWeights<'a>),
}

impl QuantizedMatrix {
    /// A matrix `[outputs, inner]` that was quantised before; only `Q8` has scales, one per output.
    ///
    /// # Errors
    /// If the matrix does not fit the format, or there are more or fewer codes or scales than it
    /// has.
    pub fn new(
        format: MatrixFormat,
        shape: [usize; 2],
        codes: SharedBytes,
        scales: Vec<f32>,
    ) -> Result<Self, KernelError> {
        let expected = format.scales_len(shape);
        if scales.len() != expected {
            let found = scales.len();
            return Err(KernelError::Length { what: "the slice of scales", found, expected });
        }
        let matrix = Self { format, shape, codes, scales };
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
        values: &[f32],
    ) -> Result<Self, KernelError> {
        let (codes, scales) = match format.blocks() {
            Some(format) => {
                format.packed_len(outputs, inner)?;
                let gguf = kernels.quantize(format, values)?;
                (blocks::repack(format, outputs, inner, &gguf)?, Vec::new())
            }
            None => kernels.q8_quantize(values, outputs, inner)?.into_parts(),
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

    /// The scales beside the codes: one per output, or none.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Whether all scales are finite; codes always are.
    pub fn is_finite(&self) -> bool {
        let of_blocks = match self.view() {
            Ok(View::Blocks(weights)) => weights.is_finite(),
            _ => true,
        };
        of_blocks && self.scales.iter().all(|scale| scale.is_finite())
    }

    /// The numbers that are multiplied, `[outputs, inner]`.
    ///
    /// # Errors
    /// Never for a matrix that could be made.
    pub fn dequantize(&self) -> Result<Vec<f32>, KernelError> {
        match self.view()? {
            View::Rows(weights) => Ok(weights.dequantize()),
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
                kernels.q8_product(&weights, &kernels.q8_rows(x, inner)?, bias, y)
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
        let of_rows = || Q8Weights::new(outputs, inner, &self.codes, &self.scales).map(View::Rows);
        self.format.blocks().map_or_else(of_rows, of_blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * 0.37).sin()).collect()
    }

    #[test]
    fn products_are_those_of_the_numbers_that_the_codes_stand_for() {
        let (shape, rows) = ([20, 256], 3);
        let (x, bias) = (wave(rows * shape[1]), wave(shape[0]));
        for format in MatrixFormat::ALL {
            let matrix =
                QuantizedMatrix::quantize(Kernels::detect(), format, shape, &wave(20 * 256))
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
            |format| QuantizedMatrix::quantize(kernels, format, [2, 100], &wave(200)).is_ok();
        assert_eq!(MatrixFormat::ALL.map(narrow), [false, false, false, false, true]);
        let made = |format, codes: usize, scales: usize| {
            let codes = vec![0; codes].into();
            QuantizedMatrix::new(format, [16, 256], codes, vec![0.0; scales]).is_ok()
        };
        assert!(made(MatrixFormat::Q8, 4096, 16) && made(MatrixFormat::Q4K, 2368, 0));
        assert!(!made(MatrixFormat::Q8, 4096, 15) && !made(MatrixFormat::Q8, 4095, 16));
        assert!(!made(MatrixFormat::Q4K, 2368, 16) && !made(MatrixFormat::Q4K, 2369, 0));
    }
}
