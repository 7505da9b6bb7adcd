//! The data set of the miniature sources, opened, validated and loaded.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use calico_data::build::{BuildInput, BuildWatch, Destination, build};
use calico_data::exchange;
use calico_data::loader::{Check, LoaderOptions, SampleStore, Selection};
use calico_data::sources::{Ade20kPart234, PacoLvis, PartImageNet, Watch};
use calico_data::validate::{PictureRules, ValidateOptions, validate};
use calico_data::{BuildConfig, Dataset, Split, TableFormat};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn miniature(place: &Path, format: TableFormat) -> Dataset {
    let text = fs::read_to_string(folder("miniature.toml")).unwrap();
    let mut config = BuildConfig::from_toml(&text).unwrap();
    config.tables.format = format;
    let (root, images) = (folder("sources"), config.images.clone());
    let paco =
        PacoLvis { root: root.join("paco"), coco: root.join("coco"), images: images.clone() };
    let part_imagenet = PartImageNet {
        root: root.join("PartImageNet"),
        images: images.clone(),
        masks: config.part_imagenet.clone(),
    };
    let ade20k = Ade20kPart234 { root: root.join("ADE20KPart234"), images };
    let watch = Watch::unwatched();
    let readings = vec![
        paco.read(&watch).unwrap(),
        part_imagenet.read(&watch).unwrap(),
        ade20k.read(&watch).unwrap(),
    ];
    let input = BuildInput { readings, config, seed: 1, is_strict: false };
    let destination = Destination::new(place).unwrap();
    build(input, &destination, &BuildWatch::unwatched()).unwrap();
    Dataset::open(place).unwrap()
}

#[test]
fn what_a_build_writes_breaks_no_rule() {
    for format in [TableFormat::Parquet, TableFormat::JsonLines] {
        let scratch = tempfile::tempdir().unwrap();
        let dataset = miniature(&scratch.path().join("set"), format);
        let options = ValidateOptions { pictures: PictureRules::Decode, ..Default::default() };
        let report = validate(&dataset, &options, &Watch::unwatched()).unwrap();
        assert!(report.is_sound(), "{}", report.to_text());
        assert_eq!(report.notes, Vec::<String>::new());
        for split in Split::ALL {
            let counts = &dataset.build().unwrap().splits[&split];
            assert!(counts.samples > 0);
            assert_eq!(report.rows[&split].samples, counts.samples);
            assert_eq!(report.rows[&split].pictures, counts.images);
        }
    }
}

#[test]
fn a_corrected_data_set_breaks_no_rule_and_can_be_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    let built = miniature(&scratch.path().join("set"), TableFormat::Parquet);
    let mut document = exchange::of_split(&built, Split::Train).unwrap();
    let is_part = |region: &calico_annotation::Region| region.kind.is_part();
    document.images[0].regions.retain(|region| !is_part(region));
    let place = Destination::new(&scratch.path().join("corrected")).unwrap();
    for _ in 0..2 {
        let corrections = exchange::correct(&built, Split::Train, &document, &place).unwrap();
        assert!(corrections.removed > 0 && corrections.samples_left_out > 0, "{corrections:?}");
        let corrected = Dataset::open(place.path()).unwrap();
        let report = validate(&corrected, &ValidateOptions::default(), &Watch::unwatched());
        let report = report.unwrap();
        assert!(report.is_sound(), "{}", report.to_text());
    }
    assert!(place.path().join("built_from.json").is_file());
}

#[test]
fn every_sample_of_a_build_is_loaded_with_its_pictures_and_masks() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = miniature(&scratch.path().join("set"), TableFormat::Parquet);
    let store = SampleStore::open(&dataset, Split::Test, &Selection::default()).unwrap();
    let options =
        LoaderOptions { shuffle: Some(3), check: Check::Pictures, ..LoaderOptions::default() };
    let mut count = 0;
    for item in store.loader(options).unwrap() {
        let item = item.unwrap();
        let pictures = item.open_pictures().unwrap();
        let masks = item.masks().unwrap();
        assert_eq!((pictures.len(), masks.len()), (2, item.sample().region_ids.len()));
        for (mask, image) in masks.iter().zip(&item.sample().image_index) {
            assert_eq!(mask.size(), pictures[usize::from(*image) - 1].size());
        }
        count += 1;
    }
    assert_eq!(count, store.len());
    assert_eq!(count, dataset.sample_count(Split::Test).unwrap());
}
