//! Resizing of tensors, equal to PyTorch's `interpolate` with `align_corners = false`.

mod axis;
mod bilinear;

use candle_core::{Result, Tensor};

use self::axis::Axis;
use crate::ops::cpu::on_cpu;

/// Bilinear resize without antialias; gradients flow to the input.
///
/// # Shapes
/// - `x`: `[B, C, H, W]`
/// - returns: `[B, C, height, width]`
///
/// # Errors
/// If `x` is empty along an axis that is resized, or has not four axes.
pub fn bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (_, _, from_height, from_width) = x.dims4()?;
    if from_height == 0 || from_width == 0 {
        candle_core::bail!("pictures of {from_height}x{from_width} pixels cannot be resized");
    }
    if [from_height, from_width] == [height, width] {
        return Ok(x.clone());
    }
    if on_cpu(x) { bilinear::bilinear(x, height, width) } else { composed(x, height, width) }
}

/// One axis after the other, for any device and type.
fn composed(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let x = resize_axis(x, 2, height)?;
    resize_axis(&x, 3, width)
}

/// Linear interpolation along one axis.
fn resize_axis(x: &Tensor, axis: usize, len: usize) -> Result<Tensor> {
    let from = x.dim(axis)?;
    if from == len {
        return Ok(x.clone());
    }
    let places = Axis::new(from, len).places;
    let lower = places.iter().map(|(low, _, _)| *low as u32).collect();
    let upper = places.iter().map(|(_, high, _)| *high as u32).collect();
    let fraction: Vec<f32> = places.iter().map(|(_, _, fraction)| *fraction).collect();
    let (x, device) = (x.contiguous()?, x.device());
    let pick = |index: Vec<u32>| x.index_select(&Tensor::from_vec(index, len, device)?, axis);
    let mut shape = vec![1; x.rank()];
    if let Some(dim) = shape.get_mut(axis) {
        *dim = len;
    }
    let fraction = Tensor::from_vec(fraction, shape, device)?.to_dtype(x.dtype())?;
    let rest = fraction.affine(-1.0, 1.0)?;
    pick(lower)?.broadcast_mul(&rest)? + pick(upper)?.broadcast_mul(&fraction)?
}

/// How a table of positions is resized to another grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bicubic {
    /// To an explicit size with PyTorch's cubic (a = -0.75), without antialias.
    Size,
    /// As [`Bicubic::Size`], but with sampling steps of `from / (to + offset)`: the scale factor
    /// `(to + 0.1) / from` of the original DINOv2 repository.
    Offset(f64),
    /// To an explicit size with Pillow's cubic (a = -0.5), its support widened when shrinking.
    Antialias,
}

/// Bicubic resize of a table of positions; computed once, at load, in f32.
///
/// # Shapes
/// - `table`: `[1, h w, D]`, row-major grid
/// - returns: `[1, h' w', D]`
pub fn bicubic_grid(
    table: &Tensor,
    from: [usize; 2],
    to: [usize; 2],
    kind: Bicubic,
) -> Result<Tensor> {
    let (_, _, width) = table.dims3()?;
    let rows = axis_weights(from[0], to[0], kind);
    let columns = axis_weights(from[1], to[1], kind);
    let matrix = |weights: Vec<f32>, shape: (usize, usize)| {
        Tensor::from_vec(weights, shape, table.device())?.to_dtype(table.dtype())
    };
    // Both passes are small matrix products: [to, from] x [from, ...].
    let columns = matrix(columns, (to[1], from[1]))?;
    let rows = matrix(rows, (to[0], from[0]))?;
    let x = table.reshape((from[0], from[1], width))?;
    let x = columns.broadcast_left(from[0])?.contiguous()?.matmul(&x.contiguous()?)?; // [h, w', D]
    let x = rows.matmul(&x.reshape((from[0], to[1] * width))?)?; // [h', w' D]
    x.reshape((1, to[0] * to[1], width))
}

/// The `[to, from]` matrix of one axis, row-major.
fn axis_weights(from: usize, to: usize, kind: Bicubic) -> Vec<f32> {
    let mut matrix = vec![0f32; from * to];
    let scale = match kind {
        Bicubic::Offset(offset) => from as f64 / (to as f64 + offset),
        Bicubic::Size | Bicubic::Antialias => from as f64 / to as f64,
    };
    for (i, row) in matrix.chunks_exact_mut(from).enumerate() {
        let centre = (i as f64 + 0.5) * scale;
        if kind == Bicubic::Antialias {
            let stretch = scale.max(1.0);
            let first = (centre - 2.0 * stretch + 0.5).max(0.0) as usize;
            let last = ((centre + 2.0 * stretch + 0.5) as usize).min(from);
            let taps: Vec<f64> =
                (first..last).map(|j| cubic((j as f64 - centre + 0.5) / stretch, -0.5)).collect();
            let total: f64 = taps.iter().sum();
            for (cell, tap) in row.iter_mut().skip(first).zip(&taps) {
                *cell = (tap / total) as f32;
            }
        } else {
            let position = centre - 0.5;
            let base = position.floor();
            for tap in -1..=2 {
                let weight = cubic(position - base - f64::from(tap), -0.75);
                let j = (base as i64 + i64::from(tap)).clamp(0, from as i64 - 1) as usize;
                if let Some(cell) = row.get_mut(j) {
                    *cell += weight as f32;
                }
            }
        }
    }
    matrix
}

/// Keys' cubic convolution kernel.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((x - 5.0) * x + 8.0) * x * a - 4.0 * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn bilinear_of_a_ramp_is_linear_inside_and_flat_at_the_border() {
        let x = Tensor::new(&[[[[0f32, 4.0]]]], &Device::Cpu).unwrap();
        let y = bilinear(&x, 1, 4).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(y, [0.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn every_row_of_a_resize_matrix_sums_to_one() {
        for kind in [Bicubic::Size, Bicubic::Offset(0.1), Bicubic::Antialias] {
            for (from, to) in [(4, 5), (4, 6), (37, 16), (5, 3), (1, 4)] {
                for row in axis_weights(from, to, kind).chunks_exact(from) {
                    let sum: f32 = row.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{kind:?} {from} -> {to}: {sum}");
                }
            }
        }
    }
}
