//! How the outputs of a product are shared between threads.

use std::ops::Range;

use crate::sizes::PANEL;

/// Tiles per thread, so that a thread that is late does not keep the others waiting for long.
const TILES_PER_THREAD: usize = 4;

/// What one thread computes at a time: some rows of some panels.
#[derive(Debug)]
pub(crate) struct Tile<'y> {
    /// The first of its rows.
    pub(crate) first_row: usize,
    /// Its panels of outputs.
    pub(crate) panels: Range<usize>,
    /// Its outputs, one slice per row.
    pub(crate) rows: Vec<&'y mut [f32]>,
}

/// Cuts `y`, rows of `outputs` values, into tiles of at most `tile_rows` rows.
///
/// Nothing of a result depends on where it is cut.
pub(crate) fn cut(y: &mut [f32], outputs: usize, tile_rows: usize) -> Vec<Tile<'_>> {
    let (outputs, tile_rows) = (outputs.max(1), tile_rows.max(1));
    let panels = outputs.div_ceil(PANEL);
    let bands = y.len().div_ceil(tile_rows * outputs).max(1);
    let wanted = (rayon::current_num_threads() * TILES_PER_THREAD).div_ceil(bands);
    let tile_panels = panels.div_ceil(wanted).max(1);
    let mut tiles = Vec::new();
    for (band, values) in y.chunks_mut(tile_rows * outputs).enumerate() {
        let from = tiles.len();
        tiles.extend((0..panels).step_by(tile_panels).map(|panel| Tile {
            first_row: band * tile_rows,
            panels: panel..panels.min(panel + tile_panels),
            rows: Vec::with_capacity(tile_rows),
        }));
        for row in values.chunks_mut(outputs) {
            for (tile, part) in tiles[from..].iter_mut().zip(row.chunks_mut(tile_panels * PANEL)) {
                tile.rows.push(part);
            }
        }
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_output_is_in_one_tile() {
        for (rows, outputs, tile_rows) in [(1, 1, 1), (1, 500, 64), (130, 33, 64), (7, 16, 2)] {
            let mut y = vec![0.0; rows * outputs];
            for tile in cut(&mut y, outputs, tile_rows) {
                for (r, part) in tile.rows.into_iter().enumerate() {
                    for (o, value) in part.iter_mut().enumerate() {
                        *value +=
                            ((tile.first_row + r) * outputs + tile.panels.start * PANEL + o + 1)
                                as f32;
                    }
                }
            }
            assert!(y.iter().enumerate().all(|(i, &value)| value as usize == i + 1));
        }
    }

    #[test]
    fn no_rows_make_no_tiles() {
        assert!(cut(&mut [], 5, 4).is_empty());
    }
}
