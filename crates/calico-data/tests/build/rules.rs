//! What a data set holds.

use std::collections::{BTreeMap, BTreeSet};

use calico_data::build::{LeakReport, LeakRule};
use calico_data::{BuildConfig, Split};
use calico_result::Task;
use proptest::prelude::*;

use crate::data::{Data, build_at, built, small_config};
use crate::oracle;
use crate::synthetic::{image, object, random_reading, reading, sum};

const COUNTS: [(Split, usize); 3] = [(Split::Train, 30), (Split::Dev, 12), (Split::Test, 24)];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_sample_says_what_is_annotated(
        seed in any::<u64>(),
        max_parts in 1_u32..9,
        max_segments in 2_u32..21,
        max_uses in 1_u32..30,
        skip_incomplete in any::<bool>(),
    ) {
        let mut config = small_config();
        config.answers.max_parts = max_parts;
        config.answers.max_segments = max_segments;
        config.pairs.max_uses = max_uses;
        config.objects.skip_incomplete = skip_incomplete;
        let readings = || vec![random_reading("two", seed, COUNTS), random_reading("one", seed, COUNTS)];
        let data = built(readings(), &config, seed);
        oracle::check(&data, &readings(), &config);
        prop_assert!(data.samples[&Split::Train].len() > 5);
    }
}

fn counts(data: &Data, split: Split) -> BTreeMap<(String, Task), usize> {
    let mut counts = BTreeMap::new();
    for sample in &data.samples[&split] {
        *counts.entry((sample.source.clone(), sample.subtask)).or_default() += 1;
    }
    counts
}

#[test]
fn amounts_are_shared_equally_by_task_and_source() {
    let mut config = small_config();
    config.train.samples = 120;
    let counted = [(Split::Train, 120), (Split::Dev, 0), (Split::Test, 0)];
    let readings = vec![random_reading("a", 5, counted), random_reading("b", 6, counted)];
    let data = built(readings, &config, 1);
    let found = counts(&data, Split::Train);
    assert_eq!(found.len(), 6);
    assert!(found.values().all(|count| *count == 20), "{found:?}");
}

#[test]
fn groups_of_classes_share_equally_whatever_their_number_of_class_pairs() {
    let mut config = small_config();
    config.train.samples = 90;
    let counted = [(Split::Train, 200), (Split::Dev, 0), (Split::Test, 0)];
    let data = built(vec![random_reading("a", 5, counted)], &config, 1);
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for pair in &data.record.splits[&Split::Train].class_pairs {
        *groups.entry(&pair.group).or_default() +=
            pair.samples.get(&Task::CommonParts).unwrap_or(&0);
    }
    assert_eq!(groups, [("cutting tools", 10), ("same class", 10), ("seating", 10)].into());
}

#[test]
fn what_a_task_cannot_fill_goes_to_the_others() {
    // Chairs with all parts: nothing is unique.
    let chairs = (0..8).map(|n| {
        let parts = ["arm", "back", "leg", "seat"];
        image("a", Split::Train, &format!("{n}"), vec![object("chair", 20, &parts)])
    });
    let mut config = small_config();
    config.train.samples = 50;
    let data = built(vec![reading("a", chairs.collect())], &config, 1);
    let found = counts(&data, Split::Train);
    let of = |task| found.get(&("a".to_owned(), task)).copied().unwrap_or(0);
    assert_eq!(of(Task::UniqueParts), 0);
    assert_eq!((of(Task::CommonObjects), of(Task::CommonParts)), (25, 25));
    assert_eq!(data.record.warnings.iter().filter(|text| text.contains("train")).count(), 0);
}

#[test]
fn a_limit_per_class_pair_holds() {
    let mut config = small_config();
    config.train.max_per_class_pair.insert(Task::CommonParts, 3);
    let readings = vec![random_reading("a", 5, COUNTS)];
    let data = built(readings, &config, 1);
    let pairs = &data.record.splits[&Split::Train].class_pairs;
    assert!(pairs.iter().all(|pair| *pair.samples.get(&Task::CommonParts).unwrap_or(&0) <= 3));
}

#[test]
fn one_pair_of_images_serves_all_questions() {
    let mut config = small_config();
    config.train.samples = 60;
    let images = (0..40).map(|n| {
        let parts: &[&str] = if n % 2 == 0 { &["leg", "seat"] } else { &["leg", "arm"] };
        image("a", Split::Train, &format!("{n:02}"), vec![object("chair", 20, parts)])
    });
    let data = built(vec![reading("a", images.collect())], &config, 1);
    let pairs: BTreeSet<&[String]> =
        data.samples[&Split::Train].iter().map(|sample| sample.image_ids.as_slice()).collect();
    // Without sharing there would be nearly as many pairs as samples.
    assert!(pairs.len() < 45, "{} pairs", pairs.len());
}

#[test]
fn every_class_pair_is_tested_before_any_comes_again() {
    let mut config = small_config();
    config.test.pairs_per_cell = 7;
    let counted = [(Split::Train, 0), (Split::Dev, 0), (Split::Test, 150)];
    let data = built(vec![random_reading("a", 3, counted)], &config, 1);
    let pairs = &data.record.splits[&Split::Test].class_pairs;
    let found: Vec<u64> =
        pairs.iter().filter_map(|pair| pair.samples.get(&Task::CommonParts)).copied().collect();
    assert_eq!(found, [1; 7], "{pairs:?}");
}

