//! What a header says is what decoding finds, for less work.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use calico_image::{
    ColorMode, DecodeOptions, ImageError, Orientation, PictureInfo, Size, inspect, open_with_info,
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pictures of all formats, with their names.
fn pictures() -> Vec<(String, PathBuf)> {
    let folders = ["goldens/image/decode", "goldens/image/jpeg", "examples", "examples/drawn"];
    let entries =
        folders.iter().flat_map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let named = files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    named.filter(|(name, _)| name != "SOURCES.md" && !name.ends_with(".expected.png")).collect()
}

/// A file of this test, with these bytes.
fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn look(path: &Path) -> Result<PictureInfo, ImageError> {
    inspect(path, &DecodeOptions::default())
}

#[test]
fn a_header_says_what_decoding_finds() {
    let pictures = pictures();
    assert!(pictures.len() > 40);
    for orientation in [Orientation::Apply, Orientation::Ignore] {
        let options = DecodeOptions { orientation, ..DecodeOptions::default() };
        for (name, path) in &pictures {
            let (frame, info) = open_with_info(path, &options).unwrap();
            assert_eq!(info.size, frame.size(), "{name}");
            assert_eq!(inspect(path, &options).unwrap(), info, "{name}");
        }
    }
}

#[test]
fn the_size_is_upright_where_the_orientation_is_applied() {
    let path = repository().join("examples/rocket.jpg");
    assert_eq!(look(&path).unwrap().size, Size::new(427, 320));
    let ignore = DecodeOptions { orientation: Orientation::Ignore, ..DecodeOptions::default() };
    assert_eq!(inspect(&path, &ignore).unwrap().size, Size::new(320, 427));
}

#[test]
fn the_mode_is_that_of_the_file_and_not_of_the_decoded_picture() {
    let cases = [
        ("rgb.png", ColorMode::Rgb),
        ("rgb-16.png", ColorMode::Rgb),
        ("rgba.png", ColorMode::Alpha),
        ("grey-alpha.png", ColorMode::Alpha),
        ("rgba-16.png", ColorMode::Alpha),
        ("grey.png", ColorMode::Grey),
        ("grey-16.png", ColorMode::Grey),
        ("black-white.png", ColorMode::Grey),
        ("palette.png", ColorMode::Palette),
        ("palette-transparent.png", ColorMode::Palette),
        ("rgb.bmp", ColorMode::Rgb),
        ("palette.bmp", ColorMode::Palette),
        ("rgb-lzw.tiff", ColorMode::Rgb),
        ("rgba.tiff", ColorMode::Alpha),
        ("grey.tiff", ColorMode::Grey),
        ("rgb.webp", ColorMode::Rgb),
        ("lossy.webp", ColorMode::Rgb),
        ("rgba.webp", ColorMode::Alpha),
        ("animation.gif", ColorMode::Palette),
        ("orientation-6.jpg", ColorMode::Rgb),
        ("grey.jpg", ColorMode::Grey),
        ("cmyk.jpg", ColorMode::Cmyk),
    ];
    for (name, mode) in cases {
        let path = repository().join("goldens/image/decode").join(name);
        assert_eq!(look(&path).unwrap().mode, mode, "{name}");
    }
}

#[test]
fn pixels_are_not_needed_to_read_a_header() {
    for (name, part) in [("cat.jpg", 10), ("astronaut.png", 10), ("rocket.jpg", 2)] {
        let path = repository().join("examples").join(name);
        let bytes = fs::read(&path).unwrap();
        let cut = write(&format!("header-{name}"), &bytes[..bytes.len() / part]);
        assert_eq!(look(&cut).unwrap(), look(&path).unwrap(), "{name}");
        assert!(open_with_info(&cut, &DecodeOptions::default()).is_err());
    }
}

#[test]
fn the_header_of_a_jpeg_file_may_be_longer_than_one_block() {
    let bytes = fs::read(repository().join("examples/cat.jpg")).unwrap();
    let mut long = bytes[..2].to_vec();
    // Three comments of the greatest length.
    for _ in 0..3 {
        long.extend([0xFF, 0xFE, 0xFF, 0xFF]);
        long.extend(vec![0xD9; 65_533]);
    }
    long.extend(&bytes[2..]);
    let path = write("long-header.jpg", &long);
    assert_eq!(look(&path).unwrap().size, Size::new(300, 451));
    let cut = write("cut-header.jpg", &long[..150_000]);
    let ImageError::InFile { error, .. } = look(&cut).unwrap_err() else { panic!("no path") };
    assert!(matches!(*error, ImageError::Truncated { format: "JPEG" }), "{error}");
}

#[test]
fn limits_hold_for_headers_as_for_pictures() {
    let path = repository().join("examples/cat.jpg");
    let options =
        |max_pixels, max_side| DecodeOptions { max_pixels, max_side, ..DecodeOptions::default() };
    for (options, is_fine) in [
        (options(451 * 300, 451), true),
        (options(451 * 300 - 1, 451), false),
        (options(451 * 300, 450), false),
    ] {
        assert_eq!(inspect(&path, &options).is_ok(), is_fine);
        assert_eq!(open_with_info(&path, &options).is_ok(), is_fine);
    }
}

#[test]
fn what_has_no_header_gives_an_error_that_names_the_path() {
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("missing.png");
    assert!(matches!(look(&missing), Err(ImageError::NotFound { .. })));
    let folder = repository();
    assert!(matches!(look(&folder), Err(ImageError::NotAFile { .. })));
    for (name, bytes) in [("none.png", &b""[..]), ("text.png", b"no picture")] {
        let path = write(name, bytes);
        let error = look(&path).unwrap_err();
        assert!(matches!(&error, ImageError::InFile { path: named, .. } if *named == path));
    }
}

#[test]
fn damaged_headers_never_panic_and_never_promise_more_than_the_limits() {
    let options = DecodeOptions { max_pixels: 1 << 20, ..DecodeOptions::default() };
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (name, path) in pictures() {
        let bytes = fs::read(&path).unwrap();
        for _ in 0..if bytes.len() < 4000 { 20 } else { 2 } {
            let mut damaged = bytes.clone();
            for _ in 0..=random(8) {
                damaged[random(bytes.len().min(200))] = random(256) as u8;
            }
            let path = write(&format!("damaged-{name}"), &damaged);
            if let Ok(info) = inspect(&path, &options) {
                assert!(info.size.pixels() <= options.max_pixels && !info.size.is_empty());
            }
        }
    }
}
