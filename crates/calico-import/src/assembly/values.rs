//! The bytes of a tensor of ours, made of bytes of theirs.

use std::borrow::Cow;

use calico_formats::{BlockFormat, Element};
use calico_nn::weights::checkpoint::StoredType;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{DType, Device};

use super::{ImportError, Source};
use crate::{Part, Recipe, RowOrder};

/// The type in which values of a file are kept, unless another one is asked for: the same; 64 bits
/// become 32, and blocks bf16. `None` is a type that weights never have.
pub(super) fn kept(element: Element) -> Option<StoredType> {
    match element {
        Element::F64 | Element::F32 => Some(StoredType::F32),
        Element::F16 => Some(StoredType::F16),
        Element::Bf16 | Element::Block(_) => Some(StoredType::Bf16),
        Element::Int(_) | Element::Uint(_) | Element::Bool => None,
    }
}

/// The bytes of a tensor that is made by `recipe`, in the type `stored`; `heads` tells how many
/// heads a matrix of queries or keys has.
pub(super) fn bytes(
    source: &Source,
    recipe: &Recipe,
    stored: StoredType,
    heads: usize,
) -> Result<Vec<u8>, ImportError> {
    let mut whole = Vec::new();
    for part in &recipe.parts {
        let bytes = part_bytes(source, part, stored, heads)?;
        if recipe.parts.len() == 1 {
            return Ok(bytes);
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

fn part_bytes(
    source: &Source,
    part: &Part,
    stored: StoredType,
    heads: usize,
) -> Result<Vec<u8>, ImportError> {
    let tensor = source.tensor(&part.tensor);
    let (element, shape) =
        tensor.map_or((Element::F32, &[][..]), |tensor| (tensor.element, tensor.shape.as_slice()));
    let rows = shape.first().copied().unwrap_or(1).max(1);
    let mut bytes = source.files().read(&part.tensor)?;
    let row_bytes = bytes.len() / rows;
    if let Some(range) = &part.rows {
        bytes.truncate(range.end * row_bytes);
        bytes.drain(..range.start * row_bytes);
    }
    if part.order == RowOrder::RotaryPairs {
        bytes = halves_of_heads(&bytes, row_bytes, heads);
    }
    converted(element, bytes, stored)
}

/// Puts rows that lie as neighbours into the two halves of their head: of a head of `D` rows, rows
/// `2j` and `2j + 1` become rows `j` and `j + D/2`.
fn halves_of_heads(bytes: &[u8], row_bytes: usize, heads: usize) -> Vec<u8> {
    let mut sorted = Vec::with_capacity(bytes.len());
    let head_bytes = (bytes.len() / heads.max(1)).max(1);
    for head in bytes.chunks(head_bytes) {
        for first in [0, 1] {
            let rows = head.chunks(row_bytes.max(1)).skip(first).step_by(2);
            rows.for_each(|row| sorted.extend_from_slice(row));
        }
    }
    sorted
}

/// Values of one type as values of another.
fn converted(element: Element, bytes: Vec<u8>, stored: StoredType) -> Result<Vec<u8>, ImportError> {
    let is_same = matches!(
        (element, stored),
        (Element::F32, StoredType::F32)
            | (Element::F16, StoredType::F16)
            | (Element::Bf16, StoredType::Bf16)
    );
    if is_same {
        return Ok(bytes);
    }
    let values = bytes.len() as u64 * PIECE_VALUES / piece_bytes(element) as u64;
    let mut all = Vec::with_capacity(values as usize * stored.bytes());
    for piece in pieces(element, &bytes) {
        all.extend(stored.encode(&decoded(element, piece)?));
    }
    Ok(all)
}

/// Values that are decoded at once: a table of tokens would take half a gigabyte in f32.
const PIECE_VALUES: u64 = 1 << 20;

/// Stored bytes in pieces that can be decoded one by one.
fn pieces(element: Element, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(piece_bytes(element))
}

/// Blocks have 32 or 256 values, so that a piece holds whole ones.
fn piece_bytes(element: Element) -> usize {
    element.bytes_of(PIECE_VALUES).unwrap_or(1).max(1) as usize
}

/// Whether none of the values is NaN or infinity.
pub(super) fn are_finite(element: Element, bytes: &[u8]) -> Result<bool, ImportError> {
    if element == Element::F64 {
        // Finite, though it may be beyond what 32 bits hold.
        let mut values = bytes.as_chunks().0.iter().map(|value| f64::from_le_bytes(*value));
        return Ok(values.all(f64::is_finite));
    }
    for piece in pieces(element, bytes) {
        if decoded(element, piece)?.iter().any(|value| !value.is_finite()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The values of stored bytes; those of 64 bits are rounded.
pub(super) fn decoded(element: Element, bytes: &[u8]) -> Result<Vec<f32>, ImportError> {
    Ok(match element {
        Element::F32 => StoredType::F32.decode(bytes),
        Element::F16 => StoredType::F16.decode(bytes),
        Element::Bf16 => StoredType::Bf16.decode(bytes),
        Element::F64 => {
            bytes.as_chunks().0.iter().map(|value| f64::from_le_bytes(*value) as f32).collect()
        }
        Element::Block(format) => of_blocks(format, bytes)?,
        // Refused before any value is read.
        Element::Int(_) | Element::Uint(_) | Element::Bool => Vec::new(),
    })
}

/// The values of blocks, by the library that computes with them.
fn of_blocks(format: BlockFormat, bytes: &[u8]) -> Result<Vec<f32>, ImportError> {
    let kind = match format {
        BlockFormat::Q4_0 => GgmlDType::Q4_0,
        BlockFormat::Q4_1 => GgmlDType::Q4_1,
        BlockFormat::Q5_0 => GgmlDType::Q5_0,
        BlockFormat::Q5_1 => GgmlDType::Q5_1,
        BlockFormat::Q8_0 => GgmlDType::Q8_0,
        BlockFormat::Q2K => GgmlDType::Q2K,
        BlockFormat::Q3K => GgmlDType::Q3K,
        BlockFormat::Q4K => GgmlDType::Q4K,
        BlockFormat::Q5K => GgmlDType::Q5K,
        BlockFormat::Q6K => GgmlDType::Q6K,
    };
    let (values, block_bytes) = format.block();
    let count = bytes.len() / block_bytes as usize * values as usize;
    let storage = QStorage::from_data(Cow::Borrowed(bytes), &Device::Cpu, kind)?;
    let tensor = QTensor::new(storage, count)?.dequantize(&Device::Cpu)?;
    Ok(tensor.to_dtype(DType::F32)?.to_vec1()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use calico_formats::TensorFile;

    use super::*;

    #[test]
    fn neighbours_of_a_head_go_to_its_halves() {
        // Two heads of four rows of two bytes; rows are numbered as they lie.
        let rows: Vec<u8> = (0..8).flat_map(|row| [row, row]).collect();
        let sorted = halves_of_heads(&rows, 2, 2);
        let order: Vec<u8> = sorted.chunks(2).map(|row| row[0]).collect();
        assert_eq!(order, [0, 2, 1, 3, 4, 6, 5, 7]);
    }

    #[test]
    fn values_of_64_bits_are_rounded_and_equal_types_stay_as_they_are() {
        let wide: Vec<u8> = [0.1f64, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(decoded(Element::F64, &wide).unwrap(), [0.1f32, -2.0]);
        assert!(are_finite(Element::F64, &1e300f64.to_le_bytes()).unwrap());
        assert!(!are_finite(Element::F64, &f64::NAN.to_le_bytes()).unwrap());
        let nan = vec![0x01, 0xff, 0x80, 0x7f];
        let same = converted(Element::F32, nan.clone(), StoredType::F32).unwrap();
        assert_eq!(same, nan, "not even a NaN changes its bits");
    }

    #[test]
    fn what_is_converted_in_pieces_is_the_same_as_at_once() {
        let values: Vec<f32> = (0..PIECE_VALUES + 70).map(|value| value as f32 * 0.37).collect();
        let stored = StoredType::F32.encode(&values);
        let pieces = converted(Element::F32, stored, StoredType::Bf16).unwrap();
        assert!(pieces == StoredType::Bf16.encode(&values));
        let block = (0..34).map(|byte| byte ^ 0x15);
        let count = PIECE_VALUES as usize / 32 + 3;
        let blocks: Vec<u8> = (0..count).flat_map(|_| block.clone()).collect();
        let format = Element::Block(BlockFormat::Q8_0);
        let at_once = StoredType::F16.encode(&decoded(format, &blocks).unwrap());
        assert!(converted(format, blocks, StoredType::F16).unwrap() == at_once);
    }

    #[test]
    fn blocks_of_every_type_are_what_the_gguf_package_makes_of_them() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let file = tests.join("../../calico-formats/tests/data/gguf/types.gguf");
        let file = TensorFile::open(&file).unwrap();
        let expected = std::fs::read(tests.join("fixtures/dequantised.json")).unwrap();
        let expected: BTreeMap<String, String> = serde_json::from_slice(&expected).unwrap();
        assert_eq!(expected.len(), 10);
        for (name, bits) in expected {
            let element = file.tensors()[&name].element;
            let found = decoded(element, &file.read(&name).unwrap()).unwrap();
            let bits = bits.split(' ').map(|bits| u32::from_str_radix(bits, 16).unwrap());
            let expected: Vec<f32> = bits.map(f32::from_bits).collect();
            assert_eq!(found.len(), expected.len(), "{name}");
            for (found, expected) in found.iter().zip(&expected) {
                // The sums of scale and offset may be rounded once more or less.
                let allowed = 1e-6 * expected.abs().max(0.1);
                assert!((found - expected).abs() <= allowed, "{name}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn a_block_of_8_bits_is_its_scale_times_its_numbers() {
        let scale = half::f16::from_f32(0.5).to_le_bytes();
        let block: Vec<u8> =
            scale.into_iter().chain((0..32).map(|number| u8::wrapping_sub(number, 16))).collect();
        let expected: Vec<f32> = (0..32).map(|number| (number - 16) as f32 * 0.5).collect();
        assert_eq!(of_blocks(BlockFormat::Q8_0, &block).unwrap(), expected);
    }
}