#[test]
fn a_cell_without_candidates_is_told_and_the_others_stay_equal() {
    let all = ["arm", "back", "leg", "seat"];
    let chairs =
        (0..6).map(|n| image("a", Split::Test, &format!("{n}"), vec![object("chair", 20, &all)]));
    let data = built(vec![reading("a", chairs.collect())], &small_config(), 1);
    let cells: Vec<(Task, u64)> =
        data.record.test_cells.iter().map(|cell| (cell.subtask, cell.pairs)).collect();
    let expected = [(Task::CommonObjects, 4), (Task::CommonParts, 4), (Task::UniqueParts, 0)];
    assert_eq!(cells, expected);
    let warning = "The test split has no pair of a for unique_parts";
    assert!(data.record.warnings.iter().any(|text| text.starts_with(warning)));
}

#[test]
fn an_image_with_two_comparable_objects_asks_about_the_larger_and_is_ambiguous() {
    let mut config = small_config();
    config.answers.with_objects_per_10000 = 10_000;
    let both = |name, chair, stool| {
        let objects = vec![
            object("chair", chair, &["leg", "seat", "back"]),
            object("stool", stool, &["leg", "seat"]),
        ];
        image("a", Split::Train, name, objects)
    };
    let readings = vec![reading("a", vec![both("1", 30, 10), both("2", 30, 10)])];
    let data = built(readings, &config, 1);
    let samples = &data.samples[&Split::Train];
    let parts: Vec<_> =
        samples.iter().filter(|sample| sample.subtask == Task::CommonParts).collect();
    assert_eq!(parts.len(), 1);
    assert_eq!((parts[0].class_a.as_str(), parts[0].class_b.as_str()), ("chair", "chair"));
    assert!(parts[0].ambiguous);
    let shared: Vec<_> =
        samples.iter().filter(|sample| sample.subtask == Task::CommonObjects).collect();
    assert_eq!(shared.len(), 1);
    assert!(!shared[0].ambiguous && shared[0].region_ids.len() == 4);
}

#[test]
fn objects_of_equal_size_are_asked_about_once() {
    let both = |name| {
        let parts: &[&str] = &["leg", "seat"];
        let objects = vec![object("chair", 20, parts), object("stool", 20, parts)];
        image("a", Split::Train, name, objects)
    };
    let data = built(vec![reading("a", vec![both("1"), both("2")])], &small_config(), 1);
    let found = counts(&data, Split::Train);
    assert_eq!(found[&("a".to_owned(), Task::CommonParts)], 1);
}

#[test]
fn leaks_by_id_number_and_bytes_leave_training() {
    let chair = |split, name: &str| {
        image("a", split, name, vec![object("chair", 20, &["leg", "seat", "back"])])
    };
    let mut images = vec![
        chair(Split::Test, "000000000001"),
        chair(Split::Test, "x"),
        chair(Split::Test, "y"),
        chair(Split::Train, "x"),
        chair(Split::Train, "copy"),
        chair(Split::Dev, "z"),
        chair(Split::Train, "z2"),
    ];
    images[4].sha256 = Some(sum("a", "y"));
    images[6].sha256 = Some(sum("a", "z"));
    images.extend((10..16).map(|n| chair(Split::Train, &n.to_string())));
    let mut other = image(
        "b",
        Split::Train,
        "COCO_train2014_000000000001",
        vec![object("stool", 20, &["leg", "seat"])],
    );
    other.sha256 = Some([9; 32]);
    let others = vec![other, image("b", Split::Train, "q", vec![object("stool", 20, &["leg"])])];
    let readings = vec![reading("a", images), reading("b", others)];
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let record = build_at(&place, readings, &small_config(), 1).unwrap();
    let data = crate::data::read(&place, record);
    let trained: BTreeSet<&String> =
        data.samples[&Split::Train].iter().flat_map(|sample| &sample.image_ids).collect();
    assert_eq!(trained.len(), 6, "{trained:?}");
    let report = std::fs::read(place.join("leak_report.json")).unwrap();
    let report: LeakReport = serde_json::from_slice(&report).unwrap();
    let count = |rule| report.rules[&rule][&Split::Train];
    let found = [LeakRule::ImageId, LeakRule::FileName, LeakRule::Bytes].map(count);
    assert_eq!(found, [1, 1, 3]);
    assert_eq!((report.removed.len(), report.test_images_in_train), (4, 0));
    assert!(report.bytes_compared);
}

#[test]
fn copies_of_a_picture_are_never_paired() {
    let mut images: Vec<_> = (0..2)
        .map(|n| image("a", Split::Train, &format!("{n}"), vec![object("chair", 20, &["leg"])]))
        .collect();
    images.push(image("a", Split::Train, "2", vec![object("chair", 20, &["leg"])]));
    images[1].sha256 = images[0].sha256;
    let data = built(vec![reading("a", images)], &small_config(), 1);
    let objects = |task| counts(&data, Split::Train).get(&("a".to_owned(), task)).copied();
    // Of three pairs, one shows the same bytes twice.
    assert_eq!(objects(Task::CommonObjects), Some(2));
}

#[test]
fn both_orders_of_a_pair_occur() {
    let config = BuildConfig { ..small_config() };
    let data = built(vec![random_reading("a", 5, COUNTS)], &config, 1);
    let samples = &data.samples[&Split::Train];
    let ascending = samples.iter().filter(|s| s.image_ids[0] < s.image_ids[1]).count();
    assert!(ascending > samples.len() / 4 && ascending < samples.len() * 3 / 4, "{ascending}");
}
