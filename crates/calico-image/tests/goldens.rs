//! Against Pillow and pycocotools; the goldens are written by `tools/goldens/image.py`.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use calico_image::{
    BoundingBox, DecodeOptions, Filter, Frame, ImageError, Rle, Size, open, open_label_map, resize,
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn goldens(folder: &str) -> PathBuf {
    repository().join("goldens/image").join(folder)
}

fn load(path: &Path) -> Frame {
    open(path, &DecodeOptions::default()).unwrap()
}

/// The names of the files in a folder of goldens.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(goldens(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The pairs of decoded and expected frames in a folder, with their names.
fn decoded(folder: &str) -> Vec<(String, Frame, Frame)> {
    let expected = |name: &String| goldens(folder).join(format!("{name}.expected.png"));
    let inputs = names(folder).into_iter().filter(|name| expected(name).exists());
    inputs
        .map(|name| {
            let (ours, theirs) = (load(&goldens(folder).join(&name)), load(&expected(&name)));
            assert_eq!(ours.size(), theirs.size(), "{name}");
            (name, ours, theirs)
        })
        .collect()
}

/// The largest and the mean absolute difference of two frames' samples.
fn difference(ours: &Frame, theirs: &Frame) -> (u8, f64) {
    let pairs = ours.pixels().iter().zip(theirs.pixels());
    let differences: Vec<u8> = pairs.map(|(&a, &b)| a.abs_diff(b)).collect();
    let sum: f64 = differences.iter().copied().map(f64::from).sum();
    (differences.iter().copied().max().unwrap(), sum / differences.len() as f64)
}

#[test]
fn resizing_equals_pillow_to_the_byte() {
    let mut cases = 0;
    for name in names("resize") {
        let Some([input, filter, size]) = name
            .strip_suffix(".png")
            .map(|stem| stem.split('-').collect::<Vec<_>>())
            .and_then(|parts| <[&str; 3]>::try_from(parts).ok())
        else {
            continue;
        };
        let filter = if filter == "bicubic" { Filter::Bicubic } else { Filter::Bilinear };
        let (width, height) = size.split_once('x').unwrap();
        let size = Size::new(height.parse().unwrap(), width.parse().unwrap());
        let folder =
            if input == "astronaut" { repository().join("examples") } else { goldens("resize") };
        let ours = resize(&load(&folder.join(format!("{input}.png"))), size, filter).unwrap();
        assert_eq!(difference(&ours, &load(&goldens("resize").join(&name))).0, 0, "{name}");
        cases += 1;
    }
    assert!(cases > 30, "only {cases} goldens were found");
}

#[test]
fn pictures_of_all_formats_decode_as_in_pillow() {
    let cases = decoded("decode");
    assert!(cases.len() > 30);
    for (name, ours, theirs) in &cases {
        let (largest, _) = difference(ours, theirs);
        let lossy = Path::new(name).extension().is_some_and(|extension| extension == "jpg");
        assert!(largest <= if lossy { 4 } else { 0 }, "{name} differs by {largest}");
    }
}

#[test]
fn jpeg_pictures_decode_nearly_as_in_pillow() {
    for (name, ours, theirs) in decoded("jpeg") {
        let (largest, mean) = difference(&ours, &theirs);
        assert!(largest <= 4 && mean <= 0.4, "{name}: largest {largest}, mean {mean:.3}");
    }
}

#[test]
fn floating_point_samples_are_refused() {
    let error = open(&goldens("refuse/float.tiff"), &DecodeOptions::default()).unwrap_err();
    let ImageError::InFile { error, .. } = error else { panic!("{error}") };
    assert!(matches!(*error, ImageError::Unsupported { format: "TIFF", .. }), "{error}");
}

#[test]
fn run_lengths_equal_those_of_pycocotools() {
    let text = fs::read_to_string(goldens("rle.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let number = |value: &serde_json::Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let size = Size::new(number(&case["height"]), number(&case["width"]));
        let counts = case["counts"].as_array().unwrap().iter().map(number).collect();
        let compressed = case["compressed"].as_str().unwrap();

        let rle = Rle::from_counts(size, counts).unwrap();
        assert_eq!(rle.compressed(), compressed);
        assert_eq!(Rle::from_compressed(size, compressed).unwrap(), rle);
        assert_eq!(rle.area(), case["area"].as_u64().unwrap());

        let mask = rle.to_mask().unwrap();
        assert_eq!(Rle::from_mask(&mask), rle);
        assert_eq!(mask.area(), rle.area());
        let [x, y, width, height] = [0, 1, 2, 3].map(|index| number(&case["bounding_box"][index]));
        let expected = (width > 0).then_some(BoundingBox { x, y, width, height });
        assert_eq!(mask.bounding_box(), expected);
    }
}

#[test]
fn label_maps_hold_the_values_that_were_written() {
    let text = fs::read_to_string(goldens("labels/expected.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = cases.as_object().unwrap();
    assert!(cases.len() > 20);
    for (name, case) in cases {
        let map = open_label_map(&goldens("labels").join(name), &DecodeOptions::default()).unwrap();
        let number = |value: &serde_json::Value| u16::try_from(value.as_u64().unwrap()).unwrap();
        let values: Vec<u16> = case["values"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(map.values(), values, "{name}");
        assert_eq!(u16::from(map.bit_depth()), number(&case["bits"]), "{name}");
        let [height, width] = [0, 1].map(|side| u32::from(number(&case["size"][side])));
        assert_eq!(map.size(), Size::new(height, width), "{name}");
    }
}
