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

    /// The packed bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
