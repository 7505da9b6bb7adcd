use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use calico_result::Task;

use super::*;
use crate::example::{Example, tables};
use crate::{DataError, Dataset, Split, TableFormat};

const FORMATS: [TableFormat; 2] = [TableFormat::Parquet, TableFormat::JsonLines];

/// A store of the training samples, in a folder that lives as long.
fn store(
    example: &Example,
    format: TableFormat,
    selection: &Selection,
) -> (tempfile::TempDir, SampleStore) {
    let scratch = tempfile::tempdir().unwrap();
    example.write(scratch.path(), &tables(format));
    let dataset = Dataset::open(scratch.path()).unwrap();
    let store = SampleStore::open(&dataset, Split::Train, selection).unwrap();
    (scratch, store)
}

fn ids(loader: Loader) -> Vec<String> {
    loader.map(|item| item.unwrap().sample().sample_id.clone()).collect()
}

fn shuffled(epoch: u64, shard: Shard) -> LoaderOptions {
    let start = Position { epoch, ..Position::default() };
    LoaderOptions { shuffle: Some(7), shard, start, ..LoaderOptions::default() }
}

#[test]
fn without_a_seed_the_order_is_that_of_the_files() {
    let example = Example::new(5);
    for format in FORMATS {
        let (_scratch, store) = store(&example, format, &Selection::default());
        let expected: Vec<_> =
            example.samples[..15].iter().map(|(_, row)| &row.sample_id).collect();
        assert_eq!(
            ids(store.loader(LoaderOptions::default()).unwrap()).iter().collect::<Vec<_>>(),
            expected
        );
        assert_eq!(store.len(), 15);
    }
}

#[test]
fn an_item_has_its_images_regions_and_masks() {
    let (_scratch, store) = store(&Example::new(2), TableFormat::Parquet, &Selection::default());
    for item in store.loader(shuffled(0, Shard::default())).unwrap() {
        let item = item.unwrap();
        let images: Vec<_> = item.images().map(|image| image.image_id.clone()).collect();
        assert_eq!(images, item.sample().image_ids);
        let masks = item.masks().unwrap();
        assert_eq!(masks.len(), item.sample().region_ids.len());
        for (region, mask) in item.regions().zip(masks) {
            assert_eq!(mask.area(), u64::from(region.area));
        }
    }
}

#[test]
fn a_selection_gives_its_samples_and_no_others() {
    let mut example = Example::new(6);
    for (_, sample) in example.samples.iter_mut().step_by(5) {
        sample.source = "own".to_owned();
    }
    let selection =
        Selection { subtasks: vec![Task::CommonParts], sources: vec!["paco_lvis".to_owned()] };
    for format in FORMATS {
        let (_scratch, store) = store(&example, format, &selection);
        let mut found = ids(store.loader(shuffled(3, Shard::default())).unwrap());
        found.sort();
        let expected: Vec<String> = example.samples[..18]
            .iter()
            .map(|(_, row)| row)
            .filter(|row| row.subtask == Task::CommonParts && row.source == "paco_lvis")
            .map(|row| row.sample_id.clone())
            .collect();
        assert_eq!(found, expected);
        assert_eq!(store.len(), expected.len() as u64);
    }
}

