//! Shapes that editors draw, as masks.

use calico_image::{Rle, Size};

use crate::{Segmentation, SegmentationError};

/// The mask of a polygon with its corners `[x, y]` in pixels.
pub(crate) fn polygon(size: Size, corners: &[[f64; 2]]) -> Result<Rle, SegmentationError> {
    let numbers = corners.as_flattened().to_vec();
    Ok(Segmentation::Polygons(vec![numbers]).decode(size)?.mask)
}

/// The corners of a rectangle that is turned by so many degrees, clockwise on the screen,
/// around a point.
pub(crate) fn rectangle(
    [left, top, width, height]: [f64; 4],
    degrees: f64,
    [pivot_x, pivot_y]: [f64; 2],
) -> [[f64; 2]; 4] {
    let (right, bottom) = (left + width, top + height);
    let corners = [[left, top], [left, bottom], [right, bottom], [right, top]];
    if degrees == 0.0 {
        return corners;
    }
    let (sin, cos) = degrees.to_radians().sin_cos();
    corners.map(|[x, y]| {
        let (x, y) = (x - pivot_x, y - pivot_y);
        [pivot_x + x * cos - y * sin, pivot_y + x * sin + y * cos]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_rectangle_along_the_pixels_covers_them() {
        let size = Size::new(8, 9);
        let corners = rectangle([2.0, 1.0, 4.0, 3.0], 0.0, [0.0, 0.0]);
        assert_eq!(polygon(size, &corners).unwrap(), sample::mask(size, [2, 1, 4, 3]));
    }

    #[test]
    fn a_quarter_turn_is_clockwise_on_the_screen() {
        let size = Size::new(8, 9);
        // Around its upper left corner, what was right of it is then below.
        let corners = rectangle([5.0, 1.0, 4.0, 3.0], 90.0, [5.0, 1.0]);
        assert_eq!(polygon(size, &corners).unwrap(), sample::mask(size, [2, 1, 3, 4]));
    }

    #[test]
    fn less_than_three_corners_are_no_polygon() {
        let error = polygon(Size::new(8, 9), &[[0.0, 0.0], [5.0, 5.0]]).unwrap_err();
        assert_eq!(error, SegmentationError::PolygonsShort { dropped: 1 });
    }
}
