//! Pairs of mask logits and target masks.

use candle_core::{DType, Result, Tensor, bail};

use crate::ops::cpu::{TASK, by_pieces_of};

/// The arguments of a loss of masks, checked, in f32.
pub(super) struct Masks {
    /// `[M, ...]`
    pub(super) logits: Tensor,
    /// As the logits, without a gradient.
    pub(super) targets: Tensor,
    /// `M`, and the pixels of each mask.
    pub(super) sizes: [usize; 2],
}

impl Masks {
    pub(super) fn of(loss: &str, logits: &Tensor, targets: &Tensor) -> Result<Self> {
        if logits.dims() != targets.dims() {
            let (logits, targets) = (logits.dims(), targets.dims());
            bail!("{loss}: the logits are {logits:?}, the targets {targets:?}");
        }
        let Some((&masks, axes)) = logits.dims().split_first() else {
            bail!("{loss}: expected an axis of masks, found a scalar");
        };
        let pixels = axes.iter().product();
        if pixels == 0 {
            bail!("{loss}: masks of {axes:?} have no pixels");
        }
        Ok(Self {
            logits: logits.to_dtype(DType::F32)?.contiguous()?,
            targets: targets.detach().to_dtype(DType::F32)?.contiguous()?,
            sizes: [masks, pixels],
        })
    }

    /// Both as `[M, pixels]`.
    pub(super) fn flat(&self) -> Result<[Tensor; 2]> {
        Ok([self.logits.reshape(self.sizes_pair())?, self.targets.reshape(self.sizes_pair())?])
    }

    fn sizes_pair(&self) -> (usize, usize) {
        let [masks, pixels] = self.sizes;
        (masks, pixels)
    }
}

/// `N` sums for each mask: `part(logits, targets)` gives those of some of its pixels.
pub(super) fn sums<const N: usize>(
    [logits, targets]: [&[f32]; 2],
    [masks, pixels]: [usize; 2],
    part: impl Fn(&[f32], &[f32]) -> [f32; N] + Sync,
) -> Vec<[f64; N]> {
    let parts = pixels.div_ceil(TASK);
    let mut found = vec![[0f32; N]; masks * parts];
    by_pieces_of(
        &mut found,
        1,
        #[inline(always)]
        |range, found| {
            for (i, found) in range.zip(found) {
                let (mask, start) = (i / parts, i % parts * TASK);
                let own = mask * pixels + start..mask * pixels + pixels.min(start + TASK);
                *found = part(&logits[own.clone()], &targets[own]);
            }
        },
    );
    let of_mask = |parts: &[[f32; N]]| {
        let mut total = [0f64; N];
        for part in parts {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += f64::from(*part));
        }
        total
    };
    found.chunks(parts).map(of_mask).collect()
}

/// Fills the gradient of the logits, of which `fill(mask, logits, targets, out)` gets some pixels
/// of one mask at a time.
pub(super) fn fill(
    [logits, targets]: [&[f32]; 2],
    [masks, pixels]: [usize; 2],
    fill: impl Fn(usize, [&[f32]; 2], &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut out = vec![0.0; masks * pixels];
    by_pieces_of(
        &mut out,
        TASK,
        #[inline(always)]
        |range, mut out| {
            let mut start = range.start;
            while start < range.end {
                let mask = start / pixels;
                let end = range.end.min((mask + 1) * pixels);
                let (own, rest) = out.split_at_mut(end - start);
                fill(mask, [&logits[start..end], &targets[start..end]], own);
                (out, start) = (rest, end);
            }
        },
    );
    out
}

/// `σ(x)`, `σ(-x)` and `ln(1 + eˣ)` of the composed forms, safe for logits of any size.
pub(super) fn composed_parts(x: &Tensor) -> Result<[Tensor; 3]> {
    // With m = max(x, 0): ln(1 + eˣ) = m + ln(e⁻ᵐ + eˣ⁻ᵐ); the gradient of m cancels.
    let highest = x.relu()?.detach();
    let (one, other) = (highest.neg()?.exp()?, (x - &highest)?.exp()?);
    let total = (&one + &other)?;
    Ok([(other / &total)?, (one / &total)?, (highest + total.log()?)?])
}
