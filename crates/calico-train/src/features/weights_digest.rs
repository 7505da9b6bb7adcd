//! What the weights of a frozen encoder are, in 32 bytes.

use std::collections::BTreeMap;

use candle_core::{DType, Result, Tensor};
use half::bf16;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::Tower;

/// Values that are hashed at a time.
const BLOCK: usize = 1 << 14;

/// SHA-256 over the digests of the tensors of a tower, in the order of their names; that of a
/// tensor is over its name, type, shape and little-endian values.
pub(super) fn weights_digest(frozen: &BTreeMap<String, Tensor>, tower: Tower) -> Result<[u8; 32]> {
    let tensors: Vec<_> = frozen.iter().filter(|(name, _)| tower.holds(name)).collect();
    let digests = tensors.par_iter().map(|(name, tensor)| tensor_digest(name, tensor));
    let digests: Vec<[u8; 32]> = digests.collect::<Result<_>>()?;
    let all = digests.iter().fold(Sha256::new(), Sha256::chain_update);
    Ok(all.finalize().into())
}

fn tensor_digest(name: &str, tensor: &Tensor) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(format!("{name}\n{:?}\n{:?}\n", tensor.dtype(), tensor.dims()));
    let flat = tensor.flatten_all()?;
    if tensor.dtype() == DType::BF16 {
        update(&mut hash, &flat.to_vec1()?, bf16::to_le_bytes);
    } else {
        update(&mut hash, &flat.to_dtype(DType::F32)?.to_vec1()?, f32::to_le_bytes);
    }
    Ok(hash.finalize().into())
}

fn update<T: Copy, const N: usize>(hash: &mut Sha256, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let mut block = Vec::with_capacity(BLOCK * N);
    for values in values.chunks(BLOCK) {
        block.clear();
        block.extend(values.iter().flat_map(|&value| bytes(value)));
        hash.update(&block);
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn digest(values: &[f32], shape: (usize, usize), name: &str, dtype: DType) -> [u8; 32] {
        let tensor = Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
        let frozen = BTreeMap::from([(name.to_owned(), tensor.to_dtype(dtype).unwrap())]);
        weights_digest(&frozen, Tower::Dino).unwrap()
    }

    #[test]
    fn every_bit_name_shape_and_type_counts() {
        let base = digest(&[0.0, 1.0], (1, 2), "dino.a", DType::F32);
        assert_eq!(base, digest(&[0.0, 1.0], (1, 2), "dino.a", DType::F32));
        for other in [
            digest(&[-0.0, 1.0], (1, 2), "dino.a", DType::F32),
            digest(&[0.0, 1.0], (2, 1), "dino.a", DType::F32),
            digest(&[0.0, 1.0], (1, 2), "dino.b", DType::F32),
            digest(&[0.0, 1.0], (1, 2), "dino.a", DType::BF16),
            digest(&[0.0, 1.0], (1, 2), "eva.a", DType::F32),
        ] {
            assert_ne!(base, other);
        }
    }
}
