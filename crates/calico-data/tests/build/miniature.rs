//! The miniature sources, from their files to a data set.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use calico_data::build::{BuildError, BuildRecord, LeakReport};
use calico_data::sources::{Ade20kPart234, PacoLvis, PartImageNet, Reading, Watch};
use calico_data::{BuildConfig, DataError, Split, TableFormat};

use crate::data::{build_at, files, read};
use crate::oracle;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub(crate) fn config() -> BuildConfig {
    let text = fs::read_to_string(folder("miniature.toml")).unwrap();
    BuildConfig::from_toml(&text).unwrap()
}

fn readings(name: &str, config: &BuildConfig) -> Vec<Reading> {
    let root = folder(name);
    let images = config.images.clone();
    let paco =
        PacoLvis { root: root.join("paco"), coco: root.join("coco"), images: images.clone() };
    let part_imagenet = PartImageNet {
        root: root.join("PartImageNet"),
        images: images.clone(),
        masks: config.part_imagenet.clone(),
    };
    let ade20k = Ade20kPart234 { root: root.join("ADE20KPart234"), images };
    let watch = Watch::unwatched();
    vec![
        paco.read(&watch).unwrap(),
        part_imagenet.read(&watch).unwrap(),
        ade20k.read(&watch).unwrap(),
    ]
}

pub(crate) fn build_miniature(place: &Path, config: &BuildConfig) -> BuildRecord {
    build_at(place, readings("sources", config), config, 1).unwrap()
}

#[test]
fn building_twice_gives_the_same_folder() {
    let scratch = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| scratch.path().join(name));
    for place in [&one, &other] {
        build_miniature(place, &config());
    }
    let (one, other) = (files(&one), files(&other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{name} differs");
    }
    // Several files of samples, as `miniature.toml` says.
    let is_second = |name: &&String| name.starts_with("samples/train-00001-of-");
    assert_eq!(one.keys().filter(is_second).count(), 1, "{:?}", one.keys());
}

#[test]
fn all_nine_cells_are_tested_equally_and_at_least_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let record = build_miniature(&scratch.path().join("set"), &config());
    let pairs: Vec<u64> = record.test_cells.iter().map(|cell| cell.pairs).collect();
    assert_eq!(pairs.len(), 9);
    assert!(
        pairs[0] >= 2 && pairs.iter().all(|count| *count == pairs[0]),
        "{:?}",
        record.test_cells
    );
    assert!(
        record.warnings.iter().all(|text| !text.contains("test split")),
        "{:?}",
        record.warnings
    );
}

#[test]
fn every_sample_of_the_miniature_says_what_is_annotated() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let mut config = config();
    config.tables.format = TableFormat::JsonLines;
    let data = read(&place, build_miniature(&place, &config));
    oracle::check(&data, &readings("sources", &config), &config);
    assert!(data.samples.values().all(|samples| samples.len() >= 18));
}

#[test]
fn no_test_image_is_trained_on() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let mut config = config();
    config.tables.format = TableFormat::JsonLines;
    let data = read(&place, build_miniature(&place, &config));
    let keys = |is_test: bool| -> BTreeSet<String> {
        let images = data.images.values().filter(|image| (image.split == Split::Test) == is_test);
        let keys = images.flat_map(|image| {
            let stem = Path::new(&image.file_name).file_stem().unwrap().to_str().unwrap();
            [image.image_id.clone(), stem.to_owned(), image.sha256.clone().unwrap()]
        });
        keys.collect()
    };
    assert!(!keys(true).is_empty());
    assert_eq!(keys(true).intersection(&keys(false)).count(), 0);

    // The fixtures plant all three kinds.
    let report = fs::read(place.join("leak_report.json")).unwrap();
    let report: LeakReport = serde_json::from_slice(&report).unwrap();
    assert_eq!(report.test_images_in_train, 0);
    for (rule, found) in &report.rules {
        assert!(found.values().sum::<u64>() > 0, "{rule:?}: {report:?}");
    }
}

#[test]
fn strict_builds_refuse_the_broken_miniature_and_lenient_ones_use_what_is_sound() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let config = config();
    let destination = calico_data::build::Destination::new(&place).unwrap();
    let mut input = crate::data::input(readings("broken", &config), &config, 1);
    input.is_strict = true;
    let watch = calico_data::build::BuildWatch::unwatched();
    let error = calico_data::build::build(input, &destination, &watch).unwrap_err();
    let DataError::Build(BuildError::Strict { errors, list }) = &error else { panic!("{error}") };
    assert!(*errors > 0 && list.is_file());
    let record = build_at(&place, readings("broken", &config), &config, 1).unwrap();
    assert!(record.sources.values().all(|source| !source.problems.is_empty()));
    assert!(!list.exists());
}
