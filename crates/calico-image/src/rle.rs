mod compressed;
mod run_builder;
mod sets;
mod spans;

pub(crate) use run_builder::RunBuilder;

use crate::{BoundingBox, ImageError, Mask, Size, column_runs::column_runs};
use run_builder::runs_within;

/// A mask in COCO's run-length code: the lengths of alternating background and foreground
/// runs, down the columns, beginning with background.
///
/// The runs always cover the size exactly, but for [`empty`](Rle::empty) masks of sizes that no
/// code can cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rle {
    size: Size,
    counts: Vec<u32>,
}

impl Rle {
    /// The most runs a code may have that is read or made from other codes.
    ///
    /// A code made from pixels in memory has at most one run more than it has pixels.
    pub const MAX_RUNS: usize = 10_000_000;

    /// The code without foreground.
    ///
    /// A size so large that its background alone needs more than [`MAX_RUNS`](Self::MAX_RUNS)
    /// runs, from 2·10¹⁶ pixels on, gets a code without runs.
    pub fn empty(size: Size) -> Self {
        let pixels = size.pixels();
        if runs_within(pixels) >= Self::MAX_RUNS as u64 {
            return Self { size, counts: Vec::new() };
        }
        let longest = u64::from(u32::MAX);
        let full = pixels.saturating_sub(1) / longest;
        let mut counts = [u32::MAX, 0].repeat(full as usize);
        counts.push((pixels - full * longest) as u32);
        Self { size, counts }
    }

    /// The code of a mask.
    pub fn from_mask(mask: &Mask) -> Self {
        let mut builder = RunBuilder::new();
        column_runs(mask.size(), mask.bits(), |bit, start, end| {
            if bit {
                builder.push(start, end);
            }
        });
        builder.finish(mask.size())
    }

    /// A code from its runs, which must cover `size` exactly.
    pub fn from_counts(size: Size, counts: Vec<u32>) -> Result<Self, ImageError> {
        if counts.len() > Self::MAX_RUNS {
            let found = counts.len() as u64;
            return Err(ImageError::TooManyRuns { found, most: Self::MAX_RUNS });
        }
        let found = counts.iter().map(|&count| u64::from(count)).sum();
        if found == size.pixels() {
            Ok(Self { size, counts })
        } else {
            Err(ImageError::RunLength { size, found })
        }
    }

    /// The mask, or an error if it does not fit into memory.
    pub fn to_mask(&self) -> Result<Mask, ImageError> {
        let size = self.size;
        let (height, width) = (size.height as usize, size.width as usize);
        let mut bits = Vec::new();
        match bits.try_reserve_exact(size.pixels() as usize) {
            Ok(()) => bits.resize(size.pixels() as usize, false),
            Err(_) => return Err(ImageError::OutOfMemory { size }),
        }
        for (start, end) in self.spans() {
            let (mut x, mut y) = (start as usize / height, start as usize % height);
            for _ in start..end {
                bits[y * width + x] = true;
                y += 1;
                if y == height {
                    (x, y) = (x + 1, 0);
                }
            }
        }
        Mask::new(size, bits)
    }

    /// Height and width of the mask.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The run lengths, in pixels: background, foreground, background and so on.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of foreground pixels.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|&count| u64::from(count)).sum()
    }

    /// Whether there is no foreground pixel.
    pub fn is_empty(&self) -> bool {
        self.spans().next().is_none()
    }

    /// The smallest rectangle around the foreground, or `None` if there is none; as that of the
    /// mask, without taking memory for its pixels.
    pub fn bounding_box(&self) -> Option<BoundingBox> {
        let height = u64::from(self.size.height);
        let (mut left, mut top, mut right, mut bottom) = (u64::MAX, u64::MAX, 0, 0);
        for (start, end) in self.spans() {
            let (first, last) = (start / height, (end - 1) / height);
            // A run that goes on in the next column meets the lower edge, and then the upper one.
            let (highest, lowest) =
                if first == last { (start % height, (end - 1) % height) } else { (0, height - 1) };
            (left, right) = (left.min(first), right.max(last));
            (top, bottom) = (top.min(highest), bottom.max(lowest));
        }
        (left <= right).then(|| BoundingBox {
            x: left as u32,
            y: top as u32,
            width: (right - left + 1) as u32,
            height: (bottom - top + 1) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_down_the_columns_and_begin_with_background() {
        let bits = vec![true, false, false, true, true, false];
        let rle = Rle::from_mask(&Mask::new(Size::new(2, 3), bits).unwrap());
        assert_eq!(rle.counts(), [0, 2, 1, 1, 2]);
        assert_eq!(rle.area(), 3);
    }

    #[test]
    fn counts_that_lie_about_the_size_are_refused() {
        let size = Size::new(4, 5);
        for counts in [vec![], vec![19], vec![21], vec![u32::MAX; 9], vec![10, 10, 1]] {
            let error = Rle::from_counts(size, counts).unwrap_err();
            assert!(matches!(error, ImageError::RunLength { .. }));
        }
        assert_eq!(Rle::from_counts(size, vec![0, 20]).unwrap().area(), 20);
    }

    #[test]
    fn a_mask_beyond_all_memory_is_refused() {
        let size = Size::new(u32::MAX, u32::MAX);
        let rle = Rle { size, counts: Vec::new() };
        assert!(matches!(rle.to_mask(), Err(ImageError::OutOfMemory { .. })));
    }
}
