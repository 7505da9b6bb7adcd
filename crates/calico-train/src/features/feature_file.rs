//! One file of kept features: safetensors with a name, and a checksum, in its header.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use half::bf16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::tower::Output;
use crate::recipe::StoredFeatures;

/// The one key of the header's free part.
const KEY: &str = "calico_features";
/// More than the header of such a file ever takes, in bytes.
const MOST_HEADER: u64 = 1 << 12;

/// What was found in the place of a file.
#[derive(Debug)]
pub(super) enum Found {
    /// The features, in the stored type, each `[1, …]`.
    Features(Vec<Tensor>),
    /// No file that can be opened.
    Nothing,
    /// A file that cannot be trusted.
    Damaged,
}

impl StoredFeatures {
    /// The type of tensors.
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }

    fn file_dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::Bf16 => Dtype::BF16,
        }
    }

    fn bytes(self) -> usize {
        self.dtype().size_in_bytes()
    }

    fn encode(self, tensor: &Tensor) -> candle_core::Result<Vec<u8>> {
        let flat = tensor.flatten_all()?;
        Ok(match self {
            Self::F32 => flat.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::Bf16 => flat.to_vec1::<bf16>()?.iter().flat_map(|v| v.to_le_bytes()).collect(),
        })
    }

    /// `None` if a value is no finite number.
    fn decode(self, bytes: &[u8], shape: &[usize]) -> Option<candle_core::Result<Tensor>> {
        match self {
            Self::F32 => {
                let values = bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk));
                let values: Vec<f32> = values.collect();
                let sound = values.iter().all(|value| value.is_finite());
                sound.then(|| Tensor::from_vec(values, shape, &Device::Cpu))
            }
            Self::Bf16 => {
                let values = bytes.as_chunks().0.iter().map(|&chunk| bf16::from_le_bytes(chunk));
                let values: Vec<bf16> = values.collect();
                let sound = values.iter().all(|value| value.is_finite());
                sound.then(|| Tensor::from_vec(values, shape, &Device::Cpu))
            }
        }
    }
}

/// The bytes of the file `name`; `None` if a value is no finite number, which is not kept.
///
/// # Shapes
/// - `features`: `[1, …]` each, in the stored type
pub(super) fn encode(
    name: &str,
    outputs: &[Output],
    features: &[Tensor],
    stored: StoredFeatures,
) -> candle_core::Result<Option<Vec<u8>>> {
    let data: Vec<Vec<u8>> =
        features.iter().map(|tensor| stored.encode(tensor)).collect::<Result<_, _>>()?;
    if data.iter().zip(outputs).any(|(bytes, output)| stored.decode(bytes, &output.shape).is_none())
    {
        return Ok(None);
    }
    let seal = seal(name, data.iter().map(Vec::as_slice));
    let tensor = |(output, bytes): (&Output, _)| {
        let view = TensorView::new(stored.file_dtype(), output.shape.clone(), bytes)?;
        Ok((output.name, view))
    };
    let views: Result<Vec<_>, safetensors::SafeTensorError> =
        outputs.iter().zip(data.iter().map(Vec::as_slice)).map(tensor).collect();
    let free = HashMap::from([(KEY.to_owned(), seal)]);
    let bytes = views.and_then(|views| safetensors::serialize(views, Some(free)));
    bytes.map(Some).map_err(candle_core::Error::wrap)
}

/// Reads the file `name` at `path`. What is not exactly as it was written is not used.
pub(super) fn read(
    path: &Path,
    name: &str,
    outputs: &[Output],
    stored: StoredFeatures,
) -> candle_core::Result<Found> {
    let Ok(file) = File::open(path) else { return Ok(Found::Nothing) };
    let values = |output: &Output| output.shape.iter().product::<usize>();
    let data = (outputs.iter().map(values).sum::<usize>() * stored.bytes()) as u64;
    let most = data + MOST_HEADER;
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len());
    if length.is_none_or(|length| !(data..=most).contains(&length)) {
        return Ok(Found::Damaged);
    }
    let mut bytes = Vec::new();
    if file.take(most + 1).read_to_end(&mut bytes).is_err() {
        return Ok(Found::Damaged);
    }
    match decode(&bytes, name, outputs, stored) {
        Some(features) => Ok(Found::Features(features?)),
        None => Ok(Found::Damaged),
    }
}

