//! How the values of a tensor lie in memory on the CPU.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor};

/// All axes but the last, taken for one: rows evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rows {
    /// Rows and columns.
    pub(super) shape: [usize; 2],
    /// Values from row to row and from column to column.
    pub(super) strides: [usize; 2],
}

/// The rows of a tensor, if the step from each to the next is the same.
pub(super) fn rows_of(layout: &Layout) -> Option<Rows> {
    let (cols, outer_dims) = layout.dims().split_last()?;
    let (col_stride, outer_strides) = layout.stride().split_last()?;
    let mut rows = 1;
    let mut row_stride = *cols;
    for (&dim, &stride) in outer_dims.iter().zip(outer_strides).rev() {
        if dim == 1 {
            continue;
        }
        if rows == 1 {
            row_stride = stride;
        } else if stride != rows * row_stride {
            return None;
        }
        rows *= dim;
    }
    Some(Rows { shape: [rows, *cols], strides: [row_stride, *col_stride] })
}

/// Lets `look` see the memory of a tensor on the CPU.
pub(super) fn read<T>(
    x: &Tensor,
    look: impl FnOnce((&CpuStorage, &Layout)) -> Result<T>,
) -> Result<T> {
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => look((storage, layout)),
        _ => candle_core::bail!("expected a tensor on the cpu, found {:?}", x.device()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    fn rows(x: &Tensor) -> Option<Rows> {
        rows_of(x.layout())
    }

    #[test]
    fn axes_are_joined_only_where_rows_stay_evenly_spaced() {
        let x = Tensor::zeros((2, 3, 4, 8), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(rows(&x), Some(Rows { shape: [24, 8], strides: [8, 1] }));
        let half = x.narrow(3, 4, 4).unwrap();
        assert_eq!(rows(&half), Some(Rows { shape: [24, 4], strides: [8, 1] }));
        assert_eq!(rows(&x.transpose(1, 2).unwrap()), None);
        assert_eq!(rows(&x.narrow(2, 0, 3).unwrap()), None);
        let one = x.narrow(1, 0, 1).unwrap().narrow(0, 0, 1).unwrap();
        assert_eq!(rows(&one), Some(Rows { shape: [4, 8], strides: [8, 1] }));
        let turned = x.get(0).unwrap().get(0).unwrap().t().unwrap();
        assert_eq!(rows(&turned), Some(Rows { shape: [8, 4], strides: [1, 8] }));
    }
}
