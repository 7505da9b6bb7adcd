//! What a file may ask for at most. Every limit is checked before memory is taken.

use calico_image::Rle;

/// Pixels of a mask or an image.
pub const MAX_PIXELS: u64 = 100_000_000;

/// Runs of one mask.
pub const MAX_RUNS: usize = Rle::MAX_RUNS;

/// Numbers of all polygons of one mask, two per corner.
pub const MAX_POLYGON_NUMBERS: usize = Rle::MAX_POLYGON_NUMBERS;

/// Polygons of one mask.
pub const MAX_POLYGONS: usize = 100_000;

/// Bytes of one compressed mask.
pub const MAX_COMPRESSED_BYTES: usize = 64 << 20;
