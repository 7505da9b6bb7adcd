//! The numbers of a tensor, to read.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, DType, Layout, Result, Shape, Storage, StorageRef, Tensor};

/// The values of a contiguous f32 tensor on the CPU.
pub(crate) struct Values<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

impl<'a> Values<'a> {
    /// Borrows the values of `x`.
    pub(crate) fn of(x: &'a Tensor) -> Result<Self> {
        let (storage, layout) = x.storage_and_layout();
        let range = range(layout)?;
        match &*storage {
            Storage::Cpu(CpuStorage::F32(all)) if range.end <= all.len() => {}
            _ => candle_core::bail!("expected f32 values on the CPU, found {:?}", x.dtype()),
        }
        Ok(Self { storage, range })
    }
}

impl Deref for Values<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(all)) => all.get(self.range.clone()).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Whether the hand-written forms apply.
pub(crate) fn on_cpu(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// The values of a contiguous f32 argument of a custom operation.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?.get(range(layout)?);
    values.ok_or_else(|| candle_core::Error::msg("expected as many values as the shape says"))
}

/// The values of a vector as long as the rows of `rows`.
pub(crate) fn row_values<'a>(
    storage: &'a CpuStorage,
    layout: &Layout,
    rows: &Shape,
) -> Result<&'a [f32]> {
    let width = row_width(rows);
    if layout.dims() != [width] {
        candle_core::bail!("expected a vector of {width} values, found {:?}", layout.dims());
    }
    values(storage, layout)
}

/// The length of the last axis; 1 where there is none, or nothing.
pub(crate) fn row_width(shape: &Shape) -> usize {
    shape.dims().last().copied().unwrap_or(1).max(1)
}

/// A tensor of computed values that remembers no operation.
pub(crate) fn tensor(values: Vec<f32>, shape: &Shape, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, shape, like.device())
}

fn range(layout: &Layout) -> Result<Range<usize>> {
    let range = layout.contiguous_offsets().map(|(start, end)| start..end);
    range.ok_or_else(|| candle_core::Error::msg("expected contiguous values"))
}
