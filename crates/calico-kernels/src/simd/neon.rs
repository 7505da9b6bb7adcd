//! NEON: four quarters of four outputs.

#![allow(clippy::wildcard_imports, reason = "the names of instructions speak for themselves")]
#![expect(unsafe_code, reason = "instructions that only some processors have")]

use std::arch::aarch64::*;

use super::{Job, Simd, bytes_of};

/// Proof that the code runs on a 64-bit ARM processor, all of which have NEON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    /// The vectors.
    #[inline]
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// The value of an expression for each quarter.
///
/// `array::from_fn` is not always inlined.
macro_rules! each {
    ($quarter:ident, $value:expr) => {
        [
            {
                let $quarter = 0;
                $value
            },
            {
                let $quarter = 1;
                $value
            },
            {
                let $quarter = 2;
                $value
            },
            {
                let $quarter = 3;
                $value
            },
        ]
    };
}

/// A vector for each four outputs.
type Quarters<T> = [T; 4];

impl Simd for Neon {
    type Bytes = Quarters<uint8x16_t>;
    type Quad = int8x16_t;
    /// Products of even and odd places are still apart: two outputs in each vector.
    type Partial = Quarters<[int16x8_t; 2]>;
    type Sums = Quarters<int32x4_t>;
    type Pairs = Quarters<int16x8_t>;
    type Factors = Quarters<int32x4_t>;
    type Floats = Quarters<float32x4_t>;

    const ROWS: usize = 2;
    const OFFSET: i32 = 0;
    const LANE_PRODUCTS: usize = 1;

