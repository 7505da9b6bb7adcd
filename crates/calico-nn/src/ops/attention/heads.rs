//! Where the rows of each head lie in memory.

use std::ops::Range;

use calico_kernels::attention::Rows;
use candle_core::{CpuStorage, Layout, Result};

use super::super::product::Matrix;

/// How queries, keys and values lie in their tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrangement {
    /// Three tensors `[B, N, T, K]`.
    Split,
    /// Three tensors `[B, T, N K]`.
    Merged,
    /// One tensor `[B, T, 3 N K]`: queries, keys, values.
    Fused,
}

/// The rows of the heads of queries, keys, values or of a result: `K` contiguous values each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads<'a> {
    data: &'a [f32],
    batch: usize,
    head: usize,
    token: usize,
    width: usize,
}

impl<'a> Heads<'a> {
    /// The heads of a tensor; `part` is 0 for queries, 1 for keys, 2 for values, and `width` that
    /// of a head.
    pub(super) fn new(
        (storage, layout): (&'a CpuStorage, &Layout),
        arrangement: Arrangement,
        part: usize,
        width: usize,
    ) -> Result<Self> {
        let data = storage.as_slice::<f32>()?;
        let data = data.get(layout.start_offset()..).unwrap_or_default();
        let (dims, strides) = (layout.dims(), layout.stride());
        let last = strides.last().copied().unwrap_or(1);
        if last != 1 && dims.last() != Some(&1) {
            candle_core::bail!("attention: the rows of {layout:?} are not contiguous");
        }
        let (start, batch, head, token) = match (arrangement, dims.len()) {
            (Arrangement::Split, 4) => (0, strides[0], strides[1], strides[2]),
            (Arrangement::Merged, 3) => (0, strides[0], width, strides[1]),
            (Arrangement::Fused, 3) => (part * dims[2] / 3, strides[0], width, strides[1]),
            _ => candle_core::bail!("attention: {dims:?} is not {arrangement:?}"),
        };
        Ok(Self { data: data.get(start..).unwrap_or_default(), batch, head, token, width })
    }

    /// Contiguous rows `[B, T, N, K]`, as results are.
    pub(super) fn of_result(data: &'a [f32], heads: usize, tokens: usize, width: usize) -> Self {
        let token = heads * width;
        Self { data, batch: tokens * token, head: width, token, width }
    }

    /// The rows of some tokens of a head.
    pub(super) fn matrix(&self, batch: usize, head: usize, tokens: Range<usize>) -> Matrix<'a> {
        let start = batch * self.batch + head * self.head + tokens.start * self.token;
        let data = self.data.get(start..).unwrap_or_default();
        Matrix::by_rows(data, [tokens.len(), self.width], self.token)
    }

    /// As [`Heads::matrix`], for the kernel of attention.
    pub(super) fn rows(&self, batch: usize, head: usize, tokens: Range<usize>) -> Rows<'a> {
        let start = batch * self.batch + head * self.head + tokens.start * self.token;
        let data = self.data.get(start..).unwrap_or_default();
        strided(data, [tokens.len(), self.width], self.token)
    }

    /// The row of a token of a head.
    pub(super) fn row(&self, batch: usize, head: usize, token: usize) -> &'a [f32] {
        &self.data[batch * self.batch + head * self.head + token * self.token..][..self.width]
    }
}

/// Rows of `shape`, each `stride` values behind the one before.
///
/// # Panics
/// If one would lie outside of `data`, which is a bug of the caller.
pub(super) fn strided(data: &[f32], shape: [usize; 2], stride: usize) -> Rows<'_> {
    Rows::new(data, shape, stride).unwrap_or_else(|error| panic!("attention: {error}"))
}
