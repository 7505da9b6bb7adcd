//! Codes, polygons and label maps that lie or are huge must give errors, without a panic, much
//! memory or much time.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use calico_image::{ColorMode, DecodeOptions, ImageError, LabelMap, Rle, Size, decode_label_map};

/// A size that no picture has: 10^18 pixels.
const HUGE: Size = Size::new(1_000_000_000, 1_000_000_000);

/// Runs work that must not look at every pixel of a huge size, nor at every step of a long edge.
fn at_once<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    // Looking at each of 10^18 pixels, or of 10^9 columns, takes longer on any machine.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    result
}

#[test]
fn few_runs_in_a_huge_size_are_refused_at_once() {
    at_once(|| {
        let error = Rle::from_counts(HUGE, vec![5, 7]).unwrap_err();
        assert!(matches!(error, ImageError::RunLength { found: 12, .. }), "{error}");
        let error = Rle::from_compressed(HUGE, "57").unwrap_err();
        assert!(matches!(error, ImageError::RunLength { found: 12, .. }), "{error}");
    });
}

#[test]
fn the_empty_mask_of_a_huge_size_takes_no_memory() {
    at_once(|| {
        for size in [HUGE, Size::new(u32::MAX, u32::MAX)] {
            let empty = Rle::empty(size);
            assert_eq!(empty.counts(), []);
            assert!(empty.is_empty() && empty.area() == 0 && empty.bounding_box().is_none());
            assert_eq!(Rle::union(size, [&empty, &empty]).unwrap(), empty);
            assert_eq!(Rle::union(size, []).unwrap(), empty);
            assert_eq!(empty.difference(&empty).unwrap(), empty);
            assert_eq!(empty.iou(&empty).unwrap().to_bits(), 0);
            assert!(matches!(empty.to_mask(), Err(ImageError::OutOfMemory { .. })));
        }
    });
}

#[test]
fn the_empty_mask_of_a_size_beyond_one_count_covers_it() {
    for width in [0, 1, 2, 3, 1000] {
        let size = Size::new(u32::MAX, width);
        let empty = Rle::empty(size);
        assert_eq!(Rle::from_counts(size, empty.counts().to_vec()).unwrap(), empty);
        assert!(empty.is_empty());
    }
}

#[test]
fn a_code_of_too_many_runs_is_refused_before_it_is_read() {
    let runs = Rle::MAX_RUNS + 1;
    let size = Size::new(1, runs as u32);
    let error = Rle::from_counts(size, vec![1; runs]).unwrap_err();
    assert!(matches!(error, ImageError::TooManyRuns { .. }), "{error}");
    let error = Rle::from_compressed(size, &"1".repeat(runs)).unwrap_err();
    assert!(matches!(error, ImageError::TooManyRuns { .. }), "{error}");
    let most = Size::new(1, runs as u32 - 1);
    assert_eq!(Rle::from_counts(most, vec![1; runs - 1]).unwrap().area(), most.pixels() / 2);
}

#[test]
fn a_union_of_too_many_runs_is_refused() {
    // Each mask has a pixel in every fourth place, at a place of its own among them.
    let pixels = Rle::MAX_RUNS as u32;
    let size = Size::new(1, 2 * pixels);
    let comb = |shift| {
        let mut counts = vec![shift, 1];
        counts.extend([3, 1].repeat(pixels as usize / 2 - 2));
        counts.push(7 - shift);
        Rle::from_counts(size, counts).unwrap()
    };
    let (even, odd) = (comb(0), comb(2));
    let error = Rle::union(size, [&even, &odd]).unwrap_err();
    assert!(matches!(error, ImageError::TooManyRuns { .. }), "{error}");
    // Masks that cover each other may be as many as they like.
    assert_eq!(Rle::union(size, [&even; 9]).unwrap(), even);
}

#[test]
fn a_polygon_in_a_huge_size_is_cut_or_refused_at_once() {
    at_once(|| {
        // Its background alone takes more runs than a code may have.
        let small = vec![1.0, 1.0, 9.0, 1.0, 5.0, 9.0];
        let error = Rle::from_polygons(HUGE, std::slice::from_ref(&small)).unwrap_err();
        assert!(matches!(error, ImageError::TooManyRuns { .. }), "{error}");
        // It crosses more columns than can be noted.
        let wide = vec![-4e8, 1.0, 4e8, 1.0, 5.0, 4e8];
        let error = Rle::from_polygons(HUGE, std::slice::from_ref(&wide)).unwrap_err();
        assert!(matches!(error, ImageError::PolygonCrossings { .. }), "{error}");
        // In a picture, the same costs no more than the picture's columns.
        let picture = Size::new(480, 640);
        assert!(Rle::from_polygons(picture, &[wide]).unwrap().area() > 0);
        assert!(Rle::from_polygons(Size::new(0, u32::MAX), &[small]).unwrap().is_empty());
    });
}

#[test]
fn polygons_of_too_many_numbers_are_refused_alone_and_together() {
    let size = Size::new(100, 100);
    let most = Rle::MAX_POLYGON_NUMBERS;
    let triangle = [1.0, 1.0, 50.0, 2.0, 3.0, 60.0];
    let long: Vec<f64> = triangle.iter().copied().cycle().take(most + 2).collect();
    let many = vec![triangle.to_vec(); most / 6 + 1];
    for polygons in [vec![long.clone()], many] {
        let error = Rle::from_polygons(size, &polygons).unwrap_err();
        assert!(matches!(error, ImageError::PolygonLong { .. }), "{error}");
    }
    assert!(Rle::from_polygons(size, &[long[..most].to_vec()]).is_ok());
}