#[test]
fn every_epoch_has_an_order_of_its_own_that_repeats() {
    let (_scratch, store) = store(&Example::new(20), TableFormat::Parquet, &Selection::default());
    let epoch = |epoch| ids(store.loader(shuffled(epoch, Shard::default())).unwrap());
    assert_eq!(epoch(0), epoch(0));
    assert_ne!(epoch(0), epoch(1));
    let mut loader = store.loader(shuffled(0, Shard::default())).unwrap();
    assert_eq!(loader.by_ref().count(), 60);
    loader.start_next_epoch();
    assert_eq!(ids(loader), epoch(1));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(12))]
    #[test]
    fn the_shards_have_each_sample_once_and_share_one_order(
        count in 1_u64..9, pairs in 0_u32..12, epoch in 0_u64..3
    ) {
        let (_scratch, store) = store(&Example::new(pairs), TableFormat::Parquet, &Selection::default());
        let whole = ids(store.loader(shuffled(epoch, Shard::default())).unwrap());
        let mut met = vec![String::new(); whole.len()];
        for index in 0..count {
            let loader = store.loader(shuffled(epoch, Shard { index, count })).unwrap();
            let announced = loader.len();
            let shard = ids(loader);
            proptest::prop_assert_eq!(shard.len() as u64, announced);
            for (at, id) in shard.into_iter().enumerate() {
                met[at * count as usize + index as usize] = id;
            }
        }
        proptest::prop_assert_eq!(met, whole);
    }

    #[test]
    fn a_loader_goes_on_where_another_stopped(
        stop in 0_usize..40, count in 1_u64..4, seed in proptest::option::of(0_u64..3)
    ) {
        let mut example = Example::new(13);
        for at in [3, 4, 5, 20] {
            example.samples[at].1.region_ids[0] = 999_999;
        }
        let (_scratch, store) = store(&example, TableFormat::Parquet, &Selection::default());
        let shard = Shard { index: count - 1, count };
        let limits = BadLimits { in_a_row: 2, ..BadLimits::default() };
        let options = LoaderOptions { shuffle: seed, shard, limits, ..LoaderOptions::default() };
        let told = |options: LoaderOptions| {
            let bad = Arc::new(Mutex::new(Vec::new()));
            let tell = Arc::clone(&bad);
            let loader = store.loader(options).unwrap();
            let tell = move |sample: &BadSample| tell.lock().unwrap().push(sample.sample_id.clone());
            (loader.on_bad(tell), bad)
        };
        let line = |item: Option<Result<Item, DataError>>| {
            item.map(|item| item.map(|item| item.sample().clone()).map_err(|e| e.to_string()))
        };
        let (mut first, _) = told(options.clone());
        for _ in 0..stop {
            if matches!(first.next(), Some(Err(_))) {
                return Ok(());
            }
        }
        let text = serde_json::to_string(&first.position()).unwrap();
        let start = serde_json::from_str(&text).unwrap();
        let (mut second, _) = told(LoaderOptions { start, ..options });
        for _ in 0..40 {
            // An error ends a loader; one that starts behind it is not ended.
            let expected = line(first.next());
            proptest::prop_assert_eq!(line(second.next()), expected.clone());
            proptest::prop_assert_eq!(first.position(), second.position());
            if !matches!(expected, Some(Ok(_))) {
                break;
            }
        }
    }
}

/// The reasons why samples of a store are bad, by id, and how the loader ended.
fn bad(
    store: &SampleStore,
    options: LoaderOptions,
) -> (BTreeMap<String, String>, Option<DataError>) {
    let bad = Arc::new(Mutex::new(BTreeMap::new()));
    let tell = Arc::clone(&bad);
    let loader = store.loader(options).unwrap().on_bad(move |sample| {
        tell.lock().unwrap().insert(sample.sample_id.clone(), sample.reason.to_string());
    });
    let error = loader.into_iter().find_map(Result::err);
    let bad = bad.lock().unwrap().clone();
    (bad, error)
}

#[test]
fn what_is_wrong_with_a_sample_is_told_and_the_sample_skipped() {
    let mut example = Example::new(8);
    let faults: [(usize, &str); 7] = [
        (0, "image paco_lvis/x is not in the table"),
        (3, "region 999999 is not in the table"),
        (6, "found 2 regions and 1 image indices"),
        (9, "found the image index 3, expected 1 to 2"),
        (12, "lies in image paco_lvis/000000000009, expected paco_lvis/000000000010"),
        (15, "the mask of region 40 cannot be decoded"),
        (18, "found 100x79 pixels for region 48, expected 100x80"),
    ];
    let sample = |example: &mut Example, at: usize| example.samples[at].1.clone();
    let mut rows: Vec<_> = (0..24).map(|at| sample(&mut example, at)).collect();
    rows[0].image_ids[1] = "paco_lvis/x".to_owned();
    rows[3].region_ids[1] = 999_999;
    rows[6].image_index.pop();
    rows[9].image_index[0] = 3;
    rows[12].image_index[0] = 2;
    example.regions[40].1.rle.counts.push('~');
    example.regions[48].1.rle.size = [79, 100];
    example.regions[48].1.rle.counts =
        calico_image::Rle::empty(calico_image::Size::new(79, 100)).compressed();
    for (at, row) in rows.into_iter().enumerate() {
        example.samples[at].1 = row;
    }
    let (_scratch, store) = store(&example, TableFormat::Parquet, &Selection::default());
    let (bad, error) = bad(&store, LoaderOptions::default());
    assert!(error.is_none());
    assert_eq!(bad.len(), faults.len(), "{bad:#?}");
    for (at, text) in faults {
        let reason = &bad[&example.samples[at].1.sample_id];
        assert!(reason.contains(text), "{reason}");
    }
}

