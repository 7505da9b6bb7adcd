use std::fmt;

use calico_kernels::blocks::BlockFormat;
use calico_kernels::{KernelError, q8};

/// The form of a quantised matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatrixFormat {
    /// A block format of GGUF, `Q4_K`: 4 bits.
    Q4K,
    /// A block format of GGUF, `Q5_K`: 5 bits.
    Q5K,
    /// A block format of GGUF, `Q6_K`: 6 bits.
    Q6K,
    /// A block format of GGUF, `Q8_0`: 8 bits with one scale for each 32 values.
    Q8Blocks,
    /// 8 bits with one scale per output and one per inner place; every width fits.
    Q8,
}

impl MatrixFormat {
    /// Every format, the smallest first.
    pub const ALL: [Self; 5] = [Self::Q4K, Self::Q5K, Self::Q6K, Self::Q8Blocks, Self::Q8];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Q8Blocks => "Q8_0",
            Self::Q8 => "Q8",
        }
    }

    /// What the name of a matrix ends with in a file, where its codes lie.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
            Self::Q8Blocks => "q8_0",
            Self::Q8 => "q8",
        }
    }

    /// The block format of GGUF, if it is one.
    pub fn blocks(self) -> Option<BlockFormat> {
        match self {
            Self::Q4K => Some(BlockFormat::Q4K),
            Self::Q5K => Some(BlockFormat::Q5K),
            Self::Q6K => Some(BlockFormat::Q6K),
            Self::Q8Blocks => Some(BlockFormat::Q8_0),
            Self::Q8 => None,
        }
    }

    /// This format if matrices of this shape fit it, else [`Self::Q8`] if they fit that.
    pub fn fitting(self, shape: [usize; 2]) -> Option<Self> {
        [self, Self::Q8].into_iter().find(|format| format.codes_len(shape).is_ok())
    }

    /// Bytes of the codes of a matrix `[outputs, inner]`.
    ///
    /// # Errors
    /// If the matrix does not fit the format.
    pub fn codes_len(self, [outputs, inner]: [usize; 2]) -> Result<usize, KernelError> {
        match self.blocks() {
            Some(format) => format.packed_len(outputs, inner),
            None => q8::packed_len(outputs, inner),
        }
    }

    /// The largest magnitude that the format can hold.
    pub fn largest(self) -> f32 {
        self.blocks().map_or(f32::MAX, BlockFormat::largest)
    }
}

impl fmt::Display for MatrixFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
