//! The angles by which positions turn queries and keys.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};

use super::LlamaConfig;

/// Positions whose angles are computed at once, at least.
const LEAST: usize = 64;

/// Cosines and sines of the positions of one call, `[T, K/2]` each.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    pub(super) cos: Tensor,
    pub(super) sin: Tensor,
}

/// The angles of all positions that were asked for so far: they depend on nothing but the
/// position, so no call and no layer computes them again.
#[derive(Debug)]
pub(super) struct Rotations {
    head_width: usize,
    theta: f32,
    dtype: DType,
    device: Device,
    known: Mutex<Option<Rotation>>,
}

impl Rotations {
    /// Angles in the type and on the device of the weights.
    pub(super) fn new(config: &LlamaConfig, dtype: DType, device: &Device) -> Self {
        Self {
            head_width: config.head_width(),
            theta: config.rope_theta as f32,
            dtype,
            device: device.clone(),
            known: Mutex::default(),
        }
    }

    /// The angles of `len` positions from `start` on.
    pub(super) fn of_range(&self, start: usize, len: usize) -> Result<Rotation> {
        let known = self.up_to(start + len)?;
        let rows = |table: &Tensor| table.narrow(0, start, len);
        Ok(Rotation { cos: rows(&known.cos)?, sin: rows(&known.sin)? })
    }

    /// The angles of sequences one after the other; each begins at position 0.
    pub(super) fn packed(&self, lengths: &[usize]) -> Result<Rotation> {
        let known = self.up_to(lengths.iter().copied().max().unwrap_or(0))?;
        let rows = |table: &Tensor| {
            let parts: Vec<Tensor> =
                lengths.iter().map(|&len| table.narrow(0, 0, len)).collect::<Result<_>>()?;
            Tensor::cat(&parts, 0)
        };
        Ok(Rotation { cos: rows(&known.cos)?, sin: rows(&known.sin)? })
    }

    /// A table of at least `end` positions.
    fn up_to(&self, end: usize) -> Result<Rotation> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.cos.dims().first() >= Some(&end)) {
            return Ok(known.clone());
        }
        let grown = self.compute(end.next_power_of_two().max(LEAST))?;
        *known = Some(grown.clone());
        Ok(grown)
    }

    fn compute(&self, positions: usize) -> Result<Rotation> {
        let half = self.head_width / 2;
        // f32 throughout, as upstream: the angle is part of the trained function.
        let frequency = |pair: usize| {
            let exponent = (2 * pair) as f32 / self.head_width as f32;
            self.theta.powf(exponent).recip()
        };
        let frequencies: Vec<f32> = (0..half).map(frequency).collect();
        let angles = |position: usize| frequencies.iter().map(move |f| position as f32 * f);
        let table = |of: fn(f32) -> f32| {
            let values: Vec<f32> = (0..positions).flat_map(angles).map(of).collect();
            Tensor::from_vec(values, (positions, half), &self.device)?.to_dtype(self.dtype)
        };
        Ok(Rotation { cos: table(f32::cos)?, sin: table(f32::sin)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &Tensor) -> Vec<Vec<f32>> {
        table.to_vec2().unwrap()
    }

    #[test]
    fn an_angle_depends_on_the_position_in_its_sequence_alone() {
        let config = LlamaConfig {
            width: 16,
            depth: 1,
            num_heads: 2,
            num_kv_heads: 2,
            mlp_hidden: 8,
            vocab_size: 8,
            max_positions: 512,
            rms_eps: 1e-5,
            rope_theta: 10_000.0,
        };
        let rotations = Rotations::new(&config, DType::F32, &Device::Cpu);
        let few = rotations.of_range(0, 10).unwrap();
        let grown = rotations.of_range(3, LEAST + 1).unwrap();
        assert_eq!(rows(&few.sin)[3..], rows(&grown.sin)[..7]);
        let again = rotations.of_range(0, 10).unwrap();
        assert_eq!(rows(&few.cos), rows(&again.cos));
        let packed = rotations.packed(&[2, 4]).unwrap();
        let cos = rows(&few.cos);
        assert_eq!(rows(&packed.cos), [&cos[..2], &cos[..4]].concat());
        // The first channel turns by one radian per position.
        assert!((rows(&few.sin)[1][0] - 1f32.sin()).abs() < 1e-6);
    }
}
