//! How work is dealt out to the cores.
//!
//! Pieces depend on sizes alone, never on the number of threads, and what several pieces sum is
//! merged in the order of the pieces: equal inputs give equal bits.

#![expect(clippy::inline_always, reason = "the work must become part of the vectorised function")]

use std::ops::Range;

use calico_kernels::Level;
use rayon::prelude::*;

use crate::process::kernels;

/// Values per task: enough to outweigh handing it to another core.
pub(crate) const TASK: usize = 1 << 14;

/// Pieces that sum something of their own; each needs memory for it.
const SUMMING_PIECES: usize = 32;

/// Runs `work` with the widest vectors that this machine has, or plain ones where
/// `CALICO_SIMD=portable`.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    let arch = match kernels().level() {
        Level::Portable => pulp::Arch::Scalar,
        _ => pulp::Arch::new(),
    };
    arch.dispatch(work)
}

/// Calls `work(range, out)` for every piece of `out`, where `range` says which values of the whole
/// it holds; pieces are whole rows of `width` values.
pub(crate) fn by_pieces(
    out: &mut [f32],
    width: usize,
    work: impl Fn(Range<usize>, &mut [f32]) + Sync,
) {
    let width = width.max(1);
    by_pieces_of(out, width * (TASK / width).max(1), work);
}

/// Calls `work(range, out)` for every `piece` values of `out`, of which `range` says where they
/// stand in the whole.
pub(crate) fn by_pieces_of<T: Send>(
    out: &mut [T],
    piece: usize,
    work: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    if out.len() <= piece {
        vectorised(
            #[inline(always)]
            || work(0..out.len(), out),
        );
        return;
    }
    out.par_chunks_mut(piece).enumerate().for_each(|(i, out)| {
        let first = i * piece;
        vectorised(
            #[inline(always)]
            || work(first..first + out.len(), out),
        );
    });
}

/// As [`by_pieces`], for two results of the same size.
pub(crate) fn by_pieces_of_two(
    [first, second]: [&mut [f32]; 2],
    width: usize,
    work: impl Fn(Range<usize>, [&mut [f32]; 2]) + Sync,
) {
    let width = width.max(1);
    let piece = width * (TASK / width).max(1);
    let outs = first.par_chunks_mut(piece).zip(second.par_chunks_mut(piece));
    outs.enumerate().for_each(|(i, (a, b))| {
        let first = i * piece;
        vectorised(
            #[inline(always)]
            || work(first..first + a.len(), [a, b]),
        );
    });
}

/// As [`by_pieces`], for work that also sums something over rows: `work(range, out, sums)` adds
/// to `count` values of its own, and the sums over all pieces come back.
///
/// There are `len` values in all; without `out`, `work` gets an empty slice in its place.
pub(crate) fn by_pieces_with_sums(
    out: Option<&mut [f32]>,
    [len, width, count]: [usize; 3],
    work: impl Fn(Range<usize>, &mut [f32], &mut [f32]) + Sync,
) -> Vec<f32> {
    let (width, count) = (width.max(1), count.max(1));
    let rows = (len / width).div_ceil(SUMMING_PIECES).max(TASK / width).max(1);
    let piece = width * rows;
    let pieces = len.div_ceil(piece);
    let outs: Vec<&mut [f32]> = match out {
        Some(out) => out.chunks_mut(piece).collect(),
        None => (0..pieces).map(|_| <&mut [f32]>::default()).collect(),
    };
    let mut sums = vec![0.0; pieces * count];
    sums.par_chunks_mut(count).zip(outs).enumerate().for_each(|(i, (sums, out))| {
        let first = i * piece;
        vectorised(
            #[inline(always)]
            || work(first..len.min(first + piece), out, sums),
        );
    });
    let mut total = vec![0.0; count];
    for sums in sums.chunks(count) {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    total
}
