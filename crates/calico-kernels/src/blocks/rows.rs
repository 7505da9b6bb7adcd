use rayon::prelude::*;

use crate::simd::{self, Job, Simd};
use crate::{KernelError, Kernels, activation, sizes};

/// Values that share a scale.
pub(super) const SUPERBLOCK: usize = 256;

/// Activations of 8 bits per 256 values, to be multiplied by any number of weights of their width.
#[derive(Debug, Clone)]
pub struct BlockRows {
    rows: usize,
    inner: usize,
    /// Row by row; the last of a row may be padded with zeros.
    superblocks: Vec<Superblock>,
}

/// 256 activations.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Superblock {
    /// Codes, four inner values together.
    pub(super) codes: [[i8; 4]; 64],
    /// Sums of 16 codes, two together.
    pub(super) sums_of_16: [[i16; 2]; 8],
    /// Sums of 32 codes, two together.
    pub(super) sums_of_32: [[i16; 2]; 4],
    /// The value of a code is code · scale.
    pub(super) scale: f32,
}

impl Superblock {
    const ZERO: Self =
        Self { codes: [[0; 4]; 64], sums_of_16: [[0; 2]; 8], sums_of_32: [[0; 2]; 4], scale: 0.0 };
}

impl BlockRows {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inner width.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The values that the codes of a row stand for; none if there is no such row.
    pub fn dequantize(&self, row: usize) -> Vec<f32> {
        if row >= self.rows {
            return Vec::new();
        }
        let width = self.width();
        let superblocks = &self.superblocks[row * width..][..width];
        let values = superblocks.iter().flat_map(|superblock| {
            let codes = superblock.codes.as_flattened().iter();
            codes.map(|&code| f32::from(code) * superblock.scale)
        });
        values.take(self.inner).collect()
    }

    /// Superblocks of a row.
    pub(super) fn width(&self) -> usize {
        self.inner.div_ceil(SUPERBLOCK)
    }

    /// The superblocks of some rows, row by row.
    pub(super) fn superblocks(&self, first: usize, rows: usize) -> &[Superblock] {
        &self.superblocks[first * self.width()..][..rows * self.width()]
    }
}

impl Kernels {
    /// Quantises activations for products of blocks, see [`blocks`](crate::blocks).
    ///
    /// # Shapes
    /// - `values`: `[rows, inner]`; there may be no rows.
    ///
    /// # Errors
    /// If `inner` is 0, too large or no multiple of 32, or does not divide the number of values.
    pub fn block_rows(self, values: &[f32], inner: usize) -> Result<BlockRows, KernelError> {
        sizes::width(inner)?;
        super::BlockFormat::Q8_0.blocks(inner)?;
        let rows = values.len() / inner;
        sizes::length("the slice of activations", values.len(), rows * inner)?;
        let width = inner.div_ceil(SUPERBLOCK);
        let mut superblocks = vec![Superblock::ZERO; rows * width];
        let work = superblocks.par_chunks_mut(width).zip(values.par_chunks(inner));
        work.for_each(|(superblocks, values)| {
            simd::run(self.level(), Row { values, superblocks });
        });
        Ok(BlockRows { rows, inner, superblocks })
    }
}

/// Quantises one row.
struct Row<'a> {
    values: &'a [f32],
    superblocks: &'a mut [Superblock],
}

impl Job for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (to, values) in self.superblocks.iter_mut().zip(self.values.chunks(SUPERBLOCK)) {
            let codes = to.codes.as_flattened_mut();
            to.scale = activation::quantize(values, &mut codes[..values.len()]);
            let codes = codes.as_chunks::<16>().0;
            for (sum, codes) in to.sums_of_16.as_flattened_mut().iter_mut().zip(codes) {
                *sum = 0;
                for &code in codes {
                    *sum += i16::from(code);
                }
            }
            let sums = to.sums_of_32.as_flattened_mut();
            for (sum, [first, second]) in sums.iter_mut().zip(&to.sums_of_16) {
                *sum = first + second;
            }
        }
    }
}
