use rayon::prelude::*;

use super::format::BlockFormat;
use super::kernel::{self, Codes, Packed, Q4K, Q5K, Q6K, Scaled, Unpacked};
use super::rows::{BlockRows, SUPERBLOCK, Superblock};
use super::weights::BlockWeights;
use crate::simd::{self, Job, Simd};
use crate::sizes::{self, PANEL};
use crate::tiles::{self, Tile};
use crate::{KernelError, Kernels};

/// Rows of a tile, whose activations of one superblock fit into a first-level cache.
const TILE_ROWS: usize = 64;
/// From so many groups of rows on it pays to give every code a byte first.
const UNPACK_FROM: usize = 2;

/// One value for each output of a panel.
type Lanes = [f32; PANEL];

impl Kernels {
    /// Multiplies rows by weights of a block format, see [`blocks`](crate::blocks).
    ///
    /// # Shapes
    /// - `rows`: `[rows, inner]`
    /// - `weights`: `[outputs, inner]`
    /// - `bias`: `[outputs]`
    /// - `y`: `[rows, outputs]`, overwritten
    ///
    /// # Errors
    /// If sizes do not fit together; `y` is then as it was.
    pub fn block_product(
        self,
        weights: &BlockWeights<'_>,
        rows: &BlockRows,
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
        tiles::cut(y, outputs, TILE_ROWS).into_par_iter().for_each(|tile| {
            let rows = rows.superblocks(tile.first_row, tile.rows.len());
            let product = Product { weights, rows, bias, tile };
            // A job each, because compilers take long over long functions.
            match weights.format() {
                BlockFormat::Q4K => simd::run(self.level(), OfFormat(product, Q4K)),
                BlockFormat::Q5K => simd::run(self.level(), OfFormat(product, Q5K)),
                BlockFormat::Q6K => simd::run(self.level(), OfFormat(product, Q6K)),
                BlockFormat::Q8_0 => simd::run(self.level(), Of8(product)),
            }
        });
        Ok(())
    }
}

/// The product of one tile.
struct Product<'a, 'y> {
    weights: &'a BlockWeights<'a>,
    rows: &'a [Superblock],
    bias: Option<&'a [f32]>,
    tile: Tile<'y>,
}

/// The product of one tile in a format with integer scales.
struct OfFormat<'a, 'y, F>(Product<'a, 'y>, F);

impl<F: Scaled> Job for OfFormat<'_, '_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let mut sums = [[0.0; PANEL]; TILE_ROWS];
        for panel in self.0.tile.panels.clone() {
            let (bytes, work) = self.0.panel(s, panel, &mut sums);
            work.scaled::<F>(bytes);
            self.0.finish(panel, &mut sums);
        }
    }
}

/// The product of one tile in `Q8_0`.
struct Of8<'a, 'y>(Product<'a, 'y>);

impl Job for Of8<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let mut sums = [[0.0; PANEL]; TILE_ROWS];
        for panel in self.0.tile.panels.clone() {
            let (bytes, work) = self.0.panel(s, panel, &mut sums);
            work.of_8(bytes);
            self.0.finish(panel, &mut sums);
        }
    }
}

impl<'a> Product<'a, '_> {
    /// The bytes of a panel, and the work of multiplying it, beginning with zeros.
    #[inline(always)]
    fn panel<'s, S>(
        &self,
        s: S,
        panel: usize,
        sums: &'s mut [Lanes; TILE_ROWS],
    ) -> (&'a [u8], Panel<'s, S>)
    where
        'a: 's,
    {
        let (format, inner) = (self.weights.format(), self.weights.inner());
        let len = inner / format.block_values() * format.panel_block_bytes();
        let sums = &mut sums[..self.tile.rows.len()];
        sums.fill([0.0; PANEL]);
        let width = inner.div_ceil(SUPERBLOCK);
        (&self.weights.bytes()[panel * len..][..len], Panel { s, rows: self.rows, width, sums })
    }

    /// Adds the bias and writes the results of a panel.
    fn finish(&mut self, panel: usize, sums: &mut [Lanes; TILE_ROWS]) {
        let bias = self.bias.map(|bias| &bias[panel * PANEL..]);
        let from = (panel - self.tile.panels.start) * PANEL;
        for (to, sums) in self.tile.rows.iter_mut().zip(sums) {
            for (sum, bias) in sums.iter_mut().zip(bias.unwrap_or_default()) {
                *sum += bias;
            }
            let to = &mut to[from..];
            let len = to.len().min(PANEL);
            to[..len].copy_from_slice(&sums[..len]);
        }
    }
}

/// The product of the rows of a tile with one panel.
struct Panel<'a, S> {
    s: S,
    /// Superblocks, `width` of each row.
    rows: &'a [Superblock],
    width: usize,
    /// What it adds up to, for each row.
    sums: &'a mut [Lanes],
}

