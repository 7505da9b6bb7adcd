//! Polygons and boxes to masks.

use calico_image::{Rle, Size};

use crate::{DecodedMask, SegmentationError};

/// The union of the polygons that have at least three whole corners.
pub(super) fn fill(list: &[Vec<f64>], size: Size) -> Result<DecodedMask, SegmentationError> {
    let is_sound = |polygon: &&Vec<f64>| polygon.len() >= 6 && polygon.len().is_multiple_of(2);
    let sound: Vec<Vec<f64>> = list.iter().filter(is_sound).cloned().collect();
    let dropped_polygons = list.len() - sound.len();
    if sound.is_empty() && dropped_polygons > 0 {
        return Err(SegmentationError::PolygonsShort { dropped: dropped_polygons });
    }
    let clipped = sound.iter().any(|polygon| leaves(polygon, size));
    let mask = Rle::from_polygons(size, &sound)?;
    Ok(DecodedMask { mask, dropped_polygons, clipped })
}

/// The union of boxes of left, top, width and height.
pub(super) fn fill_boxes(list: &[Vec<f64>], size: Size) -> Result<DecodedMask, SegmentationError> {
    let mut outlines = Vec::with_capacity(list.len());
    for (index, numbers) in list.iter().enumerate() {
        let &[left, top, width, height] = numbers.as_slice() else {
            return Err(SegmentationError::BoxLength { index, numbers: numbers.len() });
        };
        let (right, bottom) = (left + width, top + height);
        outlines.push(vec![left, top, left, bottom, right, bottom, right, top]);
    }
    fill(&outlines, size)
}

/// Whether a corner, `x` before `y`, lies outside of the image.
fn leaves(corners: &[f64], size: Size) -> bool {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let (corners, _) = corners.as_chunks();
    corners.iter().any(|[x, y]| !(0.0..=width).contains(x) || !(0.0..=height).contains(y))
}
