//! The linear layer on the CPU in f32: one product forward, one for each gradient that is wanted.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::cpu::values;
use super::memory::{read, rows_of};
use super::product::{Before, Matrix, MatrixMut, Threads, multiply};

/// Columns and rows of one partial sum of the bias' gradient.
const SUM_COLS: usize = 64;
const SUM_ROWS: usize = 256;

/// Outputs per task of a product with a single row.
const DECODE_OUTS: usize = 256;

/// See [`super::linear`].
pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let x = if rows_of(x.layout()).is_some() { x.clone() } else { x.contiguous()? };
    match bias {
        Some(bias) => x.apply_op3(weight, &bias.contiguous()?, Linear),
        None => x.apply_op2(weight, Linear),
    }
}

#[derive(Debug, Clone, Copy)]
struct Linear;

impl Linear {
    fn forward(
        x: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
        bias: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let x_matrix = matrix(x.0, x.1)?;
        let weight_matrix = matrix(weight.0, weight.1)?;
        let (out, inner) = weight.1.shape().dims2()?;
        let mut shape = x.1.dims().to_vec();
        if shape.last() != Some(&inner) {
            candle_core::bail!("linear: x {shape:?} does not end in the {inner} of the weight");
        }
        if bias.is_some_and(|bias| bias.len() != out) {
            candle_core::bail!(
                "linear: a bias of {} values for {out}",
                bias.map_or(0, <[f32]>::len)
            );
        }
        let rows = shape[..shape.len() - 1].iter().product::<usize>();
        shape.pop();
        shape.push(out);
        let mut y = vec![0.0; rows * out];
        let before = bias.map_or(Before::Drop, |_| Before::Add);
        if let Some(bias) = bias {
            y.par_chunks_mut(out.max(1) * 64)
                .for_each(|y| y.chunks_mut(out.max(1)).for_each(|y| y.copy_from_slice(bias)));
        }
        if rows == 1 && weight.1.is_contiguous() {
            one_row(&mut y, before, x_matrix, values(weight.0, weight.1)?);
        } else {
            let into = MatrixMut::by_rows(&mut y, [rows, out], out);
            multiply(into, before, 1.0, [x_matrix, weight_matrix.t()], Threads::All);
        }
        Ok((CpuStorage::F32(y), Shape::from(shape)))
    }

    /// Gradients of `x` and of the weight, each only where something learns from it.
    fn backward(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<[Option<Tensor>; 2]> {
        let (out, inner) = weight.dims2()?;
        let rows = x.elem_count() / inner.max(1);
        let to_x = || {
            let mut to_x = vec![0.0; rows * inner];
            read(grad, |grad| {
                read(weight, |weight| {
                    let into = MatrixMut::by_rows(&mut to_x, [rows, inner], inner);
                    let operands = [matrix(grad.0, grad.1)?, matrix(weight.0, weight.1)?];
                    multiply(into, Before::Drop, 1.0, operands, Threads::All);
                    Ok(())
                })
            })?;
            Tensor::from_vec(to_x, x.shape(), &Device::Cpu)
        };
        let to_weight = || {
            let mut to_weight = vec![0.0; out * inner];
            read(grad, |grad| {
                read(x, |x| {
                    let into = MatrixMut::by_rows(&mut to_weight, [out, inner], inner);
                    let operands = [matrix(grad.0, grad.1)?.t(), matrix(x.0, x.1)?];
                    multiply(into, Before::Drop, 1.0, operands, Threads::All);
                    Ok(())
                })
            })?;
            Tensor::from_vec(to_weight, (out, inner), &Device::Cpu)
        };
        Ok([x.track_op().then(to_x).transpose()?, weight.track_op().then(to_weight).transpose()?])
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Self::forward((x, x_layout), (weight, weight_layout), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [to_x, to_weight] = Self::backward(x, weight, &grad.contiguous()?)?;
        Ok((to_x, to_weight))
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let bias = values(bias, bias_layout)?;
        Self::forward((x, x_layout), (weight, weight_layout), Some(bias))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let [to_x, to_weight] = Self::backward(x, weight, &grad)?;
        let to_bias = bias.track_op().then(|| column_sums(&grad, bias.elem_count())).transpose()?;
        Ok((to_x, to_weight, to_bias))
    }
}

/// The matrix that a tensor is when all axes but the last are taken for one.
fn matrix<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Matrix<'a>> {
    let data = storage.as_slice::<f32>()?;
    let Some(rows) = rows_of(layout) else {
        candle_core::bail!("linear: the rows of {layout:?} are not evenly spaced");
    };
    let data = data.get(layout.start_offset()..).unwrap_or_default();
    Ok(Matrix::new(data, rows.shape, rows.strides))
}

/// A product with a single row reads the weight once: the cores share its rows.
fn one_row(y: &mut [f32], before: Before, x: Matrix<'_>, weight: &[f32]) {
    let inner = weight.len() / y.len().max(1);
    y.par_chunks_mut(DECODE_OUTS).enumerate().for_each(|(task, y)| {
        let out = y.len();
        let weight = &weight[task * DECODE_OUTS * inner..][..out * inner];
        let weight = Matrix::by_rows(weight, [out, inner], inner);
        let into = MatrixMut::by_rows(y, [1, out], out);
        multiply(into, before, 1.0, [x, weight.t()], Threads::One);
    });
}

/// The sum of all rows: partial sums of a fixed number of rows, added in their order.
fn column_sums(x: &Tensor, width: usize) -> Result<Tensor> {
    let mut sums = vec![0.0; width];
    read(x, |(storage, layout)| {
        let x = values(storage, layout)?;
        sums.par_chunks_mut(SUM_COLS).enumerate().for_each(|(task, sums)| {
            let first = task * SUM_COLS;
            for rows in x.chunks(SUM_ROWS * width) {
                let mut partial = [0.0; SUM_COLS];
                for row in rows.chunks_exact(width) {
                    let row = &row[first..first + sums.len()];
                    partial.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                }
                sums.iter_mut().zip(partial).for_each(|(sum, x)| *sum += x);
            }
        });
        Ok(())
    })?;
    Tensor::from_vec(sums, width, &Device::Cpu)
}
