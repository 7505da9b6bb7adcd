use std::fmt;

use crate::{BoundingBox, ImageError, Size};

/// A binary picture, one `bool` per pixel, row-major; `true` is foreground.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    bits: Vec<bool>,
}

impl Mask {
    /// A mask from its bits, shape `[height, width]`.
    pub fn new(size: Size, bits: Vec<bool>) -> Result<Self, ImageError> {
        if bits.len() as u64 == size.pixels() {
            Ok(Self { size, bits })
        } else {
            Err(ImageError::MaskLength { size, found: bits.len() })
        }
    }

    /// A mask that is foreground everywhere.
    pub fn filled(size: Size) -> Self {
        Self { size, bits: vec![true; size.pixels() as usize] }
    }

    /// A mask that is background everywhere.
    pub fn empty(size: Size) -> Self {
        Self { size, bits: vec![false; size.pixels() as usize] }
    }

    /// Height and width.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Whether the pixel in row `y` and column `x` is foreground; all pixels outside are
    /// background.
    pub fn get(&self, y: u32, x: u32) -> bool {
        let inside = y < self.size.height && x < self.size.width;
        inside && self.bits[y as usize * self.size.width as usize + x as usize]
    }

    /// The bits, shape `[height, width]`.
    pub fn bits(&self) -> &[bool] {
        &self.bits
    }

    /// Number of foreground pixels.
    pub fn area(&self) -> u64 {
        self.bits.iter().map(|&bit| u64::from(bit)).sum()
    }

    /// The smallest rectangle around the foreground, or `None` if there is none.
    pub fn bounding_box(&self) -> Option<BoundingBox> {
        let mut rows = self.rows().enumerate().filter(|(_, row)| row.contains(&true));
        let (top, first) = rows.next()?;
        let (mut bottom, mut left, mut right) = (top, first.len(), 0);
        for (y, row) in std::iter::once((top, first)).chain(rows) {
            bottom = y;
            left = left.min(row.iter().position(|&bit| bit)?);
            right = right.max(row.iter().rposition(|&bit| bit)?);
        }
        Some(BoundingBox {
            x: left as u32,
            y: top as u32,
            width: (right - left + 1) as u32,
            height: (bottom - top + 1) as u32,
        })
    }

    /// The mean `(x, y)` of the foreground's pixel centres, or `None` if there is none.
    ///
    /// A pixel's centre lies half a pixel inside of its corner, so a mask of the top left pixel
    /// alone has its centroid at `(0.5, 0.5)`, in the coordinates of [`outlines`](crate::outlines).
    pub fn centroid(&self) -> Option<(f64, f64)> {
        let (mut area, mut sum_x, mut sum_y) = (0_u64, 0_u128, 0_u128);
        for (y, row) in self.rows().enumerate() {
            for (x, _) in row.iter().enumerate().filter(|&(_, &bit)| bit) {
                area += 1;
                sum_x += x as u128;
                sum_y += y as u128;
            }
        }
        let mean = |sum: u128| sum as f64 / area as f64 + 0.5;
        (area > 0).then(|| (mean(sum_x), mean(sum_y)))
    }

    /// Number of pixels that are foreground in both masks.
    ///
    /// Pixels outside of a mask are background, so masks of different sizes meet where both
    /// have pixels.
    pub fn intersection(&self, other: &Self) -> u64 {
        let both = |(a, b): (&[bool], &[bool])| {
            a.iter().zip(b).map(|(&a, &b)| u64::from(a & b)).sum::<u64>()
        };
        self.rows().zip(other.rows()).map(both).sum()
    }

    /// The rows from top to bottom; none if the mask has no columns.
    fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.bits.chunks_exact((self.size.width as usize).max(1))
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Mask({})", self.size)?;
        // Small masks are drawn, which is what a failed test wants to show.
        for row in self.rows().filter(|row| row.len() <= 64).take(64) {
            let line: String = row.iter().map(|&bit| if bit { '#' } else { '.' }).collect();
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let size = Size::new(rows.len() as u32, rows[0].len() as u32);
        let bits = rows.iter().flat_map(|row| row.bytes().map(|byte| byte == b'#')).collect();
        Mask::new(size, bits).unwrap()
    }

    #[test]
    fn the_measures_of_a_small_mask_are_right() {
        let mask = mask(&[".....", "..##.", "...#."]);
        assert_eq!(mask.area(), 3);
        assert_eq!(mask.bounding_box(), Some(BoundingBox { x: 2, y: 1, width: 2, height: 2 }));
        let (x, y) = mask.centroid().unwrap();
        assert!((x - 19.0 / 6.0).abs() < 1e-12 && (y - 11.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn an_empty_mask_has_no_box_and_no_centroid() {
        for size in [Size::new(3, 4), Size::new(0, 4), Size::new(3, 0)] {
            let mask = Mask::empty(size);
            assert_eq!(mask.area(), 0);
            assert_eq!(mask.bounding_box(), None);
            assert_eq!(mask.centroid(), None);
        }
    }

    #[test]
    fn pixels_outside_are_background() {
        let mask = Mask::filled(Size::new(2, 2));
        assert!(mask.get(1, 1));
        assert!(!mask.get(2, 0) && !mask.get(0, 2) && !mask.get(u32::MAX, u32::MAX));
    }

    #[test]
    fn masks_of_different_sizes_meet_where_both_have_pixels() {
        let wide = Mask::filled(Size::new(2, 5));
        let tall = Mask::filled(Size::new(5, 3));
        assert_eq!(wide.intersection(&tall), 6);
        assert_eq!(wide.intersection(&Mask::empty(Size::new(2, 5))), 0);
    }

    #[test]
    fn bits_that_do_not_fill_the_size_are_refused() {
        let error = Mask::new(Size::new(2, 2), vec![true; 3]).unwrap_err();
        assert!(matches!(error, ImageError::MaskLength { found: 3, .. }));
    }
}
