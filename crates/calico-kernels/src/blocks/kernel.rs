//! The exact sums within one superblock of one panel, for some rows at once.

use super::rows::Superblock;
use crate::simd::Simd;

/// Where fields begin in a block of a panel.
pub(super) const D: usize = 0;
pub(super) const DMIN: usize = 32;
pub(super) const SCALES: usize = 64;
pub(super) const MINS: usize = 192;
pub(super) const CODES: usize = 320;
/// Where the codes of `Q8_0` begin.
pub(super) const CODES_8: usize = 32;
/// Lines of 64 bytes that hold the codes of 32 inner values: upper bits, then lower ones.
pub(super) const LINES_4: usize = 4;
pub(super) const LINES_5: usize = 5;
pub(super) const LINES_6: usize = 6;

/// Codes of a superblock of a panel, a byte each: `[64][16][4]`.
pub(super) type Unpacked = [[u8; 64]; 64];

/// A format whose sub-blocks have integer scales.
pub(super) trait Scaled {
    /// Bytes of a superblock of a panel.
    const BYTES: usize;
    /// The largest code.
    const MOST: usize;
    /// Whether sub-blocks have 16 values instead of 32.
    const FINE: bool;

    /// Codes of inner values `32 · unit + 8 · P ..` and of the four after them.
    fn pair<S: Simd, const P: usize>(s: S, block: &[u8], unit: usize) -> [S::Bytes; 2];
}

pub(super) struct Q4K;
pub(super) struct Q5K;
pub(super) struct Q6K;

impl Scaled for Q4K {
    const BYTES: usize = 2368;
    const MOST: usize = 15;
    const FINE: bool = false;

    #[inline(always)]
    fn pair<S: Simd, const P: usize>(s: S, block: &[u8], unit: usize) -> [S::Bytes; 2] {
        nibbles(s, line(block, unit * LINES_4 + P))
    }
}

impl Scaled for Q5K {
    const BYTES: usize = 2880;
    const MOST: usize = 31;
    const FINE: bool = false;

    #[inline(always)]
    fn pair<S: Simd, const P: usize>(s: S, block: &[u8], unit: usize) -> [S::Bytes; 2] {
        let upper = s.load(line(block, unit * LINES_5));
        let [even, odd] = nibbles(s, line(block, unit * LINES_5 + 1 + P));
        // Bits 2 P and 2 P + 1 go to place 4.
        let [first, second] = match P {
            0 => [s.left(upper, 4, 0x10), s.left(upper, 3, 0x10)],
            1 => [s.left(upper, 2, 0x10), s.left(upper, 1, 0x10)],
            2 => [s.left(upper, 0, 0x10), s.right(upper, 1, 0x10)],
            _ => [s.right(upper, 2, 0x10), s.right(upper, 3, 0x10)],
        };
        [s.or(even, first), s.or(odd, second)]
    }
}

impl Scaled for Q6K {
    const BYTES: usize = 3392;
    const MOST: usize = 63;
    const FINE: bool = true;

    #[inline(always)]
    fn pair<S: Simd, const P: usize>(s: S, block: &[u8], unit: usize) -> [S::Bytes; 2] {
        let upper = s.load(line(block, unit * LINES_6 + P / 2));
        let [even, odd] = nibbles(s, line(block, unit * LINES_6 + 2 + P));
        // Of each plane, bits 0..4 belong to an even P and bits 4..8 to an odd one.
        let [first, second] = match P % 2 {
            0 => [s.left(upper, 4, 0x30), s.left(upper, 2, 0x30)],
            _ => [s.left(upper, 0, 0x30), s.right(upper, 2, 0x30)],
        };
        [s.or(even, first), s.or(odd, second)]
    }
}

/// Where codes come from: the block itself, or bytes that were unpacked before.
pub(super) trait Codes {
    /// As [`Scaled::pair`].
    fn pair<S: Simd, const P: usize>(&self, s: S, unit: usize) -> [S::Bytes; 2];
}

/// The codes of a block of format `F`.
pub(super) struct Packed<'a, F> {
    block: &'a [u8],
    format: std::marker::PhantomData<F>,
}

impl<'a, F> Packed<'a, F> {
    #[inline(always)]
    pub(super) fn new(block: &'a [u8]) -> Self {
        Self { block, format: std::marker::PhantomData }
    }
}

impl<F: Scaled> Codes for Packed<'_, F> {
    #[inline(always)]
    fn pair<S: Simd, const P: usize>(&self, s: S, unit: usize) -> [S::Bytes; 2] {
        F::pair::<S, P>(s, self.block, unit)
    }
}

impl Codes for Unpacked {
    #[inline(always)]
    fn pair<S: Simd, const P: usize>(&self, s: S, unit: usize) -> [S::Bytes; 2] {
        [s.load(&self[unit * 8 + 2 * P]), s.load(&self[unit * 8 + 2 * P + 1])]
    }
}

/// Gives every code of a block a byte of its own.
#[inline(always)]
pub(super) fn unpack<S: Simd, F: Scaled>(s: S, block: &[u8], to: &mut Unpacked) {
    for (unit, to) in to.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let pairs = [
            F::pair::<S, 0>(s, block, unit),
            F::pair::<S, 1>(s, block, unit),
            F::pair::<S, 2>(s, block, unit),
            F::pair::<S, 3>(s, block, unit),
        ];
        for p in 0..4 {
            s.store(pairs[p][0], &mut to[2 * p]);
            s.store(pairs[p][1], &mut to[2 * p + 1]);
        }
    }
}

