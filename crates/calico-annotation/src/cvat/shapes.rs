//! The shapes of CVAT, as masks.

use calico_image::{BoundingBox, Rle, Size};

use crate::segmentation::check_pixels;
use crate::shape;
use crate::window::Window;

/// The box of a mask and its runs row by row within the box, background first.
///
/// CVAT has no mask without a box, so one without a pixel gets the first pixel, as background.
pub(super) fn encode(mask: &Rle) -> (BoundingBox, String) {
    let nothing = BoundingBox { x: 0, y: 0, width: 1, height: 1 };
    let window = Window::around(mask).unwrap_or_else(|| Window::empty(nothing));
    let runs: Vec<_> = window.runs().iter().map(u64::to_string).collect();
    (window.corners, runs.join(", "))
}

/// The mask of runs within a box, in an image of `size`.
pub(super) fn mask(runs: &str, corners: BoundingBox, size: Size) -> Result<Rle, String> {
    check_pixels(size).map_err(|error| error.to_string())?;
    let BoundingBox { x, y, width, height } = corners;
    let is_within = |start: u32, length: u32, side: u32| {
        length > 0 && start.checked_add(length).is_some_and(|end| end <= side)
    };
    if !is_within(x, width, size.width) || !is_within(y, height, size.height) {
        return Err(format!("its box leaves the image of {size}"));
    }
    let mut window = Window::empty(corners);
    let expected = window.pixels();
    let mut at = 0;
    for (index, run) in runs.split(',').enumerate() {
        let run: Option<usize> = run.trim().parse().ok();
        let run = run.ok_or_else(|| format!("its run {index} is no number"))?;
        let end = run.checked_add(at).filter(|&end| end <= expected);
        let end = end.ok_or_else(|| format!("its runs leave its box of {expected} pixels"))?;
        if index % 2 == 1 {
            window.fill(at, end);
        }
        at = end;
    }
    if at != expected {
        return Err(format!("its runs have {at} pixels, expected the {expected} of its box"));
    }
    window.into_mask(size).map_err(|error| error.to_string())
}

/// The mask of a polygon `x,y;x,y;…`.
pub(super) fn polygon(points: &str, size: Size) -> Result<Rle, String> {
    let corner = |point: &str| {
        let (x, y) = point.split_once(',')?;
        Some([x.trim().parse().ok()?, y.trim().parse().ok()?])
    };
    let corners: Option<Vec<[f64; 2]>> = points.split(';').map(corner).collect();
    let corners = corners.ok_or("its points are no list of `x,y` with `;` between them")?;
    shape::polygon(size, &corners).map_err(|error| error.to_string())
}

/// The mask of a box of left, top, right and bottom, turned around its centre.
pub(super) fn rectangle(sides: [f64; 4], degrees: f64, size: Size) -> Result<Rle, String> {
    let [left, top, right, bottom] = sides;
    let centre = [f64::midpoint(left, right), f64::midpoint(top, bottom)];
    let corners = shape::rectangle([left, top, right - left, bottom - top], degrees, centre);
    shape::polygon(size, &corners).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    const SIZE: Size = Size::new(6, 8);

    #[test]
    fn runs_go_row_by_row_within_the_box() {
        let frame = Rle::from_counts(SIZE, vec![7, 3, 3, 1, 1, 1, 3, 3, 26]).unwrap();
        let (corners, runs) = encode(&frame);
        assert_eq!(corners, BoundingBox { x: 1, y: 1, width: 3, height: 3 });
        assert_eq!(runs, "0, 4, 1, 4");
        assert_eq!(mask(&runs, corners, SIZE).unwrap(), frame);
    }

    #[test]
    fn a_mask_without_a_pixel_comes_back_empty() {
        let (corners, runs) = encode(&Rle::empty(SIZE));
        assert_eq!(runs, "1");
        assert!(mask(&runs, corners, SIZE).unwrap().is_empty());
    }

    #[test]
    fn runs_and_boxes_that_lie_are_refused() {
        let corners = BoundingBox { x: 1, y: 1, width: 3, height: 3 };
        for (runs, part) in [
            ("0, 4, 1, 3", "have 8 pixels"),
            ("0, 4, 1, 5", "leave its box"),
            ("18446744073709551615, 4", "leave its box"),
            ("4, -1, 6", "run 1 is no number"),
            ("", "run 0 is no number"),
        ] {
            let error = mask(runs, corners, SIZE).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        for corners in [
            BoundingBox { x: 6, y: 1, width: 3, height: 3 },
            BoundingBox { x: 1, y: u32::MAX, width: 3, height: 3 },
            BoundingBox { x: 1, y: 1, width: 0, height: 3 },
        ] {
            assert!(mask("9", corners, SIZE).unwrap_err().contains("leaves the image"));
        }
        let huge = Size::new(u32::MAX, u32::MAX);
        let corners = BoundingBox { x: 0, y: 0, width: u32::MAX, height: u32::MAX };
        assert!(mask("1", corners, huge).unwrap_err().contains("limit"));
    }

    #[test]
    fn polygons_and_turned_boxes_become_masks() {
        let square = sample::mask(SIZE, [1, 1, 2, 2]);
        assert_eq!(polygon("1,1;3.0,1; 3,3;1,3", SIZE).unwrap(), square);
        assert_eq!(rectangle([1.0, 1.0, 3.0, 3.0], 0.0, SIZE).unwrap(), square);
        let upright = sample::mask(SIZE, [3, 1, 2, 4]);
        assert_eq!(rectangle([2.0, 2.0, 6.0, 4.0], 90.0, SIZE).unwrap(), upright);
        for points in ["", "1,1;3", "1,1;a,b;2,2", "1,1;2,2", "nan,1;2,2;3,3"] {
            assert!(polygon(points, SIZE).is_err(), "{points}");
        }
    }

    proptest! {
        #[test]
        fn a_mask_comes_back_from_its_runs(drawn in sample::masks()) {
            let (corners, runs) = encode(&drawn);
            prop_assert_eq!(mask(&runs, corners, drawn.size()).unwrap(), drawn);
        }
    }
}
