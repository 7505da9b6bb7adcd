//! AVX-512 with VNNI: sixteen outputs in one vector.

#![allow(clippy::wildcard_imports, reason = "the names of instructions speak for themselves")]
#![expect(unsafe_code, reason = "instructions that only some processors have")]

use std::arch::x86_64::*;

use super::{Job, Simd, bytes_of};

/// Proof that the machine has AVX-512 F, BW, VL and VNNI: there is no other way to get one than
/// [`Self::new`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// The vectors, if the machine has them.
    #[inline]
    pub(super) fn new() -> Option<Self> {
        let available = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        available.then_some(Self(()))
    }
}

impl Simd for Avx512 {
    type Bytes = __m512i;
    type Quad = __m512i;
    type Partial = __m512i;
    type Sums = __m512i;
    type Pairs = __m512i;
    /// Factors in 32 bits.
    type Factors = __m512i;
    type Floats = __m512;

    const ROWS: usize = 8;
    /// The instruction takes unsigned codes, so 128 is added to signed ones.
    const OFFSET: i32 = 128;
    const LANE_PRODUCTS: usize = 0;

    #[inline]
    fn run<J: Job>(self, job: J) -> J::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
        fn compiled<J: Job>(simd: Avx512, job: J) -> J::Output {
            job.run(simd)
        }
        // SAFETY: `self` proves that the machine has all four.
        unsafe { compiled(self, job) }
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> __m512i {
        // SAFETY: `self` proves AVX-512, and the load is the 64 bytes.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, bytes: __m512i, to: &mut [u8; 64]) {
        // SAFETY: `self` proves AVX-512, and the store is the 64 bytes.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), bytes) }
    }

    #[inline(always)]
    fn low(self, bytes: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_and_si512(bytes, _mm512_set1_epi8(0x0f)) }
    }

    #[inline(always)]
    fn high(self, bytes: __m512i) -> __m512i {
        self.right(bytes, 4, 0x0f)
    }

    #[inline(always)]
    fn left(self, bytes: __m512i, by: i32, mask: u8) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe {
            let shifted = _mm512_sllv_epi16(bytes, _mm512_set1_epi16(by as i16));
            _mm512_and_si512(shifted, _mm512_set1_epi8(mask as i8))
        }
    }

    #[inline(always)]
    fn right(self, bytes: __m512i, by: i32, mask: u8) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe {
            let shifted = _mm512_srlv_epi16(bytes, _mm512_set1_epi16(by as i16));
            _mm512_and_si512(shifted, _mm512_set1_epi8(mask as i8))
        }
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_or_si512(a, b) }
    }

    #[inline(always)]
    fn quad(self, activations: [i8; 4]) -> __m512i {
        self.all_sums(bytes_of(activations))
    }

    #[inline(always)]
    fn no_partial(self) -> __m512i {
        self.all_sums(0)
    }

    #[inline(always)]
    fn code_dot(self, sums: __m512i, codes: __m512i, x: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_dpbusd_epi32(sums, codes, x) }
    }

    #[inline(always)]
    fn scaled(self, sums: __m512i, partial: __m512i, by: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_add_epi32(sums, _mm512_mullo_epi32(partial, by)) }
    }

    /// Signed codes plus 128 are the same bytes with the upper bit turned, read as unsigned. The
    /// sums may wrap around; what the caller takes off again brings them back.
    #[inline(always)]
    fn signed_dot(self, sums: __m512i, codes: __m512i, x: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe {
            let unsigned = _mm512_xor_si512(codes, _mm512_set1_epi8(i8::MIN));
            _mm512_dpbusd_epi32(sums, unsigned, x)
        }
    }

    #[inline(always)]
    fn unsigned_pairs(self, bytes: &[u8; 32]) -> __m512i {
        // SAFETY: `self` proves AVX-512, and the load is the 32 bytes.
        unsafe { _mm512_cvtepu8_epi16(_mm256_loadu_si256(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn signed_pairs(self, bytes: &[u8; 32]) -> __m512i {
        // SAFETY: `self` proves AVX-512, and the load is the 32 bytes.
        unsafe { _mm512_cvtepi8_epi16(_mm256_loadu_si256(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn first(self, pairs: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_srai_epi32::<16>(_mm512_slli_epi32::<16>(pairs)) }
    }

    #[inline(always)]
    fn second(self, pairs: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_srai_epi32::<16>(pairs) }
    }

    #[inline(always)]
    fn pair_dot(self, sums: __m512i, pairs: __m512i, x: [i16; 2]) -> __m512i {
        let both = self.all_sums(i32::from(x[0] as u16) | (i32::from(x[1]) << 16));
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, both)) }
    }

    #[inline(always)]
    fn all_sums(self, value: i32) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    fn less(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_sub_epi32(a, b) }
    }

    #[inline(always)]
    fn times_32(self, a: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_slli_epi32::<5>(a) }
    }

    #[inline(always)]
    fn floats(self, sums: __m512i) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_cvtepi32_ps(sums) }
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 32]) -> __m512 {
        // SAFETY: `self` proves AVX-512, and the load is the 32 bytes.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn all(self, value: f32) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load_floats(self, values: &[f32; 16]) -> __m512 {
        // SAFETY: `self` proves AVX-512, and the load is the 16 values.
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    fn store_floats(self, values: __m512, to: &mut [f32; 16]) {
        // SAFETY: `self` proves AVX-512, and the store is the 16 values.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), values) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn least(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn most(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512.
        unsafe { _mm512_max_ps(a, b) }
    }
}
