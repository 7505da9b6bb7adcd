//! Convolution as a product of patches.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::cpu::{Values, on_cpu, tensor, values};
use super::product::{Before, Matrix, MatrixMut, Threads, multiply};

/// A convolution with stride 1 and zeros around the picture.
///
/// On the CPU, the patches of one picture at a time become a matrix, which is made again in the
/// backward pass instead of being kept.
///
/// # Shapes
/// - `x`: `[B, C, H, W]`
/// - `weight`: `[O, C, k, k]`
/// - returns: `[B, O, H + 2 padding - k + 1, W + 2 padding - k + 1]`
pub fn convolution(x: &Tensor, weight: &Tensor, padding: usize) -> Result<Tensor> {
    if on_cpu(x) && on_cpu(weight) {
        x.contiguous()?.apply_op2(&weight.contiguous()?, Convolution { padding })
    } else {
        x.conv2d(weight, padding, 1, 1, 1)
    }
}

struct Convolution {
    padding: usize,
}

/// The sizes of one convolution.
#[derive(Clone, Copy)]
struct Sizes {
    samples: usize,
    /// Channels, height and width of a picture.
    from: [usize; 3],
    /// Channels, height and width of a result.
    to: [usize; 3],
    kernel: usize,
    padding: usize,
}

impl Sizes {
    fn of(x: &Shape, weight: &Shape, padding: usize) -> Result<Self> {
        let (samples, channels, height, width) = x.dims4()?;
        let (out, inner, kernel, other) = weight.dims4()?;
        let to = |side: usize| (side + 2 * padding + 1).checked_sub(kernel).filter(|to| *to > 0);
        match (to(height), to(width)) {
            (Some(to_height), Some(to_width))
                if inner == channels && kernel == other && kernel > 0 =>
            {
                let (from, to) = ([channels, height, width], [out, to_height, to_width]);
                Ok(Self { samples, from, to, kernel, padding })
            }
            _ => candle_core::bail!(
                "convolution: {:?} with padding {padding} does not go with the kernels {:?}",
                x.dims(),
                weight.dims()
            ),
        }
    }

    /// Values of one picture, of one result, and pixels of one result.
    fn counts(&self) -> [usize; 3] {
        let pixels = self.to[1] * self.to[2];
        [self.from.iter().product(), self.to[0] * pixels, pixels]
    }

    /// Values of one patch.
    fn patch(&self) -> usize {
        self.from[0] * self.kernel * self.kernel
    }

    /// Of row `i` of a result and the kernel's row or column `k`: where it lies in the picture.
    fn source(&self, i: usize, k: usize, side: usize) -> Option<usize> {
        (i + k).checked_sub(self.padding).filter(|source| *source < side)
    }

    /// The columns of a result for which the kernel's column `k` lies in the picture, and the
    /// first column there.
    fn columns(&self, k: usize) -> (std::ops::Range<usize>, usize) {
        let start = self.padding.saturating_sub(k);
        let end = (self.from[2] + self.padding).saturating_sub(k).min(self.to[2]);
        (start..end.max(start), (start + k).saturating_sub(self.padding))
    }

    /// `[C k k, H' W']`: what each pixel of the result sees of one picture.
    fn patches(&self, x: &[f32], patches: &mut [f32]) {
        let ([_, height, width], [_, _, to_width]) = (self.from, self.to);
        let (kernel, pixels) = (self.kernel, self.counts()[2]);
        patches.par_chunks_mut(pixels).enumerate().for_each(|(i, row)| {
            let (channel, ky, kx) = (i / (kernel * kernel), i / kernel % kernel, i % kernel);
            let (columns, first) = self.columns(kx);
            for (y, out) in row.chunks_exact_mut(to_width).enumerate() {
                out.fill(0.0);
                if let Some(y) = self.source(y, ky, height) {
                    let line = &x[(channel * height + y) * width..][..width];
                    out[columns.clone()].copy_from_slice(&line[first..][..columns.len()]);
                }
            }
        });
    }

