//! What holds for all masks, codes and pictures.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use calico_image::{
    DecodeOptions, Filter, Frame, LabelMap, Letterbox, Mask, Polygon, Rle, Size, decode, outlines,
    resize,
};
use proptest::{collection::vec, prelude::*};

fn masks() -> impl Strategy<Value = Mask> {
    let sizes = (0..24_u32, 0..24_u32).prop_map(|(height, width)| Size::new(height, width));
    (sizes, 0.0..=1.0).prop_flat_map(|(size, density)| {
        let bits = vec(proptest::bool::weighted(density), size.pixels() as usize);
        bits.prop_map(move |bits| Mask::new(size, bits).unwrap())
    })
}

/// Masks of one size.
fn equal_masks(count: usize) -> impl Strategy<Value = Vec<Mask>> {
    let sizes = (0..12_u32, 0..40_u32).prop_map(|(height, width)| Size::new(height, width));
    (sizes, vec(0.0..=1.0, count)).prop_flat_map(|(size, densities)| {
        let mask = move |density| {
            let bits = vec(proptest::bool::weighted(density), size.pixels() as usize);
            bits.prop_map(move |bits| Mask::new(size, bits).unwrap())
        };
        densities.into_iter().map(mask).collect::<Vec<_>>()
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

    #[test]
    fn sets_of_runs_are_sets_of_pixels(masks in equal_masks(3)) {
        let size = masks[0].size();
        let rles: Vec<Rle> = masks.iter().map(Rle::from_mask).collect();
        let each = |keep: fn(&[bool]) -> bool, count: usize| {
            let at = |at: usize| masks[..count].iter().map(|mask| mask.bits()[at]).collect();
            let bits = (0..size.pixels() as usize).map(|place| {
                let bits: Vec<bool> = at(place);
                keep(&bits)
            });
            Rle::from_mask(&Mask::new(size, bits.collect()).unwrap())
        };
        let [a, b] = [&rles[0], &rles[1]];
        for count in 1..=3 {
            let any = each(|bits| bits.contains(&true), count);
            prop_assert_eq!(Rle::union(size, &rles[..count]).unwrap(), any);
        }
        prop_assert_eq!(a.intersection(b).unwrap(), each(|bits| bits[0] && bits[1], 2));
        prop_assert_eq!(a.difference(b).unwrap(), each(|bits| bits[0] && !bits[1], 2));
        prop_assert_eq!(a.intersection_area(b).unwrap(), masks[0].intersection(&masks[1]));
        prop_assert_eq!(a.is_empty(), masks[0].area() == 0);
        prop_assert_eq!(Rle::empty(size), Rle::from_mask(&Mask::empty(size)));
    }

    #[test]
    fn areas_of_unions_and_differences_add_up(masks in equal_masks(2)) {
        let [a, b] = [&masks[0], &masks[1]].map(Rle::from_mask);
        let (area, common) = (|rle: &Rle| rle.area(), a.intersection_area(&b).unwrap());
        let union = Rle::union(a.size(), [&a, &b]).unwrap();
        prop_assert_eq!(area(&union), area(&a) + area(&b) - common);
        prop_assert_eq!(area(&a.difference(&b).unwrap()), area(&a) - common);
        prop_assert_eq!(a.iou(&b).unwrap().to_bits(), b.iou(&a).unwrap().to_bits());
        let ratio = if common == 0 { 0.0 } else { common as f64 / area(&union) as f64 };
        prop_assert_eq!(a.iou(&b).unwrap().to_bits(), ratio.to_bits());
        let inside = if common == 0 { 0.0 } else { common as f64 / area(&a) as f64 };
        prop_assert_eq!(a.iou_with_crowd(&b).unwrap().to_bits(), inside.to_bits());
    }

    #[test]
    fn codes_with_empty_runs_are_the_same_sets(pairs in vec((0..3_u32, 0..3_u32), 1..30)) {
        let counts: Vec<u32> = pairs.iter().flat_map(|&(back, fore)| [back, fore]).collect();
        let size = Size::new(1, counts.iter().sum());
        let rle = Rle::from_counts(size, counts).unwrap();
        let plain = Rle::from_mask(&rle.to_mask().unwrap());
        let all = Rle::from_mask(&Mask::filled(size));
        prop_assert_eq!(rle.area(), plain.area());
        prop_assert_eq!(rle.is_empty(), plain.is_empty());
        prop_assert_eq!(rle.bounding_box(), plain.bounding_box());
        prop_assert_eq!(rle.intersection(&all).unwrap(), plain.clone());
        prop_assert_eq!(Rle::union(size, [&rle, &plain]).unwrap(), plain.clone());
        prop_assert_eq!(all.difference(&rle).unwrap(), all.difference(&plain).unwrap());
        prop_assert_eq!(rle.intersection_area(&plain).unwrap(), plain.area());
    }

    #[test]
    fn masks_of_different_sizes_are_never_combined(a in masks(), b in masks()) {
        prop_assume!(a.size() != b.size());
        let size = a.size();
        let [a, b] = [a, b].map(|mask| Rle::from_mask(&mask));
        prop_assert!(Rle::union(size, [&b]).is_err() && Rle::union(size, [&a, &b]).is_err());
        prop_assert!(a.intersection(&b).is_err() && a.difference(&b).is_err());
        prop_assert!(a.intersection_area(&b).is_err() && a.iou(&b).is_err());
        prop_assert!(a.iou_with_crowd(&b).is_err());
    }

    #[test]
    fn the_masks_of_a_label_map_part_its_pixels(
        size in (1..12_u32, 1..70_u32), seed in vec(0..4_u16, 840),
    ) {
        let size = Size::new(size.0, size.1);
        let values: Vec<u16> = seed[..size.pixels() as usize].iter().map(|value| value * 21_845).collect();
        let map = LabelMap::new(size, 16, values.clone()).unwrap();
        let masks = map.masks();
        prop_assert_eq!(masks.values().map(Rle::area).sum::<u64>(), size.pixels());
        for (value, rle) in &masks {
            let bits = values.iter().map(|found| found == value).collect();
            prop_assert_eq!(rle, &Rle::from_mask(&Mask::new(size, bits).unwrap()));
        }
    }

    #[test]
    fn outlines_between_pixels_are_filled_with_their_pixels(mask in masks()) {
        for polygon in outlines(&mask) {
            let numbers = |line: &Vec<(u32, u32)>| {
                line.iter().flat_map(|&(x, y)| [f64::from(x), f64::from(y)]).collect::<Vec<f64>>()
            };
            let exterior = Rle::from_polygons(mask.size(), &[numbers(&polygon.exterior)]).unwrap();
            let filled = fill(mask.size(), std::iter::once(&polygon.exterior));
            prop_assert_eq!(exterior, Rle::from_mask(&filled));
        }
    }

    #[test]
    fn any_polygon_is_a_mask_or_an_error(
        height in any::<u32>(), width in any::<u32>(), wild in vec(any::<f64>(), 0..12),
        tame in vec(-1e9..1e9_f64, 6),
    ) {
        let size = Size::new(height, width);
        for polygons in [vec![tame.clone(), wild.clone()], vec![wild], vec![tame]] {
            if let Ok(rle) = Rle::from_polygons(size, &polygons) {
                let covered: u64 = rle.counts().iter().map(|&count| u64::from(count)).sum();
                prop_assert!(covered == size.pixels() || rle.counts().is_empty());
            }
        }
    }
}
