//! The linear layer by weights in fewer bits.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Device, Error, Layout, Result, Shape, Tensor};

use super::cpu::{Values, values};
use super::product::{Before, Matrix, MatrixMut, Threads, multiply};
use crate::process::kernels;
use crate::quantized::QuantizedMatrix;

/// `x wᵀ + b` over the last axis, by a matrix in fewer bits, whose products round `x` to 8 bits but for
/// outliers.
///
/// The matrix is fixed; `x` and `bias` receive their gradients, that of `x` by the numbers that
/// the matrix stands for.
///
/// # Shapes
/// - `x`: `[..., in]`
/// - `weight`: `[out, in]`
/// - `bias`: `[out]`
/// - returns: `[..., out]`
///
/// # Errors
/// If the shapes do not fit together, or `x` is not f32 on the CPU.
pub fn quantized_linear(
    x: &Tensor,
    weight: &Arc<QuantizedMatrix>,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let weight = Arc::clone(weight);
    match bias {
        Some(learns) if learns.track_op() => {
            x.apply_op1(QuantizedLinear { weight, bias: None })?.broadcast_add(learns)
        }
        fixed => {
            let bias = fixed.map(Tensor::contiguous).transpose()?;
            x.apply_op1(QuantizedLinear { weight, bias })
        }
    }
}

#[derive(Debug)]
struct QuantizedLinear {
    weight: Arc<QuantizedMatrix>,
    /// Without a history, and contiguous.
    bias: Option<Tensor>,
}

impl CustomOp1 for QuantizedLinear {
    fn name(&self) -> &'static str {
        "quantized-linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let [outputs, inner] = self.weight.shape();
        let mut shape = layout.dims().to_vec();
        match shape.last_mut() {
            Some(last) if *last == inner => *last = outputs,
            _ => {
                candle_core::bail!("linear: x {shape:?} does not end in the {inner} of the weight")
            }
        }
        let x = values(x, layout)?;
        let mut y = vec![0.0; x.len() / inner.max(1) * outputs];
        let bias = self.bias.as_ref().map(Values::of).transpose()?;
        self.weight.multiply(kernels(), x, bias.as_deref(), &mut y).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(y), Shape::from(shape)))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let [outputs, inner] = self.weight.shape();
        let grad = grad.contiguous()?;
        let grad = Values::of(&grad)?;
        let weight = self.weight.dequantize().map_err(Error::wrap)?;
        let rows = grad.len() / outputs;
        let mut to_x = vec![0.0; rows * inner];
        let into = MatrixMut::by_rows(&mut to_x, [rows, inner], inner);
        let operands = [
            Matrix::by_rows(&grad, [rows, outputs], outputs),
            Matrix::by_rows(&weight, [outputs, inner], inner),
        ];
        multiply(into, Before::Drop, 1.0, operands, Threads::All);
        Tensor::from_vec(to_x, x.shape(), &Device::Cpu).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use calico_kernels::Kernels;
    use candle_core::{DType, Var};

    use super::*;
    use crate::ops;
    use crate::quantized::MatrixFormat;

    fn wave(len: usize) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * 0.37).sin()).collect()
    }

    fn tensor(values: Vec<f32>, shape: &[usize]) -> Tensor {
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn gradients_are_those_of_the_numbers_that_the_codes_stand_for() {
        let (outputs, inner) = (18, 512);
        for format in MatrixFormat::ALL {
            let matrix = QuantizedMatrix::quantize(
                Kernels::detect(),
                format,
                [outputs, inner],
                wave(outputs * inner),
            );
            let matrix = Arc::new(matrix.unwrap());
            let plain = tensor(matrix.dequantize().unwrap(), &[outputs, inner]);
            let x = Var::from_tensor(&tensor(wave(2 * 3 * inner), &[2, 3, inner])).unwrap();
            let bias = Var::from_tensor(&tensor(wave(outputs), &[outputs])).unwrap();
            let factors = tensor(wave(6 * outputs), &[2, 3, outputs]);
            let gradients = |y: Tensor| {
                let gradients = (y * &factors).unwrap().sum_all().unwrap().backward().unwrap();
                [&x, &bias].map(|var| {
                    let gradient = gradients.get(var).unwrap().flatten_all().unwrap();
                    gradient.to_vec1::<f32>().unwrap()
                })
            };
            let got = gradients(quantized_linear(&x, &matrix, Some(&bias)).unwrap());
            let want = gradients(ops::linear(&x, &plain, Some(&bias)).unwrap());
            for (got, want) in got.iter().flatten().zip(want.iter().flatten()) {
                assert!((got - want).abs() < 1e-4, "{format}: {got} {want}");
            }
        }
    }

    #[test]
    fn a_bias_that_is_fixed_is_added_as_one_that_learns() {
        let matrix =
            QuantizedMatrix::quantize(Kernels::detect(), MatrixFormat::Q8, [5, 7], wave(35));
        let matrix = Arc::new(matrix.unwrap());
        let (x, bias) = (tensor(wave(14), &[2, 7]), tensor(wave(5), &[5]));
        let learns = Var::from_tensor(&bias).unwrap();
        let run = |bias: Option<&Tensor>| {
            quantized_linear(&x, &matrix, bias).unwrap().to_vec2::<f32>().unwrap()
        };
        assert_eq!(run(Some(&bias)), run(Some(&learns)));
        assert_ne!(run(Some(&bias)), run(None));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let matrix =
            QuantizedMatrix::quantize(Kernels::detect(), MatrixFormat::Q8, [5, 7], wave(35));
        let matrix = Arc::new(matrix.unwrap());
        let refused = |x: &Tensor, bias: Option<&Tensor>| {
            quantized_linear(x, &matrix, bias).unwrap_err().to_string()
        };
        assert!(refused(&tensor(wave(16), &[2, 8]), None).contains("[2, 8]"));
        let x = tensor(wave(14), &[2, 7]);
        assert!(refused(&x, Some(&tensor(wave(4), &[4]))).contains("bias"));
        assert!(!refused(&x.to_dtype(DType::F64).unwrap(), None).is_empty());
        let none = tensor(Vec::new(), &[0, 7]);
        assert_eq!(quantized_linear(&none, &matrix, None).unwrap().dims(), [0, 5]);
    }
}
