//! Memory that is used again, and how rows are brought into it.

use super::head::{Head, Rows};

/// Numbers of a vector.
pub(super) const LANES: usize = 16;
/// Vectors of keys in a block.
pub(super) const BLOCK_PANELS: usize = 16;
/// Queries whose state is kept at a time: with a block of keys and values, half of a second-level
/// cache.
pub(super) const GROUP: usize = 64;
/// Most queries whose scores are computed together.
pub(super) const MOST_ROWS: usize = 8;

/// Scores of some queries and one block of keys, later their exponentials.
pub(super) type Scores = [[[f32; LANES]; BLOCK_PANELS]; MOST_ROWS];

/// Memory for one head after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Keys in panels of sixteen, `[S / 16][K][16]`, padded with zeros.
    pub(super) keys: Vec<[f32; LANES]>,
    /// Values in columns of sixteen, `[K / 16][S][16]`, padded with zeros.
    pub(super) values: Vec<[f32; LANES]>,
    /// Scaled queries of a group, `[K][rows]` for each that are computed together.
    pub(super) queries: Vec<f32>,
    /// Mixed values of a group, `[K / 16][rows][16]` for each that are computed together.
    pub(super) mixed: Vec<[f32; LANES]>,
}

impl Scratch {
    /// Takes in the keys and values of a head.
    #[inline(always)]
    pub(super) fn pack(&mut self, head: &Head<'_>) {
        let width = head.k.width();
        let panels = head.k.len().div_ceil(LANES);
        self.keys.clear();
        self.keys.resize(panels * width, [0.0; LANES]);
        for (panel, to) in self.keys.chunks_exact_mut(width).enumerate() {
            for lane in 0..LANES.min(head.k.len() - panel * LANES) {
                let row = head.k.row(panel * LANES + lane);
                for (to, &value) in to.iter_mut().zip(row) {
                    to[lane] = value;
                }
            }
        }
        self.pack_values(head.v);
    }

    #[inline(always)]
    fn pack_values(&mut self, v: Rows<'_>) {
        self.values.clear();
        self.values.resize(v.width().div_ceil(LANES) * v.len(), [0.0; LANES]);
        for (column, to) in self.values.chunks_exact_mut(v.len()).enumerate() {
            let from = column * LANES;
            let count = LANES.min(v.width() - from);
            for (key, to) in to.iter_mut().enumerate() {
                to[..count].copy_from_slice(&v.row(key)[from..][..count]);
            }
        }
    }
}