impl<'a, S: Simd> Panel<'a, S> {
    /// Goes over all superblocks of a format with integer scales.
    #[inline(always)]
    fn scaled<F: Scaled>(mut self, panel: &[u8]) {
        let mut unpacked: Unpacked = [[0; 64]; 64];
        for (index, block) in panel.chunks_exact(F::BYTES).enumerate() {
            if self.sums.len() >= UNPACK_FROM * S::ROWS {
                kernel::unpack::<S, F>(self.s, block, &mut unpacked);
                self.groups::<F, _>(index, block, &unpacked);
            } else {
                self.groups::<F, _>(index, block, &Packed::<F>::new(block));
            }
        }
    }

    /// Goes over all rows, as many together as registers hold.
    #[inline(always)]
    fn groups<F: Scaled, C: Codes>(&mut self, index: usize, block: &[u8], codes: &C) {
        let mut first = 0;
        while first < self.sums.len() {
            let rows = simd::group(self.sums.len() - first, S::ROWS);
            match rows {
                8 if S::ROWS >= 8 => self.group::<F, C, 8>(first, index, block, codes),
                4 if S::ROWS >= 4 => self.group::<F, C, 4>(first, index, block, codes),
                2 if S::ROWS >= 2 => self.group::<F, C, 2>(first, index, block, codes),
                _ => self.group::<F, C, 1>(first, index, block, codes),
            }
            first += rows;
        }
    }

    /// Adds one superblock for `R` rows.
    #[inline(always)]
    fn group<F: Scaled, C: Codes, const R: usize>(
        &mut self,
        first: usize,
        index: usize,
        block: &[u8],
        codes: &C,
    ) {
        let s = self.s;
        let rows = self.rows_of::<R>(first, index);
        let isums = kernel::isums::<S, F, C, R>(s, block, codes, rows);
        let d = s.halves(kernel::pairs(block, kernel::D, 0));
        let dmin = s.halves(kernel::pairs(block, kernel::DMIN, 0));
        let msums = kernel::msums::<S, F, R>(s, block, rows);
        for r in 0..R {
            let dx = s.all(rows[r].scale);
            let more = if F::FINE {
                s.mul(s.mul(d, dx), s.floats(s.less(isums[r], s.times_32(msums[r]))))
            } else {
                let codes = s.mul(s.mul(d, dx), s.floats(isums[r]));
                s.sub(codes, s.mul(s.mul(dmin, dx), s.floats(msums[r])))
            };
            let to = &mut self.sums[first + r];
            s.store_floats(s.add(s.load_floats(to), more), to);
        }
    }

    /// Goes over all blocks of `Q8_0`.
    #[inline(always)]
    fn of_8(mut self, panel: &[u8]) {
        let superblock = BlockFormat::Q8_0.panel_block_bytes() * 8;
        for (index, blocks) in panel.chunks(superblock).enumerate() {
            let mut first = 0;
            while first < self.sums.len() {
                let rows = simd::group(self.sums.len() - first, S::ROWS);
                match rows {
                    8 if S::ROWS >= 8 => self.group_of_8::<8>(first, index, blocks),
                    4 if S::ROWS >= 4 => self.group_of_8::<4>(first, index, blocks),
                    2 if S::ROWS >= 2 => self.group_of_8::<2>(first, index, blocks),
                    _ => self.group_of_8::<1>(first, index, blocks),
                }
                first += rows;
            }
        }
    }

    /// Adds the blocks of one superblock for `R` rows.
    #[inline(always)]
    fn group_of_8<const R: usize>(&mut self, first: usize, index: usize, blocks: &[u8]) {
        let s = self.s;
        let rows = self.rows_of::<R>(first, index);
        let blocks = blocks.chunks_exact(BlockFormat::Q8_0.panel_block_bytes());
        for (unit, block) in blocks.enumerate().take(8) {
            let d = s.halves(kernel::pairs(block, kernel::D, 0));
            let isums = kernel::isums_of_8::<S, R>(s, block, unit, rows);
            for r in 0..R {
                let more = s.mul(s.mul(d, s.all(rows[r].scale)), s.floats(isums[r]));
                let to = &mut self.sums[first + r];
                s.store_floats(s.add(s.load_floats(to), more), to);
            }
        }
    }

    /// One superblock of `R` rows.
    #[inline(always)]
    fn rows_of<const R: usize>(&self, first: usize, index: usize) -> [&'a Superblock; R] {
        let mut rows = [&self.rows[0]; R];
        for r in 0..R {
            rows[r] = &self.rows[(first + r) * self.width + index];
        }
        rows
    }
}
