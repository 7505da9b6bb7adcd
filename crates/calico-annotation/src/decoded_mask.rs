use calico_image::Rle;

use crate::SegmentationError;

/// A mask read from a file, and what was set right on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedMask {
    /// The mask at the size of its image.
    pub mask: Rle,
    /// Polygons with less than 6 numbers or an odd count, which were left out.
    pub dropped_polygons: usize,
    /// Whether a corner of a polygon lies outside of the image; what is outside was cut off.
    pub clipped: bool,
}

impl DecodedMask {
    /// Refuses a mask without a pixel.
    pub(crate) fn unless_empty(self) -> Result<Self, SegmentationError> {
        if self.mask.area() == 0 { Err(SegmentationError::Empty) } else { Ok(self) }
    }
}

impl From<Rle> for DecodedMask {
    /// A mask that needed no repair.
    fn from(mask: Rle) -> Self {
        Self { mask, dropped_polygons: 0, clipped: false }
    }
}
