//! The three encodings of a mask: what is read, what is refused, and what comes back.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use calico_annotation::limits::{MAX_COMPRESSED_BYTES, MAX_POLYGON_NUMBERS, MAX_RUNS};
use calico_annotation::{Segmentation, SegmentationError};
use calico_image::{Mask, Rle, Size};
use proptest::prelude::*;
use serde::Deserialize;

const SIZE: Size = Size::new(10, 12);

fn parse(json: &str) -> Segmentation {
    serde_json::from_str(json).unwrap()
}

fn fault(json: &str) -> SegmentationError {
    parse(json).decode(SIZE).unwrap_err()
}

#[test]
fn all_three_encodings_give_one_mask() {
    // pycocotools' masks of the same polygons.
    let compressed = parse(r#"{"size": [10, 12], "counts": "e0191O1O1O1O1V1"}"#);
    let polygon = parse("[[1, 1, 8, 1, 8, 8]]");
    let expected = compressed.decode(SIZE).unwrap();
    assert_eq!(polygon.decode(SIZE).unwrap(), expected);
    let counts = serde_json::to_string(expected.mask.counts()).unwrap();
    let runs = parse(&format!(r#"{{"counts": {counts}, "size": [10, 12]}}"#));
    assert_eq!(runs.decode(SIZE).unwrap(), expected);
}

#[test]
fn short_and_odd_polygons_are_dropped_and_counted() {
    let decoded = parse("[[1, 1, 8, 1], [1, 1, 8, 1, 8, 8], [], [1, 2, 3, 4, 5, 6, 7]]");
    let decoded = decoded.decode(SIZE).unwrap();
    assert_eq!(decoded.dropped_polygons, 3);
    assert_eq!(decoded.mask, parse("[[1, 1, 8, 1, 8, 8]]").decode(SIZE).unwrap().mask);
    assert_eq!(fault("[[1, 1, 8, 1], [2]]"), SegmentationError::PolygonsShort { dropped: 2 });
}

#[test]
fn what_lies_outside_of_the_image_is_cut_off_and_told() {
    let decoded = parse("[[-5, -5, 50, -5, 50, 50]]").decode(SIZE).unwrap();
    assert!(decoded.clipped);
    assert!(!parse("[[0, 0, 12, 0, 12, 10]]").decode(SIZE).unwrap().clipped);
    assert_eq!(fault("[[20, 20, 30, 20, 30, 30]]"), SegmentationError::Empty);
    assert!(matches!(fault("[[1, 1, 8, 1, 1e300, 8]]"), SegmentationError::Coordinate { .. }));
}

#[test]
fn the_first_polygon_decides_whether_pycocotools_reads_boxes() {
    let boxes = parse("[[1, 1, 3, 3], [4.5, 2, 20, 2]]");
    let decoded = boxes.decode_as_pycocotools(SIZE).unwrap();
    assert!(decoded.clipped);
    assert_eq!(decoded.mask.compressed(), ";37000;OF00000000000N");
    assert_eq!(boxes.decode(SIZE).unwrap_err(), SegmentationError::PolygonsShort { dropped: 2 });

    let mixed = parse("[[1, 1, 3, 3], [1, 1, 8, 1, 8, 8]]");
    let error = mixed.decode_as_pycocotools(SIZE).unwrap_err();
    assert_eq!(error, SegmentationError::BoxLength { index: 1, numbers: 6 });
    let polygons = parse("[[1, 1, 8, 1, 8, 8], [1, 1, 3, 3]]");
    assert_eq!(polygons.decode_as_pycocotools(SIZE), polygons.decode(SIZE));
}

#[test]
fn every_fault_has_its_own_error() {
    let run = |index, found: &str| SegmentationError::RunNumber { index, found: found.to_owned() };
    assert_eq!(fault("[]"), SegmentationError::Empty);
    assert_eq!(fault(r#"{"size": [10, 12], "counts": [120]}"#), SegmentationError::Empty);
    assert_eq!(
        fault(r#"{"size": [10, 12], "counts": [1, 2]}"#),
        SegmentationError::RunTotal { size: SIZE, found: 3 }
    );
    assert_eq!(
        fault(r#"{"size": [12, 10], "counts": [60, 60]}"#),
        SegmentationError::SizeMismatch { found: Size::new(12, 10), expected: SIZE }
    );
    for text in ["0é", "0\u{1}", "~", "P", "0O", ""] {
        let json = serde_json::json!({"size": [10, 12], "counts": text}).to_string();
        let error = fault(&json);
        let expected = if text.is_empty() {
            matches!(error, SegmentationError::RunTotal { found: 0, .. })
        } else {
            matches!(error, SegmentationError::RunString { .. })
        };
        assert!(expected, "{text:?} gave {error}");
    }
    assert_eq!(fault(r#"{"size": [10, 12], "counts": [0, 60.5]}"#), run(1, "60.5"));
    assert_eq!(fault(r#"{"size": [10, 12], "counts": [-1]}"#), run(0, "-1"));
    assert_eq!(fault(r#"{"size": [10, 12], "counts": [4294967296]}"#), run(0, "4294967296"));
    assert_eq!(fault(r#"{"size": [10, 12], "counts": [1e30]}"#), run(0, "1e30"));
}

#[test]
fn what_is_no_mask_is_kept_as_a_fault_and_does_not_end_the_file() {
    for value in [
        "null",
        "true",
        "7",
        r#""text""#,
        "{}",
        r#"{"size": [10, 12]}"#,
        r#"{"counts": "0"}"#,
        r#"{"size": [10], "counts": "0"}"#,
        r#"{"size": [-1, 12], "counts": "0"}"#,
        r#"{"size": [10.5, 12], "counts": "0"}"#,
        r#"{"size": "10", "counts": "0"}"#,
        r#"{"size": [10, 12], "counts": {"a": [1]}}"#,
        r#"{"size": [10, 12], "counts": ["1"]}"#,
        "[1, 2, 3, 4, 5, 6]",
        r#"[[1, 2, 3, 4, 5, "6"]]"#,
        "[[1, 2, 3, 4, 5, [6]]]",
        r#"[{"size": [10, 12], "counts": "0"}]"#,
    ] {
        let (read, after): (Segmentation, u8) =
            serde_json::from_str(&format!("[{value}, 5]")).unwrap();
        let error = read.decode(SIZE).unwrap_err();
        assert!(matches!(error, SegmentationError::Form { .. }), "{value} gave {error}");
        assert_eq!(after, 5);
        assert!(serde_json::to_string(&read).is_err());
    }
}

#[test]
fn a_third_side_is_beyond_the_limit_of_two() {
    let error = fault(r#"{"size": [10, 12, 3], "counts": "0"}"#);
    assert!(matches!(error, SegmentationError::Limit { max: 2, .. }), "{error}");
}

#[test]
fn more_than_the_limits_is_refused_and_the_file_goes_on() {
    let reads_on = |value: String| {
        let json = format!("[{value}, 5]");
        let (read, after): (Segmentation, u8) = serde_json::from_str(&json).unwrap();
        assert_eq!(after, 5);
        read.decode(SIZE).unwrap_err()
    };
    let runs = "0,".repeat(MAX_RUNS);
    let polygon = "1,".repeat(MAX_POLYGON_NUMBERS);
    let text = "0".repeat(MAX_COMPRESSED_BYTES);
    for value in [
        format!(r#"{{"size": [10, 12], "counts": [{runs}0]}}"#),
        format!("[[{polygon}1]]"),
        format!(r#"{{"size": [10, 12], "counts": "{text}0"}}"#),
        format!(r#"{{"size": [10, 12], "counts": "{}"}}"#, "0".repeat(MAX_RUNS + 1)),
        format!("[{}[]]", "[],".repeat(100_000)),
    ] {
        let error = reads_on(value);
        assert!(matches!(error, SegmentationError::Limit { .. }), "{error}");
    }
}

#[test]
fn a_size_beyond_all_memory_is_refused_before_anything_is_taken() {
    let huge = Size::new(1_000_000_000, 1_000_000_000);
    for json in [r#"{"size": [1000000000, 1000000000], "counts": "0"}"#, "[[0, 0, 1, 0, 1, 1]]"] {
        let error = parse(json).decode(huge).unwrap_err();
        assert!(matches!(error, SegmentationError::Limit { .. }), "{error}");
    }
}

#[test]
fn a_million_nested_lists_are_read_over() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    assert!(matches!(fault(&deep), SegmentationError::Form { .. }));
    let inside = format!(r#"{{"size": [10, 12], "counts": {deep}}}"#);
    assert!(matches!(fault(&inside), SegmentationError::Form { .. }));
    let cut = "[".repeat(1_000_000);
    assert!(serde_json::from_str::<Segmentation>(&cut).is_err());
}

#[test]
fn unknown_keys_are_read_over_and_the_last_of_equal_keys_counts() {
    let json =
        r#"{"x": {"y": [1]}, "size": 3, "counts": [1], "size": [10, 12], "counts": [0, 120]}"#;
    assert_eq!(parse(json).decode(SIZE).unwrap().mask.area(), 120);
}

/// A random mask of a random size, which may have no pixel.
fn masks() -> impl Strategy<Value = Rle> {
    (1_u32..24, 1_u32..24).prop_flat_map(|(height, width)| {
        let size = Size::new(height, width);
        prop::collection::vec(any::<bool>(), (height * width) as usize)
            .prop_map(move |bits| Rle::from_mask(&Mask::new(size, bits).unwrap()))
    })
}

proptest! {
    #[test]
    fn a_written_mask_reads_back(mask in masks()) {
        let json = serde_json::to_string(&Segmentation::from(&mask)).unwrap();
        let read = parse(&json).decode(mask.size());
        if mask.area() == 0 {
            prop_assert_eq!(read.unwrap_err(), SegmentationError::Empty);
        } else {
            prop_assert_eq!(read.unwrap().mask, mask);
        }
    }

    #[test]
    fn runs_and_polygons_are_written_as_they_were_read(
        counts in prop::collection::vec(any::<u32>(), 0..9),
        polygons in prop::collection::vec(prop::collection::vec(-1e6_f64..1e6, 0..9), 0..4),
    ) {
        for value in [
            Segmentation::Runs { size: SIZE, counts: counts.clone() },
            Segmentation::Polygons(polygons.clone()),
        ] {
            prop_assert_eq!(&parse(&serde_json::to_string(&value).unwrap()), &value);
        }
    }

    #[test]
    fn whatever_is_written_nothing_panics(text in "[\\[\\]{},:\"a-z0-9.eE -]{0,60}") {
        let mut json = serde_json::Deserializer::from_str(&text);
        if let Ok(read) = Segmentation::deserialize(&mut json) {
            let _ = read.decode(SIZE);
            let _ = read.decode_as_pycocotools(SIZE);
        }
    }

    #[test]
    fn whatever_the_numbers_nothing_panics(
        polygons in prop::collection::vec(prop::collection::vec(any::<f64>(), 0..9), 0..4),
        counts in "[0-o]{0,40}",
    ) {
        let _ = Segmentation::Polygons(polygons.clone()).decode(SIZE);
        let _ = Segmentation::Polygons(polygons).decode_as_pycocotools(SIZE);
        let _ = Segmentation::Compressed { size: SIZE, counts }.decode(SIZE);
    }
}
