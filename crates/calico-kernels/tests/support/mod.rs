//! Random numbers, and how results are compared.

#![allow(dead_code, reason = "each test uses some of it")]

use calico_kernels::{Kernels, Level};

/// A stream of random numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.bits() >> 40) as u8).collect()
    }

    /// Roughly normal, with the standard deviation `spread`.
    pub(crate) fn normal(&mut self, len: usize, spread: f32) -> Vec<f32> {
        let mut unit = || (self.bits() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        (0..len).map(|_| (unit() + unit() + unit() + unit()) * 1.732 * spread).collect()
    }

    /// Rows of `width` values in which every 97th channel is a hundred times as large.
    pub(crate) fn with_outliers(&mut self, len: usize, width: usize) -> Vec<f32> {
        let mut values = self.normal(len, 1.0);
        for row in values.chunks_mut(width) {
            row.iter_mut().step_by(97).for_each(|value| *value *= 100.0);
        }
        values
    }
}

/// The kernels of every level that this machine has.
pub(crate) fn all_kernels() -> Vec<Kernels> {
    Level::available().into_iter().map(|level| Kernels::at(level).unwrap()).collect()
}

/// The bits of values; all that are not a number count as the same.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    let bits = |value: &f32| if value.is_nan() { u32::MAX } else { value.to_bits() };
    values.iter().map(bits).collect()
}

/// Runs something on so many threads.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}
