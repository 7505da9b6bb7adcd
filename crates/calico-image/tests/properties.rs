//! What holds for all masks, codes and pictures.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use calico_image::{
    DecodeOptions, Filter, Frame, Letterbox, Mask, Polygon, Rle, Size, decode, outlines, resize,
};
use proptest::{collection::vec, prelude::*};

fn masks() -> impl Strategy<Value = Mask> {
    let sizes = (0..24_u32, 0..24_u32).prop_map(|(height, width)| Size::new(height, width));
    (sizes, 0.0..=1.0).prop_flat_map(|(size, density)| {
        let bits = vec(proptest::bool::weighted(density), size.pixels() as usize);
        bits.prop_map(move |bits| Mask::new(size, bits).unwrap())
    })
}

fn frames() -> impl Strategy<Value = Frame> {
    (1..20_u32, 1..20_u32).prop_flat_map(|(height, width)| {
        let size = Size::new(height, width);
        let pixels = vec(any::<u8>(), size.pixels() as usize * 3);
        pixels.prop_map(move |pixels| Frame::new(size, pixels).unwrap())
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    prop_oneof![Just(Filter::Bilinear), Just(Filter::Bicubic)]
}

/// The corners of a line and the ones after them.
fn edges(line: &[(u32, u32)]) -> impl Iterator<Item = ((u32, u32), (u32, u32))> {
    line.iter().copied().zip(line.iter().copied().cycle().skip(1))
}

fn lines(polygon: &Polygon) -> impl Iterator<Item = &Vec<(u32, u32)>> {
    std::iter::once(&polygon.exterior).chain(&polygon.holes)
}

/// Twice the area within a line, positive if it runs clockwise on the screen.
fn doubled_area(line: &[(u32, u32)]) -> i64 {
    let cross = |((x0, y0), (x1, y1)): ((u32, u32), (u32, u32))| {
        i64::from(x0) * i64::from(y1) - i64::from(x1) * i64::from(y0)
    };
    edges(line).map(cross).sum()
}

/// Fills lines by the even-odd rule: each upright edge flips all pixels to its right.
fn fill<'a>(size: Size, lines: impl Iterator<Item = &'a Vec<(u32, u32)>>) -> Mask {
    let mut bits = vec![false; size.pixels() as usize];
    for ((x0, y0), (x1, y1)) in lines.flat_map(|line| edges(line)) {
        if x0 == x1 {
            for y in y0.min(y1)..y0.max(y1) {
                let row = (y * size.width) as usize;
                for bit in &mut bits[row + x0 as usize..row + size.width as usize] {
                    *bit = !*bit;
                }
            }
        }
    }
    Mask::new(size, bits).unwrap()
}

proptest! {
    #[test]
    fn a_run_length_code_gives_the_mask_back(mask in masks()) {
        let rle = Rle::from_mask(&mask);
        prop_assert_eq!(rle.bounding_box(), mask.bounding_box());
        prop_assert_eq!(rle.area(), mask.area());
        prop_assert_eq!(&rle.to_mask().unwrap(), &mask);
        prop_assert_eq!(Rle::from_compressed(mask.size(), &rle.compressed()).unwrap(), rle);
    }

    #[test]
    fn any_valid_runs_survive_compression(counts in vec(0..5000_u32, 1..40)) {
        let size = Size::new(1, counts.iter().sum());
        let rle = Rle::from_counts(size, counts).unwrap();
        prop_assert_eq!(Rle::from_compressed(size, &rle.compressed()).unwrap(), rle);
    }

    #[test]
    fn any_text_is_a_code_or_an_error(text in "[ -~]{0,40}", digits in "[0-o]{0,40}") {
        for text in [text, digits] {
            if let Ok(rle) = Rle::from_compressed(Size::new(11, 7), &text) {
                prop_assert_eq!(rle.to_mask().unwrap().area(), rle.area());
            }
        }
    }

    #[test]
    fn any_counts_are_a_code_or_an_error(counts in vec(any::<u32>(), 0..9)) {
        prop_assert_eq!(
            Rle::from_counts(Size::new(3, 5), counts.clone()).is_ok(),
            counts.iter().copied().map(u64::from).sum::<u64>() == 15,
        );
    }

    #[test]
    fn filled_outlines_give_the_mask_back(mask in masks()) {
        let polygons = outlines(&mask);
        prop_assert_eq!(fill(mask.size(), polygons.iter().flat_map(lines)), mask);
    }

    #[test]
    fn each_polygon_is_one_piece_with_its_own_holes(mask in masks()) {
        let mut area = 0;
        for polygon in outlines(&mask) {
            let piece = fill(mask.size(), lines(&polygon));
            prop_assert_eq!(outlines(&piece), [polygon.clone()]);
            prop_assert!(doubled_area(&polygon.exterior) > 0);
            prop_assert!(polygon.holes.iter().all(|hole| doubled_area(hole) < 0));
            area += piece.area();
        }
        prop_assert_eq!(area, mask.area());
    }

    #[test]
    fn no_three_corners_are_on_a_line(mask in masks()) {
        for polygon in outlines(&mask) {
            for line in lines(&polygon) {
                let upright: Vec<bool> = edges(line).map(|(from, to)| from.0 == to.0).collect();
                prop_assert!(upright.len() >= 4 && upright.len().is_multiple_of(2));
                prop_assert!(upright.windows(2).all(|pair| pair[0] != pair[1]));
                prop_assert!(edges(line).all(|(from, to)| (from.0 == to.0) != (from.1 == to.1)));
            }
        }
    }

    #[test]
    fn the_centroid_is_within_the_bounding_box(mask in masks()) {
        prop_assert_eq!(mask.bounding_box().is_some(), mask.area() > 0);
        if let (Some(bounds), Some((x, y))) = (mask.bounding_box(), mask.centroid()) {
            let within = |at: f64, from: u32, length: u32| {
                at > f64::from(from) && at < f64::from(from + length)
            };
            prop_assert!(within(x, bounds.x, bounds.width) && within(y, bounds.y, bounds.height));
        }
    }

    #[test]
    fn a_mask_meets_itself_in_its_area(mask in masks()) {
        prop_assert_eq!(mask.intersection(&mask), mask.area());
        prop_assert_eq!(mask.intersection(&Mask::filled(mask.size())), mask.area());
    }

    #[test]
    fn bilinear_resizing_stays_within_the_range(
        frame in frames(), height in 1..40_u32, width in 1..40_u32,
    ) {
        let resized = resize(&frame, Size::new(height, width), Filter::Bilinear).unwrap();
        let (low, high) = (frame.pixels().iter().min(), frame.pixels().iter().max());
        prop_assert!(resized.pixels().iter().min() >= low && resized.pixels().iter().max() <= high);
    }

    #[test]
    fn resizing_to_the_same_size_changes_nothing(frame in frames(), filter in filters()) {
        prop_assert_eq!(&resize(&frame, frame.size(), filter).unwrap(), &frame);
    }

    #[test]
    fn a_letterbox_fits_and_points_come_back(
        height in 1..5000_u32, width in 1..5000_u32, x in 0.0..5000.0, y in 0.0..5000.0,
    ) {
        let letterbox = Letterbox::new(Size::new(height, width), 1024);
        let Size { height, width } = letterbox.resized;
        prop_assert!(height.max(width) == 1024 && height.min(width) >= 1);
        let (back_x, back_y) = letterbox.original_from_sam(letterbox.sam_from_original((x, y)));
        prop_assert!((back_x - x).abs() < 1e-6 && (back_y - y).abs() < 1e-6);
    }

    #[test]
    fn any_bytes_are_a_picture_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, &DecodeOptions::default());
    }
}