    /// The transpose of [`Sizes::patches`]: adds each value to the pixel that it came from.
    fn add_patches(&self, patches: &[f32], x: &mut [f32]) {
        let ([_, height, width], [_, _, to_width]) = (self.from, self.to);
        let (kernel, pixels) = (self.kernel, self.counts()[2]);
        x.par_chunks_mut(height * width).enumerate().for_each(|(channel, x)| {
            let of_channel = &patches[channel * kernel * kernel * pixels..];
            for (i, row) in of_channel.chunks_exact(pixels).take(kernel * kernel).enumerate() {
                let (columns, first) = self.columns(i % kernel);
                for (y, values) in row.chunks_exact(to_width).enumerate() {
                    if let Some(y) = self.source(y, i / kernel, height) {
                        let line = &mut x[y * width + first..][..columns.len()];
                        let values = &values[columns.clone()];
                        line.iter_mut().zip(values).for_each(|(x, value)| *x += value);
                    }
                }
            }
        });
    }
}

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = Sizes::of(x_layout.shape(), weight_layout.shape(), self.padding)?;
        let (x, weight) = (values(x, x_layout)?, values(weight, weight_layout)?);
        let ([from, to, pixels], patch) = (sizes.counts(), sizes.patch());
        let mut out = vec![0.0; sizes.samples * to];
        let mut patches = vec![0.0; patch * pixels];
        if from > 0 {
            let weight = Matrix::by_rows(weight, [sizes.to[0], patch], patch);
            for (x, out) in x.chunks_exact(from).zip(out.chunks_exact_mut(to.max(1))) {
                sizes.patches(x, &mut patches);
                let patches = Matrix::by_rows(&patches, [patch, pixels], pixels);
                let out = MatrixMut::by_rows(out, [sizes.to[0], pixels], pixels);
                multiply(out, Before::Drop, 1.0, [weight, patches], Threads::All);
            }
        }
        let [channels, height, width] = sizes.to;
        Ok((CpuStorage::F32(out), Shape::from((sizes.samples, channels, height, width))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::of(x.shape(), weight.shape(), self.padding)?;
        let grad = grad.contiguous()?;
        let (xs, ws, gs) = (Values::of(x)?, Values::of(weight)?, Values::of(&grad)?);
        let ([from, to, pixels], patch) = (sizes.counts(), sizes.patch());
        let mut patches = vec![0.0; patch * pixels];
        let mut to_x = x.track_op().then(|| vec![0.0; xs.len()]);
        let mut to_weight = weight.track_op().then(|| vec![0.0; ws.len()]);
        let kernels = Matrix::by_rows(&ws, [sizes.to[0], patch], patch);
        for (i, g) in gs.chunks_exact(to.max(1)).enumerate() {
            let g = Matrix::by_rows(g, [sizes.to[0], pixels], pixels);
            if let Some(to_weight) = &mut to_weight {
                sizes.patches(&xs[i * from..][..from], &mut patches);
                let patches = Matrix::by_rows(&patches, [patch, pixels], pixels);
                let out = MatrixMut::by_rows(to_weight, [sizes.to[0], patch], patch);
                multiply(out, Before::Add, 1.0, [g, patches.t()], Threads::All);
            }
            if let Some(to_x) = &mut to_x {
                let out = MatrixMut::by_rows(&mut patches, [patch, pixels], pixels);
                multiply(out, Before::Drop, 1.0, [kernels.t(), g], Threads::All);
                sizes.add_patches(&patches, &mut to_x[i * from..][..from]);
            }
        }
        Ok((
            to_x.map(|values| tensor(values, x.shape(), x)).transpose()?,
            to_weight.map(|values| tensor(values, weight.shape(), x)).transpose()?,
        ))
    }
}

#[cfg(test)]
mod tests;
