//! The types in which weights are stored.

use std::fmt;

use half::{bf16, f16};
use safetensors::tensor::Dtype;

/// The type in which weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoredType {
    /// 32-bit floats.
    F32,
    /// Brain floats: the range of f32, 8 bits of precision.
    #[default]
    Bf16,
    /// IEEE half floats.
    F16,
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

    /// Whether no stored value is NaN or infinite; takes no memory.
    pub fn is_finite(self, bytes: &[u8]) -> bool {
        match self {
            Self::F32 => bytes.as_chunks().0.iter().all(|b| f32::from_le_bytes(*b).is_finite()),
            Self::Bf16 => bytes.as_chunks().0.iter().all(|b| bf16::from_le_bytes(*b).is_finite()),
            Self::F16 => bytes.as_chunks().0.iter().all(|b| f16::from_le_bytes(*b).is_finite()),
        }
    }

    pub(super) fn dtype(self) -> Dtype {
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
