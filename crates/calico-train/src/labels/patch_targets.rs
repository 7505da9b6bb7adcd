use calico_image::{Letterbox, Size};
use calico_model::CalicoConfig;
use candle_core::{Device, Result, Tensor};

use super::picture_labels::PictureLabels;
use crate::features::Tower;

/// Share of a patch that must be picture and have a known label, for the patch to teach anything.
const LEAST_SHARE: f64 = 1e-6;

/// For each patch of an encoder's grid, row by row: which share of it shows which class.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PatchTargets {
    /// The shares of a patch add up to 1; a patch of padding has none.
    patches: Vec<Vec<(u16, f64)>>,
}

/// How cells lie over the pixels of a side.
#[derive(Debug, Clone, Copy)]
struct Axis {
    pixels: usize,
    cells: usize,
    /// Pixels of the original picture in a cell.
    length: f64,
}

impl PatchTargets {
    /// The targets of an encoder: EVA-CLIP and DINOv2 see the picture squashed, SAM in its
    /// letterbox.
    pub(super) fn new(tower: Tower, config: &CalicoConfig, labels: &PictureLabels) -> Self {
        let Size { height, width } = labels.size;
        let sides = [height as usize, width as usize];
        let squashed = |grid: [usize; 2]| {
            [0, 1].map(|side| Axis {
                pixels: sides[side],
                cells: grid[side],
                length: sides[side] as f64 / grid[side] as f64,
            })
        };
        let axes = match tower {
            Tower::Eva => squashed([config.eva.grid(); 2]),
            Tower::Dino => squashed(config.dino.grid()),
            Tower::Sam => {
                let letterbox = Letterbox::new(labels.size, config.sam.image_size as u32);
                let resized = [letterbox.resized.height, letterbox.resized.width];
                let patch = config.sam.patch_size as f64;
                [0, 1].map(|side| Axis {
                    pixels: sides[side],
                    cells: config.sam.grid(),
                    length: patch * sides[side] as f64 / f64::from(resized[side]),
                })
            }
        };
        Self::over(labels, axes)
    }

    fn over(labels: &PictureLabels, [rows, columns]: [Axis; 2]) -> Self {
        let mut patches: Vec<Vec<(u16, f64)>> = vec![Vec::new(); rows.cells * columns.cells];
        for (x, pixels) in labels.classes.chunks_exact(rows.pixels.max(1)).enumerate() {
            let mut y = 0;
            for run in pixels.chunk_by(|a, b| a == b) {
                let (start, end) = (y, y + run.len());
                y = end;
                for (row, height) in rows.cells_of(start, end) {
                    for (column, width) in columns.cells_of(x, x + 1) {
                        if let Some(patch) = patches.get_mut(row * columns.cells + column) {
                            add(patch, run[0], height * width);
                        }
                    }
                }
            }
        }
        let least = LEAST_SHARE * rows.length * columns.length;
        for patch in &mut patches {
            patch.retain(|(class, _)| *class != PictureLabels::UNKNOWN);
            let area: f64 = patch.iter().map(|(_, area)| area).sum();
            if area < least {
                patch.clear();
            }
            for (_, share) in patch {
                *share /= area;
            }
        }
        Self { patches }
    }

    /// The shares as numbers.
    ///
    /// # Shapes
    /// - returns: `[P, classes]`; rows of patches that teach nothing are 0
    pub(super) fn to_tensor(&self, classes: usize, device: &Device) -> Result<Tensor> {
        let mut shares = vec![0f32; self.patches.len() * classes];
        for (patch, row) in self.patches.iter().zip(shares.chunks_exact_mut(classes.max(1))) {
            for &(class, share) in patch {
                if let Some(value) = row.get_mut(usize::from(class)) {
                    *value = share as f32;
                }
            }
        }
        Tensor::from_vec(shares, (self.patches.len(), classes), device)
    }

    /// For each patch the class with the largest share, the first of equals; `None` for one that
    /// teaches nothing.
    pub(super) fn largest(&self) -> impl Iterator<Item = Option<u16>> {
        self.patches.iter().map(|patch| {
            let best = patch.iter().reduce(|best, next| {
                let order = next.1.total_cmp(&best.1).then(best.0.cmp(&next.0));
                if order.is_gt() { next } else { best }
            });
            best.map(|(class, _)| *class)
        })
    }
}

impl Axis {
    /// The cells that the pixels from `start` to before `end` lie in, with the length that they
    /// have in each, in pixels.
    fn cells_of(self, start: usize, end: usize) -> impl Iterator<Item = (usize, f64)> {
        let (start, end) = (start as f64, end as f64);
        let first = (start / self.length).floor() as usize;
        let last = ((end / self.length).ceil() as usize).min(self.cells);
        (first..last).filter_map(move |cell| {
            let from = (cell as f64 * self.length).max(start);
            let to = ((cell + 1) as f64 * self.length).min(end);
            (to > from).then_some((cell, to - from))
        })
    }
}

fn add(patch: &mut Vec<(u16, f64)>, class: u16, area: f64) {
    match patch.iter_mut().find(|(known, _)| *known == class) {
        Some((_, sum)) => *sum += area,
        None => patch.push((class, area)),
    }
}

#[cfg(test)]
mod tests {
    use calico_model::Preset;

    use super::*;

