//! Attention over keys and values of 16 bits, for few queries: each key is read once, where it lies.

use half::f16;

use super::head::Rows;
use super::scratch::LANES;
use crate::exponential::exp;
use crate::simd::{self, Job, Simd};
use crate::{KernelError, Kernels, sizes};

/// Bytes of a number.
const BYTES: usize = 2;
/// Bytes of a vector of numbers.
const VECTOR: usize = BYTES * LANES;
/// Keys, or columns of values, that are looked at together.
const TOGETHER: usize = 4;

/// Rows of numbers of 16 bits (IEEE, little-endian), one after the other.
#[derive(Debug, Clone, Copy)]
pub struct HalfRows<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl<'a> HalfRows<'a> {
    /// Rows of `width` numbers.
    ///
    /// # Errors
    /// If the width is 0 or too large, or the bytes are no whole number of rows.
    pub fn new(bytes: &'a [u8], width: usize) -> Result<Self, KernelError> {
        sizes::width(width)?;
        let len = bytes.len() / (BYTES * width);
        sizes::length("the slice of rows", bytes.len(), len * BYTES * width)?;
        Ok(Self { bytes, width })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.bytes.len() / (BYTES * self.width)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline(always)]
    fn row(&self, index: usize) -> &'a [u8] {
        &self.bytes[index * BYTES * self.width..][..BYTES * self.width]
    }
}

impl Kernels {
    /// Causal attention of the last queries of one head, `softmax(scale · q kᵀ) v`: of `T` queries
    /// and `S` keys, query `t` sees the keys `0..=t + S - T`.
    ///
    /// # Shapes
    /// - `q`: `[T, K]`, `k` and `v`: `[S, K]`
    /// - `out`: `[T, K]`, overwritten
    ///
    /// # Errors
    /// If sizes do not fit together, or there are fewer keys than queries.
    pub fn attention_of_half(
        self,
        q: Rows<'_>,
        [k, v]: [HalfRows<'_>; 2],
        scale: f32,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        sizes::length("a key", k.width, q.width())?;
        sizes::length("a value", v.width, q.width())?;
        sizes::length("the list of values", v.len(), k.len())?;
        sizes::length("the result", out.len(), q.len() * q.width())?;
        if k.len() < q.len() {
            return Err(KernelError::Length {
                what: "the list of keys of causal attention",
                found: k.len(),
                expected: q.len(),
            });
        }
        simd::run(self.level(), Attend { q, k, v, scale, out });
        Ok(())
    }
}

struct Attend<'a> {
    q: Rows<'a>,
    k: HalfRows<'a>,
    v: HalfRows<'a>,
    scale: f32,
    out: &'a mut [f32],
}

impl Job for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let width = self.q.width();
        let mut scores = vec![0.0; self.k.len()];
        let mut query = vec![0.0; width];
        for (t, out) in self.out.chunks_exact_mut(width).enumerate() {
            for (to, &value) in query.iter_mut().zip(self.q.row(t)) {
                *to = value * self.scale;
            }
            let seen = t + 1 + self.k.len() - self.q.len();
            let scores = &mut scores[..seen];
            products(s, &query, self.k, scores);
            let mut most = f32::NEG_INFINITY;
            for &score in &*scores {
                most = if score > most { score } else { most };
            }
            let mut sums = [0.0; LANES];
            for scores in scores.chunks_mut(LANES) {
                for (score, sum) in scores.iter_mut().zip(&mut sums) {
                    *score = exp(*score - most);
                    *sum += *score;
                }
            }
            mix(s, scores, self.v, out);
            let sum: f32 = sums.iter().sum();
            for value in out {
                *value /= sum;
            }
        }
    }
}

/// The products of a query with the first keys.
#[inline(always)]
fn products<S: Simd>(s: S, query: &[f32], k: HalfRows<'_>, scores: &mut [f32]) {
    let (vectors, rest) = query.as_chunks::<LANES>();
    for (first, scores) in scores.chunks_mut(TOGETHER).enumerate() {
        let mut keys: [&[u8]; TOGETHER] = [&[]; TOGETHER];
        for (j, key) in keys.iter_mut().enumerate() {
            // Of a last key there may be several.
            *key = k.row(first * TOGETHER + j.min(scores.len() - 1));
        }
        let mut sums = [s.all(0.0); TOGETHER];
        for (place, query) in vectors.iter().enumerate() {
            let query = s.load_floats(query);
            for j in 0..TOGETHER {
                let key = s.halves(&keys[j].as_chunks::<VECTOR>().0[place]);
                sums[j] = s.mul_add(query, key, sums[j]);
            }
        }
        for (j, score) in scores.iter_mut().enumerate() {
            let mut lanes = [0.0; LANES];
            s.store_floats(sums[j], &mut lanes);
            let key = keys[j].as_chunks::<VECTOR>().1.as_chunks::<BYTES>().0;
            *score = lanes.iter().sum::<f32>();
            for (query, key) in rest.iter().zip(key) {
                *score += query * f16::from_le_bytes(*key).to_f32();
            }
        }
    }
}

/// The sum of the first values, each times a factor.
#[inline(always)]
fn mix<S: Simd>(s: S, factors: &[f32], v: HalfRows<'_>, out: &mut [f32]) {
    let (vectors, rest) = out.as_chunks_mut::<LANES>();
    for (group, vectors) in vectors.chunks_mut(TOGETHER).enumerate() {
        let from = group * TOGETHER;
        let mut sums = [s.all(0.0); TOGETHER];
        for (key, &factor) in factors.iter().enumerate() {
            let values = &v.row(key).as_chunks::<VECTOR>().0[from..];
            let factor = s.all(factor);
            for j in 0..TOGETHER.min(vectors.len()) {
                sums[j] = s.mul_add(factor, s.halves(&values[j]), sums[j]);
            }
        }
        for (sum, to) in sums.into_iter().zip(vectors) {
            s.store_floats(sum, to);
        }
    }
    rest.fill(0.0);
    for (key, factor) in factors.iter().enumerate() {
        let values = v.row(key).as_chunks::<VECTOR>().1.as_chunks::<BYTES>().0;
        for (to, value) in rest.iter_mut().zip(values) {
            *to += factor * f16::from_le_bytes(*value).to_f32();
        }
    }
}
