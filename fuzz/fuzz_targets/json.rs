//! COCO-style files: the streaming reader, and PACO-LVIS on top of it, for whatever bytes.
#![no_main]

use std::cell::OnceCell;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use calico_data::sources::{CocoListing, PacoLvis, Watch};
use calico_data::{DataError, ImageCheck, ImageLimits};
use calico_image::Size;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// Hands out few bytes at a time, so that tokens are cut everywhere.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let length = self.0.len().min(target.len()).min(1 + self.0.len() % 5);
        let (now, later) = self.0.split_at(length);
        target[..length].copy_from_slice(now);
        self.0 = later;
        Ok(length)
    }
}

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes);
    let dropwise = read(Drops(bytes));
    match (whole, dropwise) {
        (Ok(whole), Ok(dropwise)) => {
            assert_eq!(format!("{whole:?}"), format!("{dropwise:?}"));
            assert_eq!(whole.sha256, <[u8; 32]>::from(Sha256::digest(bytes)));
            decode(&whole);
            FOLDER
                .with(|folder| read_source(bytes, folder.get_or_init(|| TempDir::new().unwrap())));
        }
        (
            Err(DataError::Json { offset, reason, .. }),
            Err(DataError::Json { offset: offset_dropwise, reason: reason_dropwise, .. }),
        ) => {
            assert!(offset <= bytes.len() as u64);
            assert!(reason.chars().count() <= 300);
            assert_eq!((offset, reason), (offset_dropwise, reason_dropwise));
        }
        other => panic!("{other:?}"),
    }
});

fn read(source: impl Read) -> Result<CocoListing, DataError> {
    CocoListing::read(source, Path::new("input.json"), &mut |_| true)
}

/// Masks keep what they promise: an area between 1 and the pixels of the image.
fn decode(listing: &CocoListing) {
    let image = listing.images.first();
    let side = |length: u64| (length % 256) as u32;
    let size = image.map_or(Size::new(48, 64), |it| Size::new(side(it.height), side(it.width)));
    for annotation in &listing.annotations {
        if let Ok(decoded) = annotation.segmentation.decode(size) {
            assert_eq!(decoded.mask.size(), size);
            assert!((1..=size.pixels()).contains(&decoded.mask.area()));
        }
    }
}

/// Whatever the records say, a reading adds up.
fn read_source(bytes: &[u8], folder: &TempDir) {
    let root = folder.path().to_owned();
    fs::write(root.join("paco_lvis_v1_train.json"), bytes).unwrap();
    // Small pictures only, so that no input takes long.
    let images = ImageLimits { check: ImageCheck::None, min_side: 1, max_pixels: 1 << 16 };
    let source = PacoLvis { coco: root.clone(), root, images };
    let reading = source.read(&Watch::unwatched()).unwrap();
    assert_eq!(reading.images_listed, reading.images.len() as u64 + reading.images_skipped);
    assert!(reading.annotations_skipped <= reading.annotations_listed);
    for image in &reading.images {
        assert!(!image.file_name.split('/').any(|part| part == ".."));
        for object in &image.objects {
            assert_eq!(object.mask.size(), image.size);
            assert!(object.mask.area() > 0 && object.parts.iter().all(|it| it.mask.area() > 0));
        }
    }
}