/// `isum` of a block for each of some rows: Σ scale · Σ code · x.
#[inline(always)]
pub(super) fn isums<S: Simd, F: Scaled, C: Codes, const R: usize>(
    s: S,
    block: &[u8],
    codes: &C,
    rows: [&Superblock; R],
) -> [S::Sums; R] {
    let sums = [s.all_sums(0); R];
    let mut run = Run { s, codes, rows, partial: [s.no_partial(); R], sums };
    if F::FINE {
        for unit in 0..8 {
            let scales = s.signed_pairs(pairs(block, SCALES, unit));
            run.unit::<F>(unit, [s.first(scales), s.second(scales)]);
        }
    } else {
        for two in 0..4 {
            let scales = s.unsigned_pairs(pairs(block, SCALES, two));
            run.unit::<F>(2 * two, [s.first(scales); 2]);
            run.unit::<F>(2 * two + 1, [s.second(scales); 2]);
        }
    }
    run.sums
}

/// `msum` of a block for each of some rows: Σ min · Σ x, or with 16 values to a sub-block
/// Σ scale · Σ x.
#[inline(always)]
pub(super) fn msums<S: Simd, F: Scaled, const R: usize>(
    s: S,
    block: &[u8],
    rows: [&Superblock; R],
) -> [S::Sums; R] {
    let mut sums = [s.all_sums(0); R];
    if F::FINE {
        for i in 0..8 {
            let scales = s.signed_pairs(pairs(block, SCALES, i));
            for r in 0..R {
                sums[r] = s.pair_dot(sums[r], scales, rows[r].sums_of_16[i]);
            }
        }
    } else {
        for i in 0..4 {
            let mins = s.unsigned_pairs(pairs(block, MINS, i));
            for r in 0..R {
                sums[r] = s.pair_dot(sums[r], mins, rows[r].sums_of_32[i]);
            }
        }
    }
    sums
}

/// `isum` of one block of `Q8_0` for each of some rows, values `32 · unit ..` of the superblocks.
#[inline(always)]
pub(super) fn isums_of_8<S: Simd, const R: usize>(
    s: S,
    block: &[u8],
    unit: usize,
    rows: [&Superblock; R],
) -> [S::Sums; R] {
    let mut sums = [s.all_sums(0); R];
    for quad in 0..8 {
        if R == 1 {
            s.prefetch(&block[CODES_8..].as_chunks().0[quad], 2048);
        }
        let codes = s.load(&block[CODES_8..].as_chunks().0[quad]);
        for r in 0..R {
            sums[r] = s.signed_dot(sums[r], codes, s.quad(rows[r].codes[unit * 8 + quad]));
        }
    }
    if S::OFFSET != 0 {
        for r in 0..R {
            let more = S::OFFSET * i32::from(rows[r].sums_of_32[unit / 2][unit % 2]);
            sums[r] = s.less(sums[r], s.all_sums(more));
        }
    }
    sums
}

/// Sums that grow.
struct Run<'a, S: Simd, C, const R: usize> {
    s: S,
    codes: &'a C,
    rows: [&'a Superblock; R],
    partial: [S::Partial; R],
    sums: [S::Sums; R],
}

impl<S: Simd, C: Codes, const R: usize> Run<'_, S, C, R> {
    /// Adds the products of 32 inner values, with a factor for each half.
    #[inline(always)]
    fn unit<F: Scaled>(&mut self, unit: usize, factors: [S::Factors; 2]) {
        self.step::<F, 0>(unit, factors);
        self.step::<F, 1>(unit, factors);
        self.step::<F, 2>(unit, factors);
        self.step::<F, 3>(unit, factors);
    }

    /// Adds the products of eight inner values.
    #[inline(always)]
    fn step<F: Scaled, const P: usize>(&mut self, unit: usize, factors: [S::Factors; 2]) {
        let s = self.s;
        let [even, odd] = self.codes.pair::<S, P>(s, unit);
        let at = unit * 8 + 2 * P;
        for r in 0..R {
            let codes = &self.rows[r].codes;
            self.partial[r] = s.code_dot(self.partial[r], even, s.quad(codes[at]));
            self.partial[r] = s.code_dot(self.partial[r], odd, s.quad(codes[at + 1]));
        }
        let ends = P == 3 || (F::FINE && P == 1);
        if ends || (2 * P + 2).is_multiple_of(quads_that_fit::<S, F>()) {
            for r in 0..R {
                self.sums[r] = s.scaled(self.sums[r], self.partial[r], factors[P / 2]);
                self.partial[r] = s.no_partial();
            }
        }
    }
}

/// How many quads a partial sum can take, up to the eight of 32 values.
///
/// A lane of 16 bits gets one or two products of a quad. Two of them reach at most 2 · 15 · 127 =
/// 3,810 with 4 bits, so that eight quads fit below 2¹⁵; 7,874 with 5 bits, so that four do; and
/// 16,002 with 6 bits, so that two do. Lanes of 32 bits take all: 32 · 63 · 127 is small.
#[inline(always)]
fn quads_that_fit<S: Simd, F: Scaled>() -> usize {
    match S::LANE_PRODUCTS * F::MOST * 127 {
        0 => 8,
        of_a_quad => match 32_767 / of_a_quad {
            8.. => 8,
            4..8 => 4,
            _ => 2,
        },
    }
}

/// Codes with four bits each.
#[inline(always)]
fn nibbles<S: Simd>(s: S, bytes: &[u8; 64]) -> [S::Bytes; 2] {
    s.prefetch(bytes, 2048);
    let both = s.load(bytes);
    [s.low(both), s.high(both)]
}

/// 64 bytes of the codes.
#[inline(always)]
fn line(block: &[u8], index: usize) -> &[u8; 64] {
    &block[CODES..].as_chunks().0[index]
}

/// 32 bytes of a field.
#[inline(always)]
pub(super) fn pairs(block: &[u8], field: usize, index: usize) -> &[u8; 32] {
    &block[field..].as_chunks().0[index]
}
