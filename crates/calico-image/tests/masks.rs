//! COCO's mask encodings against pycocotools; the goldens are written by
//! `tools/goldens/masks.py`.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fs, path::Path};

use calico_image::{BoundingBox, Rle, Size};
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/image/masks");
    let text = fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn size(case: &Value) -> Size {
    let [height, width] = [0, 1].map(|side| case["size"][side].as_u64().unwrap() as u32);
    Size::new(height, width)
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(read).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn coordinates(value: &Value) -> Vec<f64> {
    list(value, |number| number.as_f64().unwrap())
}

#[test]
fn codes_areas_boxes_and_pixels_equal_those_of_pycocotools() {
    let cases = cases("codes.json");
    assert!(cases.len() >= 2000);
    for case in &cases {
        let (size, code) = (size(case), case["code"].as_str().unwrap());
        let rle = Rle::from_compressed(size, code).unwrap();
        assert_eq!(rle.compressed(), code);
        assert_eq!(Rle::from_counts(size, rle.counts().to_vec()).unwrap(), rle);
        assert_eq!(rle.area(), case["area"].as_u64().unwrap());
        assert_eq!(rle.is_empty(), rle.area() == 0);
        let [x, y, width, height] = [0, 1, 2, 3].map(|at| case["box"][at].as_u64().unwrap() as u32);
        let expected = (width > 0).then_some(BoundingBox { x, y, width, height });
        assert_eq!(rle.bounding_box(), expected, "{case}");

        let mask = rle.to_mask().unwrap();
        assert_eq!(Rle::from_mask(&mask), rle);
        let places = (1_u64..).zip(mask.bits()).filter(|&(_, &bit)| bit).map(|(place, _)| place);
        let squares = places.fold(0_u64, |sum, place| sum.wrapping_add(place.wrapping_mul(place)));
        assert_eq!(squares.to_string(), case["squares"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn overlaps_and_merges_equal_those_of_pycocotools() {
    let cases = cases("sets.json");
    assert!(cases.len() >= 150);
    for case in &cases {
        let size = size(case);
        let masks: Vec<Rle> = texts(&case["codes"])
            .iter()
            .map(|code| Rle::from_compressed(size, code).unwrap())
            .collect();
        let expected = |name: &str| -> Vec<f64> {
            texts(&case[name]).iter().map(|ratio| ratio.parse().unwrap()).collect()
        };
        let ratios = |ratio: fn(&Rle, &Rle) -> f64| -> Vec<f64> {
            masks.iter().flat_map(|a| masks.iter().map(move |b| ratio(a, b))).collect()
        };
        assert_eq!(ratios(|a, b| a.iou(b).unwrap()), expected("iou"), "{case}");
        assert_eq!(ratios(|a, b| a.iou_with_crowd(b).unwrap()), expected("crowd"), "{case}");

        assert_eq!(Rle::union(size, &masks).unwrap().compressed(), case["union"]);
        let (first, others) = masks.split_first().unwrap();
        let common = others.iter().fold(first.clone(), |all, mask| all.intersection(mask).unwrap());
        assert_eq!(common.compressed(), case["intersection"]);
        for (index, pair) in masks.windows(2).enumerate() {
            let union = Rle::union(size, pair).unwrap();
            assert_eq!(union.compressed(), case["pairs"][index]);
            let common = pair[0].intersection(&pair[1]).unwrap();
            assert_eq!(common.compressed(), case["common"][index]);
            assert_eq!(pair[0].intersection_area(&pair[1]).unwrap(), common.area());
        }
    }
}

#[test]
fn polygons_fill_the_pixels_that_pycocotools_fills() {
    let cases = cases("polygons.json");
    assert!(cases.len() >= 2400);
    for case in &cases {
        let polygons = list(&case["polygons"], coordinates);
        let rle = Rle::from_polygons(size(case), &polygons).unwrap();
        assert_eq!(rle.compressed(), case["code"], "{case}");
    }
}

#[test]
fn boxes_fill_the_pixels_that_pycocotools_fills() {
    let cases = cases("boxes.json");
    assert!(cases.len() >= 600);
    for case in &cases {
        let corners = list(&case["boxes"], |corners| coordinates(corners).try_into().unwrap());
        let size = size(case);
        let boxes: Vec<Rle> =
            corners.into_iter().map(|corners| Rle::from_box(size, corners).unwrap()).collect();
        assert_eq!(Rle::union(size, &boxes).unwrap().compressed(), case["code"], "{case}");
    }
}
