//! Plain Rust: the twin that every other level must equal.
//!
//! Additions wrap around only in name, see the bounds in the crate's page: checks would slow them
//! down.

use half::f16;

use super::{Job, Simd};

/// Arrays for vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

/// An array with the value of an expression at each place.
///
/// `array::from_fn` is not always inlined.
macro_rules! each {
    ($place:ident < $count:literal, $value:expr) => {{
        let mut all = [Default::default(); $count];
        for $place in 0..$count {
            all[$place] = $value;
        }
        all
    }};
}

impl Simd for Portable {
    type Bytes = [u8; 64];
    /// The four activations again and again.
    type Quad = [i16; 64];
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
        each!(i < 64, bytes[i] & 0x0f)
    }

    #[inline(always)]
    fn high(self, bytes: [u8; 64]) -> [u8; 64] {
        each!(i < 64, bytes[i] >> 4)
    }

    #[inline(always)]
    fn left(self, bytes: [u8; 64], by: i32, mask: u8) -> [u8; 64] {
        each!(i < 64, bytes[i].wrapping_shl(by as u32) & mask)
    }

    #[inline(always)]
    fn right(self, bytes: [u8; 64], by: i32, mask: u8) -> [u8; 64] {
        each!(i < 64, bytes[i].wrapping_shr(by as u32) & mask)
    }

    #[inline(always)]
    fn or(self, a: [u8; 64], b: [u8; 64]) -> [u8; 64] {
        each!(i < 64, a[i] | b[i])
    }

    #[inline(always)]
    fn quad(self, activations: [i8; 4]) -> [i16; 64] {
        let mut all = [0; 64];
        for o in 0..16 {
            for i in 0..4 {
                all[4 * o + i] = i16::from(activations[i]);
            }
        }
        all
    }

    #[inline(always)]
    fn no_partial(self) -> [i32; 16] {
        [0; 16]
    }

    #[inline(always)]
    fn code_dot(self, sums: [i32; 16], codes: [u8; 64], x: [i16; 64]) -> [i32; 16] {
        // Codes are below 128, so signed products serve.
        self.signed_dot(sums, codes, x)
    }

    #[inline(always)]
    fn scaled(self, sums: [i32; 16], partial: [i32; 16], by: [i32; 16]) -> [i32; 16] {
        each!(o < 16, sums[o].wrapping_add(partial[o].wrapping_mul(by[o])))
    }

    /// In three long loops, because short ones are unrolled before anything makes vectors of them.
    #[inline(always)]
    fn signed_dot(self, mut sums: [i32; 16], codes: [u8; 64], x: [i16; 64]) -> [i32; 16] {
        let codes: [i16; 64] = each!(i < 64, i16::from(codes[i] as i8));
        let mut pairs = [0; 32];
        for i in 0..32 {
            pairs[i] = i32::from(codes[2 * i]) * i32::from(x[2 * i])
                + i32::from(codes[2 * i + 1]) * i32::from(x[2 * i + 1]);
        }
        for o in 0..16 {
            sums[o] = sums[o].wrapping_add(pairs[2 * o] + pairs[2 * o + 1]);
        }
        sums
    }

    #[inline(always)]
    fn unsigned_pairs(self, bytes: &[u8; 32]) -> [[i16; 2]; 16] {
        each!(o < 16, [i16::from(bytes[2 * o]), i16::from(bytes[2 * o + 1])])
    }

    #[inline(always)]
    fn signed_pairs(self, bytes: &[u8; 32]) -> [[i16; 2]; 16] {
        each!(o < 16, [i16::from(bytes[2 * o] as i8), i16::from(bytes[2 * o + 1] as i8)])
    }

    #[inline(always)]
    fn first(self, pairs: [[i16; 2]; 16]) -> [i32; 16] {
        each!(o < 16, i32::from(pairs[o][0]))
    }

    #[inline(always)]
    fn second(self, pairs: [[i16; 2]; 16]) -> [i32; 16] {
        each!(o < 16, i32::from(pairs[o][1]))
    }

    #[inline(always)]
    fn pair_dot(self, sums: [i32; 16], pairs: [[i16; 2]; 16], x: [i16; 2]) -> [i32; 16] {
        let (x, y) = (i32::from(x[0]), i32::from(x[1]));
        each!(o < 16, {
            let (first, second) = (i32::from(pairs[o][0]), i32::from(pairs[o][1]));
            sums[o].wrapping_add(first.wrapping_mul(x)).wrapping_add(second.wrapping_mul(y))
        })
    }

    #[inline(always)]
    fn all_sums(self, value: i32) -> [i32; 16] {
        [value; 16]
    }

    #[inline(always)]
    fn less(self, a: [i32; 16], b: [i32; 16]) -> [i32; 16] {
        each!(o < 16, a[o].wrapping_sub(b[o]))
    }

    #[inline(always)]
    fn times_32(self, a: [i32; 16]) -> [i32; 16] {
        each!(o < 16, a[o].wrapping_mul(32))
    }

    #[inline(always)]
    fn floats(self, sums: [i32; 16]) -> [f32; 16] {
        each!(o < 16, sums[o] as f32)
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 32]) -> [f32; 16] {
        each!(o < 16, f16::from_le_bytes([bytes[2 * o], bytes[2 * o + 1]]).to_f32())
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
        each!(o < 16, a[o] + b[o])
    }

    #[inline(always)]
    fn sub(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        each!(o < 16, a[o] - b[o])
    }

    #[inline(always)]
    fn mul(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        each!(o < 16, a[o] * b[o])
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; 16], b: [f32; 16], c: [f32; 16]) -> [f32; 16] {
        // Rounded twice: rounding once would call a function of the C library.
        each!(o < 16, a[o] * b[o] + c[o])
    }

    #[inline(always)]
    fn least(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        // One instruction, unlike `f32::min`.
        each!(o < 16, if a[o] < b[o] { a[o] } else { b[o] })
    }

    #[inline(always)]
    fn most(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        each!(o < 16, if a[o] > b[o] { a[o] } else { b[o] })
    }
}
