//! Fresh weights from a seed.

use candle_core::{Device, Result, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::{Init, TensorSpec, WeightSource};

/// Draws every tensor from a stream of its own, chosen by its name: adding or removing a tensor
/// changes no other.
#[derive(Debug, Clone)]
pub struct Random {
    seed: u64,
    device: Device,
}

impl Random {
    /// Weights of `seed`, placed on `device`.
    pub fn new(seed: u64, device: Device) -> Self {
        Self { seed, device }
    }

    /// The values of one tensor, row-major.
    pub fn values(&self, spec: &TensorSpec) -> Vec<f32> {
        match spec.init {
            Init::Zeros => vec![0.0; spec.len()],
            Init::Ones => vec![1.0; spec.len()],
            Init::Constant(value) => vec![value; spec.len()],
            Init::Uniform(bound) => {
                let mut stream = ChaCha8Rng::seed_from_u64(self.seed);
                stream.set_stream(fnv1a(&spec.name));
                // 24 random bits are all that an f32 below one can hold.
                let unit = f64::from(1u32 << 24).recip();
                (0..spec.len())
                    .map(|_| {
                        let u = f64::from(stream.next_u32() >> 8) * unit;
                        ((2.0 * u - 1.0) * bound) as f32
                    })
                    .collect()
            }
        }
    }
}

impl WeightSource for Random {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        Tensor::from_vec(self.values(spec), spec.shape.clone(), &self.device)
    }
}

/// FNV-1a, 64 bit.
pub(crate) fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str) -> TensorSpec {
        TensorSpec { name: name.into(), shape: vec![4, 8], init: Init::Uniform(0.5) }
    }

    #[test]
    fn a_tensor_depends_on_seed_and_name_alone() {
        let draw = |seed, name| Random::new(seed, Device::Cpu).values(&spec(name));
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert!(draw(1, "a").iter().all(|v| v.abs() <= 0.5));
    }
}
