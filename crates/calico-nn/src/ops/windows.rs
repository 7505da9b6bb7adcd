//! Cutting a map of tokens into windows and back on the CPU in f32: one pass each way.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::cpu::{Values, tensor, values};

/// Maps `[B, h, w, D]` and their windows `[B · n, side, side, D]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    /// `B`, `h`, `w`, `D`.
    pub(super) map: [usize; 4],
    pub(super) side: usize,
}

/// See [`super::split_windows`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Split(pub(super) Windows);

/// See [`super::join_windows`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Join(pub(super) Windows);

impl Windows {
    /// Windows per map, in rows and in columns.
    pub(super) fn counts(&self) -> [usize; 2] {
        let [_, height, width, _] = self.map;
        [height.div_ceil(self.side), width.div_ceil(self.side)]
    }

    /// The shape of all windows.
    fn shape(&self) -> Shape {
        let [batch, _, _, channels] = self.map;
        let [rows, columns] = self.counts();
        Shape::from((batch * rows * columns, self.side, self.side, channels))
    }

    fn split(&self, map: &[f32]) -> Vec<f32> {
        let [_, height, width, channels] = self.map;
        let [rows, columns] = self.counts();
        let mut windows = vec![0.0; self.shape().elem_count()];
        let lines = windows.par_chunks_mut(self.side * channels);
        lines.enumerate().for_each(|(line, values)| {
            let (window, y) = (line / self.side, line % self.side);
            let (sample, window) = (window / (rows * columns), window % (rows * columns));
            let (y, x) = (window / columns * self.side + y, window % columns * self.side);
            if y < height {
                let len = self.side.min(width - x) * channels;
                let start = ((sample * height + y) * width + x) * channels;
                values[..len].copy_from_slice(&map[start..start + len]);
            }
        });
        windows
    }

    fn join(&self, windows: &[f32]) -> Vec<f32> {
        let [batch, height, width, channels] = self.map;
        let [rows, columns] = self.counts();
        let mut map = vec![0.0; batch * height * width * channels];
        map.par_chunks_mut(width * channels).enumerate().for_each(|(line, values)| {
            let (sample, y) = (line / height, line % height);
            let first = (sample * rows + y / self.side) * columns;
            let parts = values.chunks_mut(self.side * channels);
            for (column, values) in parts.enumerate() {
                let line = (first + column) * self.side + y % self.side;
                let start = line * self.side * channels;
                values.copy_from_slice(&windows[start..start + values.len()]);
            }
        });
        map
    }
}

impl CustomOp1 for Split {
    fn name(&self) -> &'static str {
        "split-windows"
    }

    fn cpu_fwd(&self, map: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.0.split(values(map, layout)?)), self.0.shape()))
    }

    fn bwd(&self, map: &Tensor, _windows: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        tensor(self.0.join(&Values::of(&grad)?), map.shape(), map).map(Some)
    }
}

impl CustomOp1 for Join {
    fn name(&self) -> &'static str {
        "join-windows"
    }

    fn cpu_fwd(&self, windows: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let map = self.0.join(values(windows, layout)?);
        Ok((CpuStorage::F32(map), Shape::from(self.0.map.to_vec())))
    }

    fn bwd(&self, windows: &Tensor, _map: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        tensor(self.0.split(&Values::of(&grad)?), windows.shape(), windows).map(Some)
    }
}
