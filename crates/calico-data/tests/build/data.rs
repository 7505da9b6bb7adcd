//! A data set as it lies on disk, in JSON Lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calico_data::build::{BuildInput, BuildRecord, BuildWatch, Destination, build};
use calico_data::sources::Reading;
use calico_data::{
    BuildConfig, DataError, ImageRecord, RegionRecord, SampleRecord, Split, TableFormat,
};
use serde::de::DeserializeOwned;

/// A data set that was built and read back.
pub(crate) struct Data {
    pub(crate) record: BuildRecord,
    pub(crate) images: BTreeMap<String, ImageRecord>,
    pub(crate) regions: BTreeMap<u32, RegionRecord>,
    pub(crate) samples: BTreeMap<Split, Vec<SampleRecord>>,
}

/// Limits that small pictures pass, and amounts that small sources fill.
pub(crate) fn small_config() -> BuildConfig {
    let mut config = BuildConfig::default();
    config.images.min_side = 8;
    config.objects.min_area = 30;
    config.parts.min_area = 6;
    config.train.samples = 200;
    config.dev.samples = 40;
    config.test.pairs_per_cell = 4;
    config.tables.format = TableFormat::JsonLines;
    config
}

pub(crate) fn input(readings: Vec<Reading>, config: &BuildConfig, seed: u64) -> BuildInput {
    BuildInput { readings, config: config.clone(), seed, is_strict: false }
}

pub(crate) fn build_at(
    place: &Path,
    readings: Vec<Reading>,
    config: &BuildConfig,
    seed: u64,
) -> Result<BuildRecord, DataError> {
    let destination = Destination::new(place)?;
    build(input(readings, config, seed), &destination, &BuildWatch::unwatched())
}

/// Builds and reads back.
pub(crate) fn built(readings: Vec<Reading>, config: &BuildConfig, seed: u64) -> Data {
    let scratch = tempfile::tempdir().unwrap();
    let record = build_at(&scratch.path().join("set"), readings, config, seed).unwrap();
    read(&scratch.path().join("set"), record)
}

pub(crate) fn read(folder: &Path, record: BuildRecord) -> Data {
    let mut images = BTreeMap::new();
    let mut regions = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for split in Split::ALL {
        for row in lines::<ImageRecord>(&folder.join("images"), split) {
            assert_eq!(row.split, split);
            assert!(images.insert(row.image_id.clone(), row).is_none(), "an image comes twice");
        }
        for row in lines::<RegionRecord>(&folder.join("regions"), split) {
            assert_eq!(images[&row.image_id].split, split);
            assert!(regions.insert(row.region_id, row).is_none(), "a region comes twice");
        }
        samples.insert(split, lines(&folder.join("samples"), split));
    }
    Data { record, images, regions, samples }
}

fn lines<T: DeserializeOwned>(folder: &Path, split: Split) -> Vec<T> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let is_of_split =
        |path: &&PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(split.name());
    let texts = paths.iter().filter(is_of_split).map(|path| fs::read_to_string(path).unwrap());
    let texts: Vec<String> = texts.collect();
    texts.iter().flat_map(|text| text.lines()).map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Every file below a folder with its bytes, by its path.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}
