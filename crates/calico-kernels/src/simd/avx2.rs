//! AVX2: two halves of eight outputs.

#![allow(clippy::wildcard_imports, reason = "the names of instructions speak for themselves")]
#![expect(unsafe_code, reason = "instructions that only some processors have")]

use std::arch::x86_64::*;

use super::{Job, Simd, bytes_of};

/// Proof that the machine has AVX2, F16C and FMA: there is no other way to get one than
/// [`Self::new`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The vectors, if the machine has them.
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let available = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("fma");
        available.then_some(Self(()))
    }
}

/// A vector for outputs 0..8 and one for outputs 8..16.
type Halves = [__m256i; 2];

impl Simd for Avx2 {
    type Bytes = Halves;
    type Quad = __m256i;
    type Partial = Halves;
    type Sums = Halves;
    type Pairs = Halves;
    /// Each factor twice, in 16 bits.
    type Factors = Halves;
    type Floats = [__m256; 2];

    const ROWS: usize = 4;
    const OFFSET: i32 = 0;
    const LANE_PRODUCTS: usize = 2;

    #[inline]
    fn run<J: Job>(self, job: J) -> J::Output {
        #[target_feature(enable = "avx2,f16c,fma")]
        fn compiled<J: Job>(simd: Avx2, job: J) -> J::Output {
            job.run(simd)
        }
        // SAFETY: `self` proves that the machine has all three.
        unsafe { compiled(self, job) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> Halves {
        let at = bytes.as_ptr();
        // SAFETY: `self` proves AVX2, and both loads lie in the 64 bytes.
        unsafe { [_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.add(32).cast())] }
    }

    #[inline(always)]
    fn prefetch(self, bytes: &[u8; 64], ahead: usize) {
        // SAFETY: a prefetch reads nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(ahead).cast()) }
    }

    #[inline(always)]
    fn store(self, [a, b]: Halves, to: &mut [u8; 64]) {
        let at = to.as_mut_ptr();
        // SAFETY: `self` proves AVX2, and both stores lie in the 64 bytes.
        unsafe {
            _mm256_storeu_si256(at.cast(), a);
            _mm256_storeu_si256(at.add(32).cast(), b);
        }
    }

    #[inline(always)]
    fn low(self, [a, b]: Halves) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let mask = _mm256_set1_epi8(0x0f);
            [_mm256_and_si256(a, mask), _mm256_and_si256(b, mask)]
        }
    }

    #[inline(always)]
    fn high(self, bytes: Halves) -> Halves {
        self.right(bytes, 4, 0x0f)
    }

    #[inline(always)]
    fn left(self, [a, b]: Halves, by: i32, mask: u8) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let (by, mask) = (_mm_cvtsi32_si128(by), _mm256_set1_epi8(mask as i8));
            let [a, b] = [_mm256_sll_epi16(a, by), _mm256_sll_epi16(b, by)];
            [_mm256_and_si256(a, mask), _mm256_and_si256(b, mask)]
        }
    }

    #[inline(always)]
    fn right(self, [a, b]: Halves, by: i32, mask: u8) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let (by, mask) = (_mm_cvtsi32_si128(by), _mm256_set1_epi8(mask as i8));
            let [a, b] = [_mm256_srl_epi16(a, by), _mm256_srl_epi16(b, by)];
            [_mm256_and_si256(a, mask), _mm256_and_si256(b, mask)]
        }
    }

    #[inline(always)]
    fn or(self, a: Halves, b: Halves) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_or_si256(a[0], b[0]), _mm256_or_si256(a[1], b[1])] }
    }

    #[inline(always)]
    fn quad(self, activations: [i8; 4]) -> __m256i {
        let bytes = bytes_of(activations);
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_set1_epi32(bytes) }
    }

    #[inline(always)]
    fn no_partial(self) -> Halves {
        self.all_sums(0)
    }

    #[inline(always)]
    fn code_dot(self, sums: Halves, codes: Halves, x: __m256i) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let products = [_mm256_maddubs_epi16(codes[0], x), _mm256_maddubs_epi16(codes[1], x)];
            [_mm256_add_epi16(sums[0], products[0]), _mm256_add_epi16(sums[1], products[1])]
        }
    }

    #[inline(always)]
    fn scaled(self, sums: Halves, partial: Halves, by: Halves) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let products =
                [_mm256_madd_epi16(partial[0], by[0]), _mm256_madd_epi16(partial[1], by[1])];
            [_mm256_add_epi32(sums[0], products[0]), _mm256_add_epi32(sums[1], products[1])]
        }
    }

    /// Magnitudes of the codes times activations with the codes' signs. With magnitudes up to 128
    /// and 127, two products are at most 32,512, so that 16 bits do not saturate.
    #[inline(always)]
    fn signed_dot(self, sums: Halves, codes: Halves, x: __m256i) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let magnitudes = [_mm256_abs_epi8(codes[0]), _mm256_abs_epi8(codes[1])];
            let signed = [_mm256_sign_epi8(x, codes[0]), _mm256_sign_epi8(x, codes[1])];
            let pairs = [
                _mm256_maddubs_epi16(magnitudes[0], signed[0]),
                _mm256_maddubs_epi16(magnitudes[1], signed[1]),
            ];
            let quads = [_mm256_madd_epi16(pairs[0], ones), _mm256_madd_epi16(pairs[1], ones)];
            [_mm256_add_epi32(sums[0], quads[0]), _mm256_add_epi32(sums[1], quads[1])]
        }
    }

    #[inline(always)]
    fn unsigned_pairs(self, bytes: &[u8; 32]) -> Halves {
        let at = bytes.as_ptr();
        // SAFETY: `self` proves AVX2, and both loads lie in the 32 bytes.
        unsafe {
            [
                _mm256_cvtepu8_epi16(_mm_loadu_si128(at.cast())),
                _mm256_cvtepu8_epi16(_mm_loadu_si128(at.add(16).cast())),
            ]
        }
    }

    #[inline(always)]
    fn signed_pairs(self, bytes: &[u8; 32]) -> Halves {
        let at = bytes.as_ptr();
        // SAFETY: `self` proves AVX2, and both loads lie in the 32 bytes.
        unsafe {
            [
                _mm256_cvtepi8_epi16(_mm_loadu_si128(at.cast())),
                _mm256_cvtepi8_epi16(_mm_loadu_si128(at.add(16).cast())),
            ]
        }
    }

    #[inline(always)]
    fn first(self, [a, b]: Halves) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            // The bytes to take for two outputs, and for the next two of a 128-bit lane.
            let (two, next) = (0x0504_0504_0100_0100, 0x0d0c_0d0c_0908_0908);
            let bytes = _mm256_set_epi64x(next, two, next, two);
            [_mm256_shuffle_epi8(a, bytes), _mm256_shuffle_epi8(b, bytes)]
        }
    }

    #[inline(always)]
    fn second(self, [a, b]: Halves) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let (two, next) = (0x0706_0706_0302_0302, 0x0f0e_0f0e_0b0a_0b0a);
            let bytes = _mm256_set_epi64x(next, two, next, two);
            [_mm256_shuffle_epi8(a, bytes), _mm256_shuffle_epi8(b, bytes)]
        }
    }

    #[inline(always)]
    fn pair_dot(self, sums: Halves, pairs: Halves, x: [i16; 2]) -> Halves {
        let both = i32::from(x[0] as u16) | (i32::from(x[1]) << 16);
        // SAFETY: `self` proves AVX2.
        unsafe { self.scaled(sums, pairs, [_mm256_set1_epi32(both); 2]) }
    }

    #[inline(always)]
    fn all_sums(self, value: i32) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_set1_epi32(value); 2] }
    }

    #[inline(always)]
    fn less(self, a: Halves, b: Halves) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])] }
    }

    #[inline(always)]
    fn times_32(self, a: Halves) -> Halves {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_slli_epi32::<5>(a[0]), _mm256_slli_epi32::<5>(a[1])] }
    }

    #[inline(always)]
    fn floats(self, sums: Halves) -> [__m256; 2] {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_cvtepi32_ps(sums[0]), _mm256_cvtepi32_ps(sums[1])] }
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 32]) -> [__m256; 2] {
        let at = bytes.as_ptr();
        // SAFETY: `self` proves F16C, and both loads lie in the 32 bytes.
        unsafe {
            [
                _mm256_cvtph_ps(_mm_loadu_si128(at.cast())),
                _mm256_cvtph_ps(_mm_loadu_si128(at.add(16).cast())),
            ]
        }
    }

    #[inline(always)]
    fn all(self, value: f32) -> [__m256; 2] {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load_floats(self, values: &[f32; 16]) -> [__m256; 2] {
        let at = values.as_ptr();
        // SAFETY: `self` proves AVX2, and both loads lie in the 16 values.
        unsafe { [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))] }
    }

    #[inline(always)]
    fn store_floats(self, [a, b]: [__m256; 2], to: &mut [f32; 16]) {
        let at = to.as_mut_ptr();
        // SAFETY: `self` proves AVX2, and both stores lie in the 16 values.
        unsafe {
            _mm256_storeu_ps(at, a);
            _mm256_storeu_ps(at.add(8), b);
        }
    }

    #[inline(always)]
    fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_add(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: `self` proves FMA.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn least(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn most(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: `self` proves AVX2.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }
}
