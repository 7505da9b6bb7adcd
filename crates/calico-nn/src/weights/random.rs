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
            Init::Grid { before } => grid_waves(&spec.shape, before),
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

/// Positions of a square grid as waves, as [`Init::Grid`] describes them.
fn grid_waves(shape: &[usize], before: usize) -> Vec<f32> {
    let Some((&width, rows)) = shape.split_last() else { return Vec::new() };
    let rows: usize = rows.iter().product();
    let side = rows.saturating_sub(before).isqrt().max(1);
    let quarter = (width / 4).max(1);
    let mut values = vec![0.0; before.min(rows) * width];
    for cell in 0..rows.saturating_sub(before) {
        for at in 0..width {
            let (wave, kind) = (at % quarter, at / quarter);
            let place = if kind < 2 { cell % side } else { cell / side };
            let angle = place as f64 / 10_000f64.powf(wave as f64 / quarter as f64);
            let value = if kind % 2 == 0 { angle.sin() } else { angle.cos() };
            values.push(value as f32);
        }
    }
    values
}

/// FNV-1a, 64 bit.
pub(crate) fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "equal values, not close ones")]
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

    #[test]
    fn cells_of_a_grid_are_told_apart_and_neighbours_are_alike() {
        let init = Init::Grid { before: 1 };
        let spec = TensorSpec { name: "p".into(), shape: vec![1, 17, 32], init };
        let values = Random::new(1, Device::Cpu).values(&spec);
        let row = |at: usize| &values[32 * at..32 * (at + 1)];
        assert!(row(0).iter().all(|value| *value == 0.0));
        // sin 0, cos 0, and those of the second column and row.
        assert_eq!([row(1)[0], row(1)[8], row(1)[16], row(1)[24]], [0.0, 1.0, 0.0, 1.0]);
        assert_eq!([row(2)[0], row(2)[16]], [1f32.sin(), 0.0]);
        assert_eq!([row(5)[0], row(5)[16]], [0.0, 1f32.sin()]);
        let distance = |a: usize, b: usize| {
            row(a).iter().zip(row(b)).map(|(x, y)| (x - y).powi(2)).sum::<f32>()
        };
        for (a, b) in (1..17).flat_map(|a| (1..17).map(move |b| (a, b))).filter(|(a, b)| a != b) {
            assert!(distance(a, b) > 0.5, "{a} and {b}");
        }
        assert!(distance(1, 2) < distance(1, 4) && distance(1, 5) < distance(1, 13));
    }
}