    /// A picture from rows of digits, `?` for an unknown label.
    fn labels(rows: &[&str]) -> PictureLabels {
        let size = Size::new(rows.len() as u32, rows[0].len() as u32);
        let class = |byte: u8| match byte {
            b'?' => PictureLabels::UNKNOWN,
            digit => u16::from(digit - b'0'),
        };
        let columns = 0..rows[0].len();
        let column = |x| rows.iter().map(move |row| class(row.as_bytes()[x]));
        PictureLabels { size, classes: columns.flat_map(column).collect() }
    }

    fn axes(labels: &PictureLabels, [rows, columns]: [usize; 2]) -> [Axis; 2] {
        let axis = |pixels: u32, cells| {
            let pixels = pixels as usize;
            Axis { pixels, cells, length: pixels as f64 / cells as f64 }
        };
        [axis(labels.size.height, rows), axis(labels.size.width, columns)]
    }

    fn rows(labels: &PictureLabels, grid: [usize; 2], classes: usize) -> Vec<Vec<f32>> {
        let targets = PatchTargets::over(labels, axes(labels, grid));
        targets.to_tensor(classes, &Device::Cpu).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn a_patch_has_the_shares_of_its_pixels() {
        let picture = labels(&["0011", "0011", "2200", "2210"]);
        let expected = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.75, 0.25, 0.0]];
        assert_eq!(rows(&picture, [2, 2], 3), expected);
    }

    #[test]
    fn a_pixel_on_a_border_is_divided() {
        let picture = labels(&["012"]);
        let third = 1.0 / 3.0;
        let found = rows(&picture, [1, 2], 3).concat();
        let expected = [2.0 * third, third, 0.0, 0.0, third, 2.0 * third];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        // More cells than pixels: each repeats its pixel.
        let many = rows(&picture, [2, 6], 3);
        assert_eq!(many[..6], many[6..]);
        assert_eq!(many[0], [1.0, 0.0, 0.0]);
        assert_eq!(many[5], [0.0, 0.0, 1.0]);
    }

    #[test]
    fn unknown_labels_are_left_out_and_a_patch_of_them_teaches_nothing() {
        let picture = labels(&["?1??", "?0??"]);
        let targets = PatchTargets::over(&picture, axes(&picture, [1, 2]));
        assert_eq!(targets.largest().collect::<Vec<_>>(), [Some(0), None]);
        assert_eq!(rows(&picture, [1, 2], 2), [[0.5, 0.5], [0.0, 0.0]]);
    }

    #[test]
    fn padding_of_the_letterbox_teaches_nothing() {
        let config = Preset::Tiny.config().unwrap();
        let grid = config.sam.grid();
        assert_eq!(grid, 8);
        // Twice as wide as high: the lower half of the square is padding.
        let picture = labels(&["1111", "1111"]);
        let of = |tower| PatchTargets::new(tower, &config, &picture);
        let largest: Vec<_> = of(Tower::Sam).largest().collect();
        assert!(largest[..grid * grid / 2].iter().all(|class| *class == Some(1)));
        assert!(largest[grid * grid / 2..].iter().all(Option::is_none));
        for tower in [Tower::Eva, Tower::Dino] {
            assert!(of(tower).largest().all(|class| class == Some(1)), "{tower:?}");
        }
    }

    #[test]
    fn a_patch_that_the_padding_cuts_counts_with_what_it_shows() {
        let config = Preset::Tiny.config().unwrap();
        // 5 of 8 rows of pixels: 80 of 128 canvas rows, which is five rows of patches.
        let picture = labels(&["11111111", "11111111", "11111111", "11111111", "22222222"]);
        let largest: Vec<_> = PatchTargets::new(Tower::Sam, &config, &picture).largest().collect();
        let counts = [Some(1), Some(2), None].map(|c| largest.iter().filter(|l| **l == c).count());
        assert_eq!(counts, [32, 8, 24]);
        // 3 of 32 columns: 12 canvas pixels, three quarters of a patch.
        let thin = labels(&["121"; 32]);
        let targets = PatchTargets::new(Tower::Sam, &config, &thin);
        let shares = targets.to_tensor(3, &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        for row in shares.chunks(8) {
            assert!((row[0][1] - 2.0 / 3.0).abs() < 1e-6 && row[1..].concat() == [0.0; 21]);
        }
    }

    #[test]
    fn the_shares_of_a_patch_add_up_to_one_whatever_the_size_of_the_picture() {
        let config = Preset::Tiny.config().unwrap();
        for (height, width) in [(1, 1), (3, 200), (97, 31), (128, 128), (130, 7), (1, 129)] {
            let size = Size::new(height, width);
            let classes = (0..size.pixels()).map(|at| (at * at / 7 % 5) as u16).collect();
            let labels = PictureLabels { size, classes };
            for tower in Tower::of(&config) {
                let targets = PatchTargets::new(tower, &config, &labels);
                let shares = targets.to_tensor(5, &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
                let mut empty = 0;
                for row in &shares {
                    let sum: f32 = row.iter().sum();
                    empty += usize::from(sum.to_bits() == 0);
                    assert!(
                        sum.to_bits() == 0 || (sum - 1.0).abs() < 1e-5,
                        "{tower:?} {size} {sum}"
                    );
                }
                let grid = config.sam.grid();
                let canvas = Letterbox::new(size, config.sam.image_size as u32).resized;
                let seen = |side: u32| (side as usize).div_ceil(config.sam.patch_size);
                let expected = match tower {
                    Tower::Sam => grid * grid - seen(canvas.height) * seen(canvas.width),
                    Tower::Eva | Tower::Dino => 0,
                };
                assert_eq!(empty, expected, "{tower:?} {size}");
            }
        }
    }
}