#[test]
fn a_polygon_that_goes_to_and_fro_too_often_is_refused() {
    let zigzag: Vec<f64> = (0..50_000).flat_map(|at| [f64::from(at % 2) * 1e4, 5.0]).collect();
    let error = at_once(|| Rle::from_polygons(Size::new(10, 10_000), &[zigzag])).unwrap_err();
    assert!(matches!(error, ImageError::PolygonCrossings { found: 500_000_000, .. }), "{error}");
}

#[test]
fn boxes_that_are_not_finite_or_far_too_large_are_refused() {
    let size = Size::new(10, 10);
    for corners in [
        [f64::NAN, 0.0, 1.0, 1.0],
        [0.0, 0.0, f64::INFINITY, 1.0],
        [3e8, 0.0, 3e8, 1.0],
        [f64::MAX, 0.0, f64::MAX, 1.0],
    ] {
        let error = Rle::from_box(size, corners).unwrap_err();
        assert!(matches!(error, ImageError::PolygonNumber { index: 0, .. }), "{error}");
    }
}

/// A PNG chunk with its checksum.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = (data.len() as u32).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(data);
    let check = bytes[4..].iter().fold(!0_u32, |check, &byte| {
        (0..8).fold(check ^ u32::from(byte), |check, _| (check >> 1) ^ (0xEDB8_8320 * (check & 1)))
    });
    bytes.extend((!check).to_be_bytes());
    bytes
}

/// A PNG file whose pixel data is stored without compression.
fn png(width: u32, height: u32, bits: u8, color: u8, between: &[u8], rows: &[u8]) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([bits, color, 0, 0, 0]);
    let mut data = vec![0x78, 0x01, 1];
    data.extend((rows.len() as u16).to_le_bytes());
    data.extend((!(rows.len() as u16)).to_le_bytes());
    data.extend(rows);
    let (a, b) = rows.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    data.extend((b << 16 | a).to_be_bytes());
    let parts = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(*b"IHDR", &header),
        between.to_vec(),
        chunk(*b"IDAT", &data),
        chunk(*b"IEND", b""),
    ];
    parts.concat()
}

fn labels(bytes: &[u8]) -> Result<LabelMap, ImageError> {
    decode_label_map(bytes, &DecodeOptions::default())
}

#[test]
fn colours_and_opacity_are_no_labels() {
    for (color, channels, mode) in
        [(2, 3, ColorMode::Rgb), (4, 2, ColorMode::Alpha), (6, 4, ColorMode::Alpha)]
    {
        let error = labels(&png(1, 1, 8, color, &[], &vec![0; channels + 1])).unwrap_err();
        assert!(matches!(error, ImageError::NotLabels { mode: found } if found == mode), "{error}");
    }
}

#[test]
fn other_formats_hold_no_labels() {
    let error = labels(b"\xFF\xD8\xFF\xE0 and so on").unwrap_err();
    assert!(matches!(error, ImageError::NotPng { format: "JPEG" }), "{error}");
    assert!(matches!(labels(b"").unwrap_err(), ImageError::Empty));
    assert!(matches!(labels(b"text").unwrap_err(), ImageError::UnknownFormat));
}

#[test]
fn a_label_map_of_a_huge_size_is_refused_before_memory_is_taken() {
    for (width, height) in [(60_000, 60_000), (1 << 31, 1 << 31)] {
        if let Ok(map) = labels(&png(width, height, 16, 0, &[], &[0; 9])) {
            panic!("{map:?}");
        }
    }
    let error = labels(&png(60_000, 60_000, 16, 0, &[], &[0; 9])).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { .. }), "{error}");
    let error = labels(&png(70_000, 1, 8, 0, &[], &[0; 9])).unwrap_err();
    assert!(matches!(error, ImageError::SideTooLong { .. }), "{error}");
}

#[test]
fn a_label_map_that_is_cut_off_is_refused_or_complete() {
    let whole = png(3, 2, 16, 0, &[], &[0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12]);
    let values = labels(&whole).unwrap();
    assert_eq!(values.values(), [0x102, 0x304, 0x506, 0x708, 0x90A, 0xB0C]);
    let mut refused = 0;
    for length in 0..whole.len() {
        match labels(&whole[..length]) {
            Ok(map) => assert_eq!(map, values, "{length} bytes"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 60);
}

#[test]
fn damaged_label_maps_never_panic() {
    let rows: Vec<u8> = (0..16).flat_map(|row| [0, row, 255 - row, 17 * row]).collect();
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let options = DecodeOptions { max_pixels: 1 << 20, ..DecodeOptions::default() };
    for bits in [1, 2, 4, 8] {
        let whole = png(24 / u32::from(bits), 16, bits, 0, &[], &rows);
        assert!(decode_label_map(&whole, &options).is_ok());
        for _ in 0..500 {
            let mut damaged = whole.clone();
            for _ in 0..=random(4) {
                damaged[random(whole.len())] = random(256) as u8;
            }
            let _ = decode_label_map(&damaged, &options);
        }
    }
}

#[test]
fn an_animation_whose_first_picture_is_smaller_is_refused() {
    let animation = chunk(*b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]);
    let mut control = vec![0; 26];
    control[7] = 2;
    control[11] = 2;
    let between = [animation, chunk(*b"fcTL", &control)].concat();
    let error = labels(&png(4, 4, 8, 0, &between, &[0, 1, 2, 0, 3, 4])).unwrap_err();
    assert!(matches!(error, ImageError::Damaged { .. }), "{error}");
}
