//! Files that are cut off, damaged, mislabelled or lie must give errors, never a panic and never
//! a wrong picture.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use calico_image::{DecodeOptions, Frame, ImageError, Orientation, Size, decode, open};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The small files of all formats, and the example photographs.
fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let folders = ["goldens/image/decode", "goldens/image/jpeg", "examples", "examples/drawn"];
    let entries =
        folders.iter().flat_map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let pictures = paths.filter(|path| {
        let name = path.to_str().unwrap();
        name.rsplit('/').next() != Some("SOURCES.md") && !name.ends_with(".expected.png")
    });
    pictures.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

fn decode_default(bytes: &[u8]) -> Result<Frame, ImageError> {
    decode(bytes, &DecodeOptions::default())
}

/// The error of a file, without the path around it.
fn in_file(path: &Path) -> ImageError {
    match open(path, &DecodeOptions::default()).unwrap_err() {
        ImageError::InFile { path: named, error } => {
            assert_eq!(named, path);
            *error
        }
        error => panic!("no path in `{error}`"),
    }
}

/// A PNG that announces a size and has no pixels.
fn png_header(size: Size) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(size.width.to_be_bytes());
    chunk.extend(size.height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut check = !0_u32;
    for &byte in &chunk {
        check ^= u32::from(byte);
        for _ in 0..8 {
            check = (check >> 1) ^ (0xEDB8_8320 * (check & 1));
        }
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(chunk);
    bytes.extend((!check).to_be_bytes());
    bytes.extend(b"\0\0\0\x64IDAT\x78\x9C");
    bytes
}

#[test]
fn a_cut_off_file_is_refused_or_complete() {
    for (path, bytes) in files() {
        let whole = decode_default(&bytes).unwrap();
        // Every length of a small file, sixteen lengths of a photograph.
        let step = if bytes.len() < 2000 { 1 } else { bytes.len() / 16 };
        let ends = [bytes.len() - 1, bytes.len() - 2, bytes.len() - 3];
        for length in (0..bytes.len()).step_by(step).chain(ends) {
            if let Ok(frame) = decode_default(&bytes[..length]) {
                assert_eq!(frame, whole, "{} at {length} bytes", path.display());
            }
        }
    }
}

#[test]
fn a_cut_off_photograph_is_called_truncated() {
    for name in ["cat.jpg", "coffee.jpg", "astronaut.png"] {
        let bytes = fs::read(repository().join("examples").join(name)).unwrap();
        for length in [bytes.len() / 2, bytes.len() - 1000] {
            let error = decode_default(&bytes[..length]).unwrap_err();
            assert!(matches!(error, ImageError::Truncated { .. }), "{name}: {error}");
        }
    }
}

#[test]
fn damaged_bytes_never_panic() {
    // Headers announce wild sizes here: the limit keeps the test light.
    let options = DecodeOptions { max_pixels: 1 << 20, ..DecodeOptions::default() };
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (_, bytes) in files() {
        let small = bytes.len() < 4000;
        for round in 0..if small { 300 } else { 4 } {
            let mut damaged = bytes.clone();
            for _ in 0..=random(8) {
                // Half of the rounds spoil the header, where the structure is.
                let reach = if round % 2 == 0 { bytes.len().min(120) } else { bytes.len() };
                damaged[random(reach)] = random(256) as u8;
            }
            let _ = decode(&damaged, &options);
        }
    }
}

#[test]
fn a_header_of_60000_by_60000_is_refused_at_once() {
    let size = Size::new(60_000, 60_000);
    let error = decode_default(&png_header(size)).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { size: found, .. } if found == size), "{error}");
    let small = decode_default(&png_header(Size::new(60, 60))).unwrap_err();
    assert!(matches!(small, ImageError::Truncated { .. }), "{small}");
}

#[test]
fn the_pixel_limit_is_inclusive() {
    let (path, limit) = (repository().join("examples/cat.jpg"), 451 * 300);
    let with = |max_pixels| open(&path, &DecodeOptions { max_pixels, ..DecodeOptions::default() });
    assert!(with(limit).is_ok());
    assert!(with(limit - 1).is_err());
}

#[test]
fn a_side_beyond_the_limit_is_refused_even_with_few_pixels() {
    for size in [Size::new(1, 100_000_000), Size::new(65_536, 1)] {
        let error = decode_default(&png_header(size)).unwrap_err();
        let is_named = matches!(error, ImageError::SideTooLong { size: found, max_side: 65_535 } if found == size);
        assert!(is_named, "{error}");
    }
    let longest = decode_default(&png_header(Size::new(1, 65_535))).unwrap_err();
    assert!(matches!(longest, ImageError::Truncated { .. }), "{longest}");
}

#[test]
fn the_orientation_is_applied_once_or_not_at_all() {
    let path = repository().join("examples/rocket.jpg");
    let upright = open(&path, &DecodeOptions::default()).unwrap();
    assert_eq!(upright.size(), Size::new(427, 320));
    let ignore = DecodeOptions { orientation: Orientation::Ignore, ..DecodeOptions::default() };
    assert_eq!(open(&path, &ignore).unwrap().size(), Size::new(320, 427));
}

#[test]
fn what_is_not_a_picture_gives_an_error_that_names_the_path() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let options = DecodeOptions::default();

    let missing = folder.join("missing.png");
    let error = open(&missing, &options).unwrap_err();
    assert!(matches!(&error, ImageError::NotFound { path } if *path == missing), "{error}");
    assert!(error.to_string().contains("missing.png"));

    let error = open(folder, &options).unwrap_err();
    assert!(matches!(&error, ImageError::NotAFile { path } if path == folder), "{error}");

    let empty = folder.join("empty.jpg");
    fs::write(&empty, []).unwrap();
    assert!(matches!(in_file(&empty), ImageError::Empty));

    let text = repository().join("goldens/image/refuse/text.jpg");
    assert!(matches!(in_file(&text), ImageError::UnknownFormat));
    assert!(open(&text, &options).unwrap_err().to_string().contains("text.jpg"));

    // A path through a file: the system refuses it, whoever runs the test.
    let below = text.join("below.png");
    let error = open(&below, &options).unwrap_err();
    assert!(matches!(&error, ImageError::Unreadable { path, .. } if *path == below), "{error}");
}

#[test]
fn the_extension_does_not_matter() {
    let bytes = fs::read(repository().join("examples/cat.jpg")).unwrap();
    let mislabelled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cat.png");
    fs::write(&mislabelled, &bytes).unwrap();
    let frame = open(&mislabelled, &DecodeOptions::default()).unwrap();
    assert_eq!(frame, decode_default(&bytes).unwrap());
}