    #[inline]
    fn run<J: Job>(self, job: J) -> J::Output {
        job.run(self)
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> Self::Bytes {
        // SAFETY: NEON is part of the target, and the four loads lie in the 64 bytes.
        each!(i, unsafe { vld1q_u8(bytes.as_ptr().add(16 * i)) })
    }

    #[inline(always)]
    fn store(self, bytes: Self::Bytes, to: &mut [u8; 64]) {
        for (i, quarter) in bytes.into_iter().enumerate() {
            // SAFETY: NEON is part of the target, and the four stores lie in the 64 bytes.
            unsafe { vst1q_u8(to.as_mut_ptr().add(16 * i), quarter) }
        }
    }

    #[inline(always)]
    fn low(self, bytes: Self::Bytes) -> Self::Bytes {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vandq_u8(bytes[i], vdupq_n_u8(0x0f)) })
    }

    #[inline(always)]
    fn high(self, bytes: Self::Bytes) -> Self::Bytes {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vshrq_n_u8::<4>(bytes[i]) })
    }

    #[inline(always)]
    fn left(self, bytes: Self::Bytes, by: i32, mask: u8) -> Self::Bytes {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vandq_u8(vshlq_u8(bytes[i], vdupq_n_s8(by as i8)), vdupq_n_u8(mask)) })
    }

    #[inline(always)]
    fn right(self, bytes: Self::Bytes, by: i32, mask: u8) -> Self::Bytes {
        self.left(bytes, -by, mask)
    }

    #[inline(always)]
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vorrq_u8(a[i], b[i]) })
    }

    #[inline(always)]
    fn quad(self, activations: [i8; 4]) -> int8x16_t {
        let bytes = bytes_of(activations);
        // SAFETY: NEON is part of the target.
        unsafe { vreinterpretq_s8_s32(vdupq_n_s32(bytes)) }
    }

    #[inline(always)]
    fn no_partial(self) -> Self::Partial {
        // SAFETY: NEON is part of the target.
        unsafe { [[vdupq_n_s16(0); 2]; 4] }
    }

    /// Codes are below 128, so signed products serve.
    #[inline(always)]
    fn code_dot(self, sums: Self::Partial, codes: Self::Bytes, x: int8x16_t) -> Self::Partial {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe {
            let codes = vreinterpretq_s8_u8(codes[i]);
            [
                vmlal_s8(sums[i][0], vget_low_s8(codes), vget_low_s8(x)),
                vmlal_high_s8(sums[i][1], codes, x),
            ]
        })
    }

    #[inline(always)]
    fn scaled(self, sums: Self::Sums, partial: Self::Partial, by: Self::Factors) -> Self::Sums {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe {
            let [low, high] = partial[i];
            let whole = vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
            vmlaq_s32(sums[i], whole, by[i])
        })
    }

    /// With magnitudes up to 128 and 127, two products are at most 32,512: they fit into 16 bits.
    #[inline(always)]
    fn signed_dot(self, sums: Self::Sums, codes: Self::Bytes, x: int8x16_t) -> Self::Sums {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe {
            let codes = vreinterpretq_s8_u8(codes[i]);
            let low = vmull_s8(vget_low_s8(codes), vget_low_s8(x));
            vpadalq_s16(sums[i], vpaddq_s16(low, vmull_high_s8(codes, x)))
        })
    }

    #[inline(always)]
    fn unsigned_pairs(self, bytes: &[u8; 32]) -> Self::Pairs {
        // SAFETY: NEON is part of the target, and the four loads lie in the 32 bytes.
        each!(i, unsafe { vreinterpretq_s16_u16(vmovl_u8(vld1_u8(bytes.as_ptr().add(8 * i)))) })
    }

    #[inline(always)]
    fn signed_pairs(self, bytes: &[u8; 32]) -> Self::Pairs {
        // SAFETY: NEON is part of the target, and the four loads lie in the 32 bytes.
        each!(i, unsafe { vmovl_s8(vld1_s8(bytes.as_ptr().add(8 * i).cast())) })
    }

    #[inline(always)]
    fn first(self, pairs: Self::Pairs) -> Self::Factors {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vshrq_n_s32::<16>(vshlq_n_s32::<16>(vreinterpretq_s32_s16(pairs[i]))) })
    }

    #[inline(always)]
    fn second(self, pairs: Self::Pairs) -> Self::Factors {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vshrq_n_s32::<16>(vreinterpretq_s32_s16(pairs[i])) })
    }

    #[inline(always)]
    fn pair_dot(self, sums: Self::Sums, pairs: Self::Pairs, x: [i16; 2]) -> Self::Sums {
        let (x, y) = (i32::from(x[0]), i32::from(x[1]));
        let (first, second) = (self.first(pairs), self.second(pairs));
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vmlaq_n_s32(vmlaq_n_s32(sums[i], first[i], x), second[i], y) })
    }

    #[inline(always)]
    fn all_sums(self, value: i32) -> Self::Sums {
        // SAFETY: NEON is part of the target.
        unsafe { [vdupq_n_s32(value); 4] }
    }

    #[inline(always)]
    fn less(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vsubq_s32(a[i], b[i]) })
    }

    #[inline(always)]
    fn times_32(self, a: Self::Sums) -> Self::Sums {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vshlq_n_s32::<5>(a[i]) })
    }

    #[inline(always)]
    fn floats(self, sums: Self::Sums) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vcvtq_f32_s32(sums[i]) })
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 32]) -> Self::Floats {
        // SAFETY: NEON is part of the target, and the four loads lie in the 32 bytes.
        each!(i, unsafe {
            let halves = vld1_u8(bytes.as_ptr().add(8 * i));
            vcvt_f32_f16(vreinterpret_f16_u8(halves))
        })
    }

    #[inline(always)]
    fn all(self, value: f32) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        unsafe { [vdupq_n_f32(value); 4] }
    }

    #[inline(always)]
    fn load_floats(self, values: &[f32; 16]) -> Self::Floats {
        // SAFETY: NEON is part of the target, and the four loads lie in the 16 values.
        each!(i, unsafe { vld1q_f32(values.as_ptr().add(4 * i)) })
    }

    #[inline(always)]
    fn store_floats(self, values: Self::Floats, to: &mut [f32; 16]) {
        for (i, quarter) in values.into_iter().enumerate() {
            // SAFETY: NEON is part of the target, and the four stores lie in the 16 values.
            unsafe { vst1q_f32(to.as_mut_ptr().add(4 * i), quarter) }
        }
    }

    #[inline(always)]
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vaddq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn sub(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vsubq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vmulq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vfmaq_f32(c[i], a[i], b[i]) })
    }

    #[inline(always)]
    fn least(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vminq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn most(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        // SAFETY: NEON is part of the target.
        each!(i, unsafe { vmaxq_f32(a[i], b[i]) })
    }
}
