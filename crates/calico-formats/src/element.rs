/// The type of a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// 64-bit floats.
    F64,
    /// 32-bit floats.
    F32,
    /// IEEE half floats.
    F16,
    /// Brain floats.
    Bf16,
    /// Signed integers of so many bytes: 1, 2, 4 or 8.
    Int(u8),
    /// Unsigned integers of so many bytes: 1, 2, 4 or 8.
    Uint(u8),
    /// One byte, 0 or 1.
    Bool,
    /// Blocks of a GGUF format; their values run along the last axis.
    Block(BlockFormat),
}

/// A format of GGUF in which several values share a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of ggml")]
pub enum BlockFormat {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
}

impl Element {
    /// Bytes of so many values; `None` if they are no whole number of blocks, or more than any
    /// machine can address.
    pub fn bytes_of(self, values: u64) -> Option<u64> {
        let each = match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int(bytes) | Self::Uint(bytes) => u64::from(bytes),
            Self::Bool => 1,
            Self::Block(format) => {
                let (of_block, bytes) = format.block();
                let is_whole = values.is_multiple_of(of_block);
                return is_whole.then(|| (values / of_block).checked_mul(bytes)).flatten();
            }
        };
        values.checked_mul(each)
    }

    /// Whether the values are floats of any kind: what weights are made of.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16 | Self::Block(_))
    }
}

impl BlockFormat {
    /// Values and bytes of a block.
    pub fn block(self) -> (u64, u64) {
        match self {
            Self::Q4_0 => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q2K => (256, 84),
            Self::Q3K => (256, 110),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
        }
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::F64 => f.write_str("f64"),
            Self::F32 => f.write_str("f32"),
            Self::F16 => f.write_str("f16"),
            Self::Bf16 => f.write_str("bf16"),
            Self::Int(bytes) => write!(f, "i{}", u32::from(*bytes) * 8),
            Self::Uint(bytes) => write!(f, "u{}", u32::from(*bytes) * 8),
            Self::Bool => f.write_str("bool"),
            Self::Block(format) => write!(f, "{format}"),
        }
    }
}

impl std::fmt::Display for BlockFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q8_0 => "q8_0",
            Self::Q2K => "q2_k",
            Self::Q3K => "q3_k",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
        })
    }
}
