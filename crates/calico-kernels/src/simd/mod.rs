//! The few vector operations that all products are written in, once per set of instructions.
//!
//! A value that implements [`Simd`] exists only where its instructions do.
//! Kernels are generic over it and safe; [`run`] compiles one for each level and picks at run
//! time.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod portable;

use crate::level::Level;

/// Vectors of sixteen outputs side by side.
///
/// "Bytes" are the codes of four inner values of sixteen outputs, `[16][4]`.
/// A "quad" is four activations, shared by all outputs.
pub(crate) trait Simd: Copy {
    /// 64 codes.
    type Bytes: Copy;
    /// Four activations, -127..=127.
    type Quad: Copy;
    /// Sums of unsigned codes times activations that wait for the factor of their sub-block.
    type Partial: Copy;
    /// Sixteen `i32`.
    type Sums: Copy;
    /// Sixteen pairs of `i16`.
    type Pairs: Copy;
    /// Sixteen factors of partial sums.
    type Factors: Copy;
    /// Sixteen `f32`.
    type Floats: Copy;

    /// Rows that are multiplied together: as many as the registers hold.
    const ROWS: usize;
    /// What [`Self::signed_dot`] adds to every code.
    const OFFSET: i32;
    /// Products that one 16-bit lane of a partial sum gets from a quad; 0 if lanes have 32 bits.
    const LANE_PRODUCTS: usize;

    /// Runs a job in a function that is compiled for these instructions.
    fn run<J: Job>(self, job: J) -> J::Output;

    fn load(self, bytes: &[u8; 64]) -> Self::Bytes;
    /// Asks memory for what lies `ahead` bytes behind `bytes`, if anything.
    #[inline(always)]
    fn prefetch(self, _bytes: &[u8; 64], _ahead: usize) {}
    fn store(self, bytes: Self::Bytes, to: &mut [u8; 64]);
    /// The lower four bits of every byte.
    fn low(self, bytes: Self::Bytes) -> Self::Bytes;
    /// The upper four bits of every byte.
    fn high(self, bytes: Self::Bytes) -> Self::Bytes;
    /// Every byte shifted to the left, then masked; the mask must hide bits of the neighbour.
    fn left(self, bytes: Self::Bytes, by: i32, mask: u8) -> Self::Bytes;
    /// Every byte shifted to the right, then masked; the mask must hide bits of the neighbour.
    fn right(self, bytes: Self::Bytes, by: i32, mask: u8) -> Self::Bytes;
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;

    fn quad(self, activations: [i8; 4]) -> Self::Quad;
    fn no_partial(self) -> Self::Partial;
    /// Adds unsigned codes times activations. Lanes of 16 bits must not overflow, see
    /// [`Self::LANE_PRODUCTS`].
    fn code_dot(self, sums: Self::Partial, codes: Self::Bytes, x: Self::Quad) -> Self::Partial;
    /// Adds `partial · factor`.
    fn scaled(self, sums: Self::Sums, partial: Self::Partial, by: Self::Factors) -> Self::Sums;
    /// Adds (signed codes + [`Self::OFFSET`]) times activations, modulo 2³².
    fn signed_dot(self, sums: Self::Sums, codes: Self::Bytes, x: Self::Quad) -> Self::Sums;

    /// Bytes 0..=255, `[16][2]`.
    fn unsigned_pairs(self, bytes: &[u8; 32]) -> Self::Pairs;
    /// Bytes -128..=127, `[16][2]`.
    fn signed_pairs(self, bytes: &[u8; 32]) -> Self::Pairs;
    /// The first of each pair.
    fn first(self, pairs: Self::Pairs) -> Self::Factors;
    /// The second of each pair.
    fn second(self, pairs: Self::Pairs) -> Self::Factors;
    /// Adds the products of pairs with one pair.
    fn pair_dot(self, sums: Self::Sums, pairs: Self::Pairs, x: [i16; 2]) -> Self::Sums;

    fn all_sums(self, value: i32) -> Self::Sums;
    /// `a - b`, modulo 2³².
    fn less(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// `32 · a`, modulo 2³².
    fn times_32(self, a: Self::Sums) -> Self::Sums;
    /// The nearest `f32`, halves to even.
    fn floats(self, sums: Self::Sums) -> Self::Floats;

    /// Sixteen numbers of 16 bits (IEEE, little-endian).
    fn halves(self, bytes: &[u8; 32]) -> Self::Floats;
    fn all(self, value: f32) -> Self::Floats;
    fn load_floats(self, values: &[f32; 16]) -> Self::Floats;
    fn store_floats(self, values: Self::Floats, to: &mut [f32; 16]);
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn sub(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a · b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// The smaller of two numbers; which of two zeros is open.
    fn least(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The larger of two numbers; which of two zeros is open.
    fn most(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
}

/// Something to compute with the vectors of any level.
///
/// Everything that it calls on the way to a vector operation must be `#[inline(always)]`.
pub(crate) trait Job {
    /// The result.
    type Output;
    /// Computes it.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs a job with the vectors of `level`, or with portable ones where the machine lacks it.
pub(crate) fn run<J: Job>(level: Level, job: J) -> J::Output {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => {
            if let Some(simd) = avx512::Avx512::new() {
                return simd.run(job);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => {
            if let Some(simd) = avx2::Avx2::new() {
                return simd.run(job);
            }
        }
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Level::Neon => return neon::Neon::new().run(job),
        _ => {}
    }
    portable::Portable.run(job)
}

/// Whether this machine has the instructions of `level`.
pub(crate) fn is_available(level: Level) -> bool {
    match level {
        Level::Portable => true,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::Avx2::new().is_some(),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => avx512::Avx512::new().is_some(),
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Level::Neon => true,
        #[cfg(not(target_arch = "x86_64"))]
        Level::Avx2 | Level::Avx512 => false,
        #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
        Level::Neon => false,
    }
}

/// Four activations as the bytes of one number.
#[inline(always)]
fn bytes_of([a, b, c, d]: [i8; 4]) -> i32 {
    i32::from_le_bytes([a as u8, b as u8, c as u8, d as u8])
}

/// Rows of a group that starts where `rows` are left: as many as possible, a power of two.
#[inline(always)]
pub(crate) fn group(rows: usize, most: usize) -> usize {
    match rows.min(most) {
        8.. => 8,
        4..8 => 4,
        2..4 => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