#[test]
fn too_many_bad_samples_are_an_error() {
    let mut example = Example::new(20);
    for (_, sample) in &mut example.samples[6..10] {
        sample.region_ids[0] = 999_999;
    }
    let (_scratch, store) = store(&example, TableFormat::Parquet, &Selection::default());
    let limited = |limits| LoaderOptions { limits, ..LoaderOptions::default() };
    let row = BadLimits { in_a_row: 3, ..BadLimits::default() };
    let (told, error) = bad(&store, limited(row));
    assert_eq!(told.len(), 4);
    assert!(matches!(error, Some(DataError::TooManyBad { bad: 4, taken: 10, .. })), "{error:?}");
    let share = BadLimits { in_a_row: 100, percent: 10, percent_after: 8 };
    let (_, error) = bad(&store, limited(share));
    assert!(matches!(error, Some(DataError::TooManyBad { bad: 2, taken: 8, .. })), "{error:?}");
    let enough = BadLimits { in_a_row: 4, percent: 7, percent_after: 60 };
    assert!(bad(&store, limited(enough)).1.is_none());
}

#[test]
fn the_caller_can_reject_what_the_loader_let_pass() {
    let (_scratch, store) = store(&Example::new(5), TableFormat::Parquet, &Selection::default());
    let limits = BadLimits { in_a_row: 2, ..BadLimits::default() };
    let mut loader = store.loader(LoaderOptions { limits, ..LoaderOptions::default() }).unwrap();
    let reject = |loader: &mut Loader| {
        let item = loader.next().unwrap().unwrap();
        loader.reject(&item, BadReason::Other("blurred".to_owned()))
    };
    assert!(reject(&mut loader).is_ok() && reject(&mut loader).is_ok());
    assert!(loader.next().unwrap().is_ok());
    assert!(reject(&mut loader).is_ok() && reject(&mut loader).is_ok());
    let error = reject(&mut loader).unwrap_err();
    assert!(error.to_string().contains("blurred"), "{error}");
    assert!(loader.next().is_none());
}

#[test]
fn a_missing_picture_is_told_where_pictures_are_looked_at() {
    let example = Example::new(1);
    let scratch = tempfile::tempdir().unwrap();
    example.write(scratch.path(), &tables(TableFormat::Parquet));
    let dataset = Dataset::open(scratch.path()).unwrap();
    let looked_at = |dataset: &Dataset| {
        let store = SampleStore::open(dataset, Split::Train, &Selection::default()).unwrap();
        bad(&store, LoaderOptions { check: Check::Pictures, ..LoaderOptions::default() }).0
    };
    let unknown = looked_at(&dataset);
    assert!(unknown.values().all(|reason| reason.contains("no root")), "{unknown:?}");
    let missing = looked_at(&dataset.with_root("paco_lvis", scratch.path()));
    assert_eq!(missing.len(), 3);
    assert!(missing.values().all(|reason| reason.contains("does not exist")), "{missing:?}");
}

#[test]
fn a_shard_that_does_not_exist_is_refused() {
    let (_scratch, store) = store(&Example::new(1), TableFormat::Parquet, &Selection::default());
    for shard in [Shard { index: 2, count: 2 }, Shard { index: 0, count: 0 }] {
        let error = store.loader(LoaderOptions { shard, ..LoaderOptions::default() }).err();
        assert!(matches!(error, Some(DataError::Shard { .. })));
    }
}

#[test]
fn samples_of_three_images_and_of_nothing_are_loaded() {
    let mut example = Example::new(1);
    example.add_three(Split::Train);
    example.say_nothing(0);
    for format in FORMATS {
        let (_scratch, store) = store(&example, format, &Selection::default());
        let sizes: Vec<_> = store
            .loader(LoaderOptions::default())
            .unwrap()
            .map(|item| {
                let item = item.unwrap();
                (item.images().count(), item.masks().unwrap().len())
            })
            .collect();
        assert_eq!(sizes, [(2, 0), (2, 0), (2, 0), (3, 3), (3, 3), (3, 1)]);
    }
}
