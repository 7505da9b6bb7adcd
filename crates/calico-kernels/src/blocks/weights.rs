use half::f16;
use rayon::prelude::*;

use super::format::BlockFormat;
use crate::{KernelError, sizes};

/// Weights of a block format in the layout of the kernels.
#[derive(Debug, Clone, Copy)]
pub struct BlockWeights<'a> {
    format: BlockFormat,
    outputs: usize,
    inner: usize,
    bytes: &'a [u8],
}

impl<'a> BlockWeights<'a> {
    /// Weights that lie in memory already, `[outputs, inner]` before they were packed.
    ///
    /// Whatever the bytes are, products are defined and the same at every level.
    ///
    /// # Errors
    /// If a size is 0 or too large, blocks do not divide the inner width, or `bytes` has another
    /// length than [`BlockFormat::packed_len`].
    pub fn new(
        format: BlockFormat,
        outputs: usize,
        inner: usize,
        bytes: &'a [u8],
    ) -> Result<Self, KernelError> {
        let expected = format.packed_len(outputs, inner)?;
        sizes::length("the slice of packed weights", bytes.len(), expected)?;
        Ok(Self { format, outputs, inner, bytes })
    }

    /// The format.
    pub fn format(&self) -> BlockFormat {
        self.format
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inner width.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// Whether the scales of all blocks are finite.
    pub fn is_finite(&self) -> bool {
        let len = self.format.panel_scale_bytes();
        let blocks = self.bytes.par_chunks_exact(self.format.panel_block_bytes());
        let is_finite = |bits: &[u8; 2]| f16::from_le_bytes(*bits).is_finite();
        blocks.all(|block| block[..len].as_chunks().0.iter().all(is_finite))
    }

    /// The packed bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
