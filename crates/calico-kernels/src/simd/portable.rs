//! Plain Rust: the twin that every other level must equal.
//!
//! Additions wrap around only in name, see the bounds in the crate's page: checks would slow them
//! down.

#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the caller's level")]

use half::f16;

use super::{Job, Simd};

/// Arrays for vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

/// The result of a function for each of the outputs.
#[inline(always)]
fn each<T>(value: impl FnMut(usize) -> T) -> [T; 16] {
    std::array::from_fn(value)
}

impl Simd for Portable {
    type Bytes = [u8; 64];
    type Quad = [i8; 4];
    type Partial = [i32; 16];
    type Sums = [i32; 16];
    type Pairs = [[i16; 2]; 16];
    type Factors = [i32; 16];
    type Floats = [f32; 16];

    const ROWS: usize = 1;
    const OFFSET: i32 = 0;
    const LANE_PRODUCTS: usize = 0;

    #[inline(always)]
    fn run<J: Job>(self, job: J) -> J::Output {
        job.run(self)
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> [u8; 64] {
        *bytes
    }

    #[inline(always)]
    fn store(self, bytes: [u8; 64], to: &mut [u8; 64]) {
        *to = bytes;
    }

    #[inline(always)]
    fn low(self, bytes: [u8; 64]) -> [u8; 64] {
        bytes.map(|byte| byte & 0x0f)
    }

    #[inline(always)]
    fn high(self, bytes: [u8; 64]) -> [u8; 64] {
        bytes.map(|byte| byte >> 4)
    }

    #[inline(always)]
    fn left(self, bytes: [u8; 64], by: i32, mask: u8) -> [u8; 64] {
        bytes.map(|byte| byte.wrapping_shl(by as u32) & mask)
    }

    #[inline(always)]
    fn right(self, bytes: [u8; 64], by: i32, mask: u8) -> [u8; 64] {
        bytes.map(|byte| byte.wrapping_shr(by as u32) & mask)
    }

    #[inline(always)]
    fn or(self, a: [u8; 64], b: [u8; 64]) -> [u8; 64] {
        std::array::from_fn(|i| a[i] | b[i])
    }

    #[inline(always)]
    fn quad(self, activations: &[i8; 4]) -> [i8; 4] {
        *activations
    }

    #[inline(always)]
    fn no_partial(self) -> [i32; 16] {
        [0; 16]
    }

    #[inline(always)]
    fn code_dot(self, mut sums: [i32; 16], codes: [u8; 64], x: [i8; 4]) -> [i32; 16] {
        for (sum, codes) in sums.iter_mut().zip(codes.as_chunks::<4>().0) {
            for (&code, &x) in codes.iter().zip(&x) {
                *sum = sum.wrapping_add(i32::from(code) * i32::from(x));
            }
        }
        sums
    }

    #[inline(always)]
    fn scaled(self, sums: [i32; 16], partial: [i32; 16], by: [i32; 16]) -> [i32; 16] {
        each(|o| sums[o].wrapping_add(partial[o].wrapping_mul(by[o])))
    }

    #[inline(always)]
    fn signed_dot(self, mut sums: [i32; 16], codes: [u8; 64], x: [i8; 4]) -> [i32; 16] {
        for (sum, codes) in sums.iter_mut().zip(codes.as_chunks::<4>().0) {
            for (&code, &x) in codes.iter().zip(&x) {
                *sum = sum.wrapping_add(i32::from(code as i8) * i32::from(x));
            }
        }
        sums
    }

    #[inline(always)]
    fn unsigned_pairs(self, bytes: &[u8; 32]) -> [[i16; 2]; 16] {
        each(|o| [i16::from(bytes[2 * o]), i16::from(bytes[2 * o + 1])])
    }

    #[inline(always)]
    fn signed_pairs(self, bytes: &[u8; 32]) -> [[i16; 2]; 16] {
        each(|o| [i16::from(bytes[2 * o] as i8), i16::from(bytes[2 * o + 1] as i8)])
    }

    #[inline(always)]
    fn first(self, pairs: [[i16; 2]; 16]) -> [i32; 16] {
        pairs.map(|[first, _]| i32::from(first))
    }

    #[inline(always)]
    fn second(self, pairs: [[i16; 2]; 16]) -> [i32; 16] {
        pairs.map(|[_, second]| i32::from(second))
    }

    #[inline(always)]
    fn pair_dot(self, sums: [i32; 16], pairs: [[i16; 2]; 16], x: [i16; 2]) -> [i32; 16] {
        let [x, y] = x.map(i32::from);
        each(|o| {
            let [first, second] = pairs[o].map(i32::from);
            sums[o].wrapping_add(first.wrapping_mul(x)).wrapping_add(second.wrapping_mul(y))
        })
    }

    #[inline(always)]
    fn all_sums(self, value: i32) -> [i32; 16] {
        [value; 16]
    }

    #[inline(always)]
    fn less(self, a: [i32; 16], b: [i32; 16]) -> [i32; 16] {
        each(|o| a[o].wrapping_sub(b[o]))
    }

    #[inline(always)]
    fn times_32(self, a: [i32; 16]) -> [i32; 16] {
        a.map(|sum| sum.wrapping_mul(32))
    }

    #[inline(always)]
    fn floats(self, sums: [i32; 16]) -> [f32; 16] {
        sums.map(|sum| sum as f32)
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 32]) -> [f32; 16] {
        each(|o| f16::from_le_bytes([bytes[2 * o], bytes[2 * o + 1]]).to_f32())
    }

    #[inline(always)]
    fn all(self, value: f32) -> [f32; 16] {
        [value; 16]
    }

    #[inline(always)]
    fn load_floats(self, values: &[f32; 16]) -> [f32; 16] {
        *values
    }

    #[inline(always)]
    fn store_floats(self, values: [f32; 16], to: &mut [f32; 16]) {
        *to = values;
    }

    #[inline(always)]
    fn add(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        each(|o| a[o] + b[o])
    }

    #[inline(always)]
    fn sub(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        each(|o| a[o] - b[o])
    }

    #[inline(always)]
    fn mul(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        each(|o| a[o] * b[o])
    }
}
