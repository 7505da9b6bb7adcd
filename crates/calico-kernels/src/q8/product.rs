use rayon::prelude::*;

use super::outliers::Column;
use super::rows::{Group, Q8Rows};
use super::weights::{Q8Weights, QUAD};
use crate::simd::{self, Job, Simd};
use crate::sizes::{self, PANEL};
use crate::tiles::{self, Tile};
use crate::{KernelError, Kernels};

/// Bytes of activations that a tile of rows should not exceed: about half of a second-level cache.
const TILE_BYTES: usize = 256 << 10;
/// Rows of a tile.
const TILE_ROWS: usize = 64;

impl Kernels {
    /// Multiplies rows by weights of 8 bits, see [`q8`](crate::q8).
    ///
    /// # Shapes
    /// - `rows`: `[rows, inner]`
    /// - `weights`: `[outputs, inner]`
    /// - `bias`: `[outputs]`
    /// - `y`: `[rows, outputs]`, overwritten
    ///
    /// # Errors
    /// If sizes do not fit together; `y` is then as it was.
    pub fn q8_product(
        self,
        weights: &Q8Weights<'_>,
        rows: &Q8Rows,
        bias: Option<&[f32]>,
        y: &mut [f32],
    ) -> Result<(), KernelError> {
        let (outputs, inner) = (weights.outputs(), weights.inner());
        if rows.inner() != inner {
            return Err(KernelError::Inner { found: rows.inner(), expected: inner });
        }
        if let Some(bias) = bias {
            sizes::length("the bias", bias.len(), outputs)?;
        }
        let expected = sizes::product("the size of the result", &[rows.rows(), outputs])?;
        sizes::length("the result", y.len(), expected)?;
        // A multiple of the rows of every group.
        let tile_rows = (TILE_BYTES / inner).clamp(8, TILE_ROWS) / 8 * 8;
        tiles::cut(y, outputs, tile_rows).into_par_iter().for_each(|tile| {
            simd::run(self.level(), Product { weights, rows, bias, tile });
        });
        Ok(())
    }
}

/// The product of one tile.
struct Product<'a, 'y> {
    weights: &'a Q8Weights<'a>,
    rows: &'a Q8Rows,
    bias: Option<&'a [f32]>,
    tile: Tile<'y>,
}

impl Job for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let groups = self.rows.groups(self.tile.first_row, self.tile.rows.len());
        for panel in self.tile.panels.clone() {
            for &group in groups {
                match group.rows {
                    8 => self.group::<S, 8>(s, panel, group),
                    4 => self.group::<S, 4>(s, panel, group),
                    2 => self.group::<S, 2>(s, panel, group),
                    _ => self.group::<S, 1>(s, panel, group),
                }
            }
        }
    }
}

impl Product<'_, '_> {
    /// The product of the `R` rows of a group with one panel.
    #[inline(always)]
    fn group<S: Simd, const R: usize>(&mut self, s: S, panel: usize, group: Group) {
        let quads = self.rows.inner().div_ceil(QUAD);
        let codes = &self.weights.codes()[panel * quads * QUAD * PANEL..][..quads * QUAD * PANEL];
        let sums = sums::<S, R>(s, codes.as_chunks().0, self.rows.quads(group).as_chunks().0);
        let from = panel * PANEL;
        let scales = s.load_floats(&padded(&self.weights.scales()[from..]));
        let bias = self.bias.map(|bias| s.load_floats(&padded(&bias[from..])));
        let kept = of_outliers::<S, R>(s, codes.as_chunks().0, self.rows.outliers(group), scales);
        for r in 0..R {
            let row = group.first + r;
            let sum = without_offset(s, sums[r], self.rows.sums()[row]);
            let scale = s.mul(s.all(self.rows.scales()[row]), scales);
            let mut y = s.mul(s.floats(sum), scale);
            if self.rows.has_outliers()[row] {
                y = s.add(y, kept[r]);
            }
            if let Some(bias) = bias {
                y = s.add(y, bias);
            }
            let mut values = [0.0; PANEL];
            s.store_floats(y, &mut values);
            let to = &mut self.tile.rows[row - self.tile.first_row];
            let to = &mut to[(panel - self.tile.panels.start) * PANEL..];
            let len = to.len().min(PANEL);
            to[..len].copy_from_slice(&values[..len]);
        }
    }
}

/// Exact sums of products of one panel with the rows of a group, plus [`Simd::OFFSET`] times the
/// sum of the activations.
#[inline(always)]
fn sums<S: Simd, const R: usize>(
    s: S,
    panel: &[[u8; QUAD * PANEL]],
    rows: &[[[i8; QUAD]; R]],
) -> [S::Sums; R] {
    let mut sums = [s.all_sums(0); R];
    for (codes, quads) in panel.iter().zip(rows) {
        if R == 1 {
            s.prefetch(codes, 2048);
        }
        let codes = s.load(codes);
        for r in 0..R {
            sums[r] = s.signed_dot(sums[r], codes, s.quad(quads[r]));
        }
    }
    sums
}

/// The products of one panel with the outliers of the rows of a group.
#[inline(always)]
fn of_outliers<S: Simd, const R: usize>(
    s: S,
    panel: &[[u8; QUAD * PANEL]],
    outliers: &[Column],
    scales: S::Floats,
) -> [S::Floats; R] {
    let mut sums = [s.all(0.0); R];
    for Column { channel, values } in outliers {
        // One column of the panel: the product with a quad that has a single 1.
        let one = (1_u32 << (8 * (channel % QUAD))).to_le_bytes().map(|byte| byte as i8);
        let column = s.signed_dot(s.all_sums(0), s.load(&panel[channel / QUAD]), s.quad(one));
        let weights = s.mul(s.floats(without_offset(s, column, 1)), scales);
        for r in 0..R {
            // Rounded twice, so that every level has the same bits.
            sums[r] = s.add(sums[r], s.mul(weights, s.all(values[r])));
        }
    }
    sums
}

/// Sums of products with activations that add up to `activations`, without [`Simd::OFFSET`].
#[inline(always)]
fn without_offset<S: Simd>(s: S, sums: S::Sums, activations: i32) -> S::Sums {
    match S::OFFSET {
        0 => sums,
        offset => s.less(sums, s.all_sums(offset.wrapping_mul(activations))),
    }
}

/// The first values, and zeros where there are fewer than sixteen.
#[inline(always)]
fn padded(values: &[f32]) -> [f32; PANEL] {
    let mut padded = [0.0; PANEL];
    for (to, &value) in padded.iter_mut().zip(values) {
        *to = value;
    }
    padded
}
