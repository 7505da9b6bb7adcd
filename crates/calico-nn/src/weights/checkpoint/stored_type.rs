//! The types in which weights are stored.

use std::fmt;

use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::tensor::Dtype;

/// The type in which weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum StoredType {
    /// 32-bit floats.
    F32,
    /// Brain floats: the range of f32, 8 bits of precision.
    #[default]
    Bf16,
    /// IEEE half floats.
    F16,
}

/// What the elements of a tensor in a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// Values of weights.
    Values(StoredType),
    /// Bytes that mean something together only.
    Bytes,
}

impl FileType {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Self::Values(stored) => stored.bytes(),
            Self::Bytes => 1,
        }
    }

    pub(super) fn dtype(self) -> Dtype {
        match self {
            Self::Values(stored) => stored.dtype(),
            Self::Bytes => Dtype::U8,
        }
    }

    /// The name in the header of a file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Values(StoredType::F32) => "F32",
            Self::Values(StoredType::Bf16) => "BF16",
            Self::Values(StoredType::F16) => "F16",
            Self::Bytes => "U8",
        }
    }
}

impl fmt::Display for StoredType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

impl StoredType {
    /// Bytes of one value.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    /// Values as they are stored: little-endian, rounded to nearest.
    pub fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::Bf16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
            Self::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        }
    }

    /// The values of stored bytes; bytes that make up no whole value are left out.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        fn convert<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
        }
        match self {
            Self::F32 => convert(bytes, f32::from_le_bytes),
            Self::Bf16 => convert(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F16 => convert(bytes, |b| f16::from_le_bytes(b).to_f32()),
        }
    }

    /// The largest magnitude of the stored values; infinite or not a number if one of them is.
    pub fn peak(self, bytes: &[u8]) -> f32 {
        /// Magnitudes sort like their bits, and what is not finite has the largest.
        fn highest<const N: usize>(bytes: &[u8], bits: impl Fn([u8; N]) -> u32 + Sync) -> u32 {
            const PIECE: usize = 1 << 16;
            let pieces = bytes.as_chunks::<N>().0.par_chunks(PIECE);
            let of_piece = |piece: &[[u8; N]]| piece.iter().fold(0, |most, b| most.max(bits(*b)));
            pieces.map(of_piece).max().unwrap_or(0)
        }
        let half_bits = |b| u32::from(u16::from_le_bytes(b) & 0x7fff);
        match self {
            Self::F32 => f32::from_bits(highest(bytes, |b| u32::from_le_bytes(b) & 0x7fff_ffff)),
            Self::Bf16 => bf16::from_bits(highest(bytes, half_bits) as u16).to_f32(),
            Self::F16 => f16::from_bits(highest(bytes, half_bits) as u16).to_f32(),
        }
    }

    /// Whether no stored value is NaN or infinite; takes no memory.
    pub fn is_finite(self, bytes: &[u8]) -> bool {
        match self {
            Self::F32 => bytes.as_chunks().0.iter().all(|b| f32::from_le_bytes(*b).is_finite()),
            Self::Bf16 => bytes.as_chunks().0.iter().all(|b| bf16::from_le_bytes(*b).is_finite()),
            Self::F16 => bytes.as_chunks().0.iter().all(|b| f16::from_le_bytes(*b).is_finite()),
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::Bf16 => Dtype::BF16,
            Self::F16 => Dtype::F16,
        }
    }

    /// The type that a file names, unless weights are never stored in it.
    pub(super) fn of(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::F32),
            Dtype::BF16 => Some(Self::Bf16),
            Dtype::F16 => Some(Self::F16),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for stored in [StoredType::F32, StoredType::Bf16, StoredType::F16] {
            let bytes = stored.encode(&[0.5, -2.0, 0.0]);
            assert_eq!(bytes.len(), 3 * stored.bytes());
            assert_eq!(stored.decode(&bytes), [0.5, -2.0, 0.0]);
            assert!(stored.is_finite(&bytes));
            assert_eq!((stored.peak(&bytes), stored.peak(&[])), (2.0, 0.0));
            assert!(stored.peak(&stored.encode(&[1.0, -f32::NAN])).is_nan());
            assert!(!stored.is_finite(&stored.encode(&[0.0, f32::NAN])));
            assert!(!stored.is_finite(&stored.encode(&[f32::NEG_INFINITY])));
        }
    }

    #[test]
    fn a_value_beyond_the_range_becomes_infinite() {
        let large = [70_000.0];
        assert!(!StoredType::F16.is_finite(&StoredType::F16.encode(&large)));
        assert!(StoredType::Bf16.is_finite(&StoredType::Bf16.encode(&large)));
    }
}
