use std::{collections::BTreeMap, fmt};

use crate::{ImageError, Rle, Size, column_runs::column_runs, rle::RunBuilder};

/// A single-channel picture whose values are labels: grey levels or places in a palette, never
/// colours.
#[derive(Clone, PartialEq, Eq)]
pub struct LabelMap {
    size: Size,
    bit_depth: u8,
    values: Vec<u16>,
}

impl LabelMap {
    /// A map from its values, shape `[height, width]`, each below `2^bit_depth`.
    ///
    /// The depth is that of the file: 1, 2, 4, 8 or 16.
    pub fn new(size: Size, bit_depth: u8, values: Vec<u16>) -> Result<Self, ImageError> {
        if ![1, 2, 4, 8, 16].contains(&bit_depth) {
            return Err(ImageError::LabelDepth { found: bit_depth });
        }
        if values.len() as u64 != size.pixels() {
            return Err(ImageError::LabelLength { size, found: values.len() });
        }
        let largest = values.iter().copied().max().unwrap_or_default();
        if u32::from(largest) >> bit_depth > 0 {
            return Err(ImageError::LabelRange { found: largest, bit_depth });
        }
        Ok(Self { size, bit_depth, values })
    }

    /// Height and width.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Bits per value in the file.
    pub const fn bit_depth(&self) -> u8 {
        self.bit_depth
    }

    /// The values, shape `[height, width]`.
    pub fn values(&self) -> &[u16] {
        &self.values
    }

    /// The mask of each value that occurs, 0 included.
    pub fn masks(&self) -> BTreeMap<u16, Rle> {
        let largest = self.values.iter().copied().max().unwrap_or_default();
        let mut builders: Vec<Option<RunBuilder>> = Vec::new();
        builders.resize_with(usize::from(largest) + 1, || None);
        column_runs(self.size, &self.values, |value, start, end| {
            let builder = &mut builders[usize::from(value)];
            builder.get_or_insert_with(RunBuilder::new).push(start, end);
        });
        let present = (0..=largest).zip(builders);
        present.filter_map(|(value, builder)| Some((value, builder?.finish(self.size)))).collect()
    }
}

impl fmt::Debug for LabelMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LabelMap({}, {} bits)", self.size, self.bit_depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_that_occurs_has_a_mask() {
        let map = LabelMap::new(Size::new(2, 3), 16, vec![9, 0, 9, 9, 60_000, 0]).unwrap();
        let masks = map.masks();
        let runs: Vec<_> = masks.iter().map(|(&value, mask)| (value, mask.counts())).collect();
        assert_eq!(runs, [(0, &[2, 1, 2, 1][..]), (9, &[0, 2, 2, 1, 1]), (60_000, &[3, 1, 2])]);
    }

    #[test]
    fn a_map_without_pixels_has_no_masks() {
        assert!(LabelMap::new(Size::new(0, 3), 8, Vec::new()).unwrap().masks().is_empty());
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let size = Size::new(1, 2);
        let error = LabelMap::new(size, 4, vec![15, 16]).unwrap_err();
        assert!(matches!(error, ImageError::LabelRange { found: 16, bit_depth: 4 }), "{error}");
        let error = LabelMap::new(size, 3, vec![1, 1]).unwrap_err();
        assert!(matches!(error, ImageError::LabelDepth { found: 3 }), "{error}");
        let error = LabelMap::new(size, 8, vec![1]).unwrap_err();
        assert!(matches!(error, ImageError::LabelLength { found: 1, .. }), "{error}");
    }
}
