use std::fmt;

use crate::{KernelError, sizes};

/// A block format of GGUF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockFormat {
    /// 4 bits, scales and mins of 6 bits for each 32 values.
    Q4K,
    /// 5 bits, scales and mins of 6 bits for each 32 values.
    Q5K,
    /// 6 bits, scales of 8 bits for each 16 values.
    Q6K,
    /// 8 bits, one scale of 16 bits for each 32 values.
    Q8_0,
}

impl BlockFormat {
    /// Every format, the smallest first.
    pub const ALL: [Self; 4] = [Self::Q4K, Self::Q5K, Self::Q6K, Self::Q8_0];

    /// The name in GGUF.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Q8_0 => "Q8_0",
        }
    }

    /// Values of a block, which must divide the inner width.
    pub fn block_values(self) -> usize {
        match self {
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
            Self::Q8_0 => 32,
        }
    }

    /// The largest magnitude that the format can hold, rounded down: scales are numbers of 16 bits,
    /// of which the largest is 65,504.
    pub fn largest(self) -> f32 {
        match self {
            Self::Q4K | Self::Q5K => 4.0e6,
            Self::Q6K => 2.5e8,
            Self::Q8_0 => 8.3e6,
        }
    }

    /// Bytes of a block in GGUF.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
            Self::Q8_0 => 34,
        }
    }

    /// Bytes of one block of sixteen outputs in the layout of the kernels.
    pub(super) fn panel_block_bytes(self) -> usize {
        match self {
            Self::Q4K => 2368,
            Self::Q5K => 2880,
            Self::Q6K => 3392,
            Self::Q8_0 => 544,
        }
    }

    /// Bytes at the start of such a block that hold scales, and mins where there are any.
    pub(super) fn panel_scale_bytes(self) -> usize {
        match self {
            Self::Q4K | Self::Q5K => 64,
            Self::Q6K | Self::Q8_0 => 32,
        }
    }

    /// Bytes of `values` values in GGUF.
    ///
    /// # Errors
    /// If blocks do not divide that number.
    pub fn gguf_len(self, values: usize) -> Result<usize, KernelError> {
        Ok(self.blocks(values)? * self.block_bytes())
    }

    /// Bytes of `[outputs, inner]` weights in the layout of the kernels.
    ///
    /// # Errors
    /// If a size is 0 or too large, or blocks do not divide the inner width.
    pub fn packed_len(self, outputs: usize, inner: usize) -> Result<usize, KernelError> {
        sizes::shape(outputs, inner)?;
        let sizes = [outputs.div_ceil(sizes::PANEL), self.blocks(inner)?, self.panel_block_bytes()];
        sizes::product("the size of the packed weights", &sizes)
    }

    /// The number of blocks that hold some values.
    pub(super) fn blocks(self, values: usize) -> Result<usize, KernelError> {
        let block = self.block_values();
        if values.is_multiple_of(block) {
            return Ok(values / block);
        }
        Err(KernelError::Blocks { format: self.name(), found: values, block })
    }
}

impl fmt::Display for BlockFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
