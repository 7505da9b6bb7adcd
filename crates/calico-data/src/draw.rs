//! Random decisions that depend on what they are about, and on nothing else.
//!
//! Each decision has a stream of its own, named by a stage and a stable id, so a result depends
//! neither on threads nor on what was skipped before it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// The random numbers of one decision.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `id` in `stage`: `ChaCha8` keyed by
    /// `sha256(seed (8 bytes, low first) ‖ 0 ‖ stage ‖ 0 ‖ id)`.
    pub fn new(seed: u64, stage: &str, id: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update([0]);
        hash.update(stage);
        hash.update([0]);
        hash.update(id);
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`, each equally likely; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire, "Fast Random Integer Generation in an Interval" (2019).
        let mut product = u128::from(self.bits()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.bits()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// Whether an event of probability `share / 10000` happens.
    pub fn happens(&mut self, share: u32) -> bool {
        self.below(10_000) < u64::from(share)
    }

    /// One of the choices, each equally likely; `None` if there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len() as u64) as usize)
    }
}

/// A random order of `0..n` that takes no memory: a Feistel network over the next even power of
/// two, walked in a cycle until the value falls below `n`.
#[derive(Debug, Clone)]
pub struct Permutation {
    n: u64,
    /// Bits of half a value.
    half: u32,
    keys: [u64; Self::ROUNDS],
}

impl Permutation {
    const ROUNDS: usize = 6;

    /// The order of `0..n` that a stream gives.
    pub fn new(n: u64, mut stream: Stream) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        Self { n, half: bits.div_ceil(2).max(1), keys: std::array::from_fn(|_| stream.bits()) }
    }

    /// Number of values.
    pub fn len(&self) -> u64 {
        self.n
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The value at a position below [`len`](Self::len); different positions have different
    /// values.
    pub fn at(&self, position: u64) -> Option<u64> {
        if position >= self.n {
            return None;
        }
        let mut value = self.encrypt(position);
        // The network is a permutation of a range at most four times as long, so a cycle that
        // starts below `n` comes back below it, after four steps on average.
        while value >= self.n {
            value = self.encrypt(value);
        }
        Some(value)
    }

    fn encrypt(&self, value: u64) -> u64 {
        let mask = if self.half >= 64 { u64::MAX } else { (1 << self.half) - 1 };
        let (mut left, mut right) = (value.checked_shr(self.half).unwrap_or(0), value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mixed(right ^ key) & mask));
        }
        left.checked_shl(self.half).unwrap_or(0) | right
    }
}

/// The finaliser of `SplitMix64`.
fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_permutation_visits_every_value_once() {
        for n in [0, 1, 2, 3, 4, 5, 16, 17, 1000, 4097] {
            let order = Permutation::new(n, Stream::new(7, "test", "order"));
            let values: BTreeSet<u64> = (0..n).filter_map(|at| order.at(at)).collect();
            assert_eq!(values.len() as u64, n);
            assert!(values.iter().all(|&value| value < n));
            assert_eq!(order.at(n), None);
        }
    }

    #[test]
    fn huge_ranges_are_permuted_without_memory() {
        for n in [u64::MAX, 1 << 62, 30_000_000_000] {
            let order = Permutation::new(n, Stream::new(7, "test", "order"));
            let values: BTreeSet<u64> = (0..1000).filter_map(|at| order.at(at)).collect();
            assert_eq!(values.len(), 1000);
        }
    }

    #[test]
    fn streams_depend_on_seed_stage_and_id() {
        let first = |seed, stage, id| Stream::new(seed, stage, id).bits();
        let numbers =
            [first(1, "a", "b"), first(2, "a", "b"), first(1, "ab", ""), first(1, "a", "c")];
        assert_eq!(BTreeSet::from(numbers).len(), 4);
        assert_eq!(first(1, "a", "b"), numbers[0]);
    }

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut stream = Stream::new(3, "test", "below");
        let mut counts = [0; 5];
        for _ in 0..5000 {
            counts[stream.below(5) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!(stream.below(0), 0);
    }
}
