//! Weights that are a pure function of name and shape (`tools/goldens/README.md`).

use std::sync::Arc;

use calico_nn::Weights;
use calico_nn::weights::{TensorSpec, WeightSource};
use candle_core::{Device, Result, Tensor};

/// Matrices and tables that are looked up or added, not multiplied with.
const EMBEDDINGS: [&str; 6] = [
    "embed_tokens",
    "iou_token",
    "mask_tokens",
    "no_mask_embed",
    "not_a_point_embed",
    "point_embeddings",
];

/// Answers every request with the values that the golden scripts gave to the same tensor.
#[derive(Debug, Clone)]
pub struct Synthetic {
    device: Device,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self::new(Device::Cpu)
    }
}

impl Synthetic {
    /// Weights placed on `device`.
    pub fn new(device: Device) -> Self {
        Self { device }
    }

    /// All weights, on the CPU.
    pub fn weights() -> Weights {
        Weights::new(Arc::new(Self::default()))
    }

    /// The values of one tensor, row-major.
    pub fn values(name: &str, shape: &[usize]) -> Vec<f32> {
        let rule = Rule::of(name, shape);
        let seed = fnv1a(name);
        let len = shape.iter().product::<usize>() as u64;
        (0..len).map(|i| rule.value(unit(seed, i)) as f32).collect()
    }
}

impl WeightSource for Synthetic {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let values = Self::values(&spec.name, &spec.shape);
        Tensor::from_vec(values, spec.shape.clone(), &self.device)
    }
}

/// How a value follows from `u` in `[0, 1)`, and `s = 2u - 1`.
enum Rule {
    /// `0.1 + 0.9 u`
    LayerScale,
    /// `1 + 0.2 s`
    Norm,
    /// `bound · s`
    Bound(f64),
    /// `s / root`
    Root(f64),
}

impl Rule {
    /// The first rule that fits decides.
    fn of(name: &str, shape: &[usize]) -> Self {
        let last_part = name.rsplit('.').next().unwrap_or(name);
        let is_weight = last_part == "weight";
        let inner = |axes: &[usize]| Self::Root((axes.iter().product::<usize>() as f64).sqrt());
        match shape {
            _ if last_part == "gamma" => Self::LayerScale,
            [_] if is_weight => Self::Norm,
            [_] => Self::Bound(0.2),
            _ if last_part == "positional_encoding_gaussian_matrix" => Self::Bound(1.0),
            [_, inner_width, ..] if name.starts_with("lora.") => inner(&[*inner_width]),
            _ if !is_weight || EMBEDDINGS.iter().any(|part| name.contains(part)) => {
                Self::Bound(0.5)
            }
            [_, rest @ ..] => inner(rest),
            [] => Self::Bound(0.5),
        }
    }

    fn value(&self, u: f64) -> f64 {
        let s = 2.0 * u - 1.0;
        match self {
            Self::LayerScale => 0.1 + 0.9 * u,
            Self::Norm => 1.0 + 0.2 * s,
            Self::Bound(bound) => bound * s,
            Self::Root(root) => s / root,
        }
    }
}

/// A number in `[0, 1)` of 24 bits: the splitmix64 finaliser of seed and index.
fn unit(seed: u64, index: u64) -> f64 {
    let step = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut z = seed.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 40) as f64 / f64::from(1u32 << 24)
}

/// FNV-1a, 64 bit.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_values_equal_those_of_the_golden_scripts() {
        let vectors = include_str!("../../../goldens/synthetic.json");
        let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
        assert!(vectors.len() >= 18);
        for vector in vectors {
            let name = vector["name"].as_str().unwrap();
            let shape: Vec<usize> = serde_json::from_value(vector["shape"].clone()).unwrap();
            let first: Vec<f32> = serde_json::from_value(vector["first"].clone()).unwrap();
            let last: f32 = serde_json::from_value(vector["last"].clone()).unwrap();
            let values = Synthetic::values(name, &shape);
            assert_eq!(values[..first.len()], first, "{name}");
            assert_eq!(values.last(), Some(&last), "{name}");
        }
    }
}