fn decode(
    bytes: &[u8],
    name: &str,
    outputs: &[Output],
    stored: StoredFeatures,
) -> Option<candle_core::Result<Vec<Tensor>>> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    let found = metadata.metadata().as_ref()?.get(KEY)?.clone();
    let file = SafeTensors::deserialize(bytes).ok()?;
    let view = |output: &Output| {
        let view = file.tensor(output.name).ok()?;
        let fits = view.dtype() == stored.file_dtype() && view.shape() == output.shape;
        fits.then(|| view.data())
    };
    let data: Vec<&[u8]> = outputs.iter().map(view).collect::<Option<_>>()?;
    if file.len() != outputs.len() || found != seal(name, data.iter().copied()) {
        return None;
    }
    let tensor = |(output, bytes): (&Output, &&[u8])| {
        let shape: Vec<usize> = std::iter::once(1).chain(output.shape.iter().copied()).collect();
        stored.decode(bytes, &shape)
    };
    outputs.iter().zip(&data).map(tensor).collect()
}

/// What the header says of a file: its name and the CRC-32C of its values.
fn seal<'a>(name: &str, data: impl Iterator<Item = &'a [u8]>) -> String {
    let sum = data.fold(0, crc32c::crc32c_append);
    format!("{name} {sum:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: StoredFeatures = StoredFeatures::Bf16;

    fn outputs() -> [Output; 2] {
        [Output { name: "b", shape: vec![2, 3] }, Output { name: "a", shape: vec![1] }]
    }

    fn features(values: [f32; 7]) -> Vec<Tensor> {
        let tensor = |values: &[f32], shape: &[usize]| {
            Tensor::from_slice(values, shape, &Device::Cpu).unwrap().to_dtype(DType::BF16).unwrap()
        };
        vec![tensor(&values[..6], &[1, 2, 3]), tensor(&values[6..], &[1, 1])]
    }

    fn bits(tensor: &Tensor) -> Vec<u16> {
        let values = tensor.flatten_all().unwrap().to_vec1::<bf16>().unwrap();
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn features_come_back_with_their_bits_and_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let kept = features([-0.0, 1.0, 1e-30, 3.0, 4.5, -7.0, 9.0]);
        std::fs::write(&path, encode("name", &outputs(), &kept, STORED).unwrap().unwrap()).unwrap();
        let Found::Features(found) = read(&path, "name", &outputs(), STORED).unwrap() else {
            panic!("the file was not trusted");
        };
        for (kept, found) in kept.iter().zip(&found) {
            assert_eq!((kept.dims(), bits(kept)), (found.dims(), bits(found)));
        }
        let absent = read(&folder.path().join("other"), "other", &outputs(), STORED).unwrap();
        assert!(matches!(absent, Found::Nothing));
    }

    #[test]
    fn what_is_no_number_is_not_kept() {
        for value in [f32::NAN, f32::INFINITY] {
            let kept = features([0.0, 1.0, 2.0, 3.0, value, 5.0, 6.0]);
            assert!(encode("name", &outputs(), &kept, STORED).unwrap().is_none());
        }
    }

    #[test]
    fn a_file_of_which_any_byte_was_changed_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let kept = features([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let sound = encode("name", &outputs(), &kept, STORED).unwrap().unwrap();
        let damaged = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            matches!(read(&path, "name", &outputs(), STORED).unwrap(), Found::Damaged)
        };
        assert!(!damaged(&sound));
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            assert!(damaged(&bytes), "byte {at}");
            assert!(damaged(&sound[..at]), "the first {at} bytes");
        }
        let longer = [sound.as_slice(), &[0]].concat();
        assert!(damaged(&longer));
        assert!(damaged(&vec![0; 1 << 20]));
        let other = encode("another name", &outputs(), &kept, STORED).unwrap().unwrap();
        assert!(damaged(&other));
    }
}
