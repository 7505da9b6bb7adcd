//! How a data set lies on disk.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use calico_data::build::{BuildError, BuildStage, BuildWatch, Destination, build};
use calico_data::sources::Reading;
use calico_data::{Code, DataError, Problem, Split, TableFormat};

use crate::data::{build_at, files, input, small_config};
use crate::synthetic::random_reading;

const COUNTS: [(Split, usize); 3] = [(Split::Train, 40), (Split::Dev, 20), (Split::Test, 40)];

fn readings() -> Vec<Reading> {
    vec![random_reading("b", 1, COUNTS), random_reading("a", 2, COUNTS)]
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn equal_builds_write_equal_bytes_on_any_number_of_threads() {
    let scratch = tempfile::tempdir().unwrap();
    let mut config = small_config();
    config.tables.format = TableFormat::Parquet;
    let mut results = Vec::new();
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let place = scratch.path().join(threads.to_string());
        let mut readings = readings();
        if threads == 2 {
            readings.reverse();
        }
        pool.install(|| build_at(&place, readings, &config, 7)).unwrap();
        results.push(files(&place));
    }
    assert_eq!(results[0].keys().collect::<Vec<_>>(), results[1].keys().collect::<Vec<_>>());
    for (name, bytes) in &results[0] {
        assert!(*bytes == results[1][name], "{name} differs");
    }
    let other = scratch.path().join("other");
    build_at(&other, readings(), &config, 8).unwrap();
    let sample_file = "samples/train-00000-of-00001.parquet";
    assert!(files(&other)[sample_file] != results[0][sample_file]);
}

#[test]
fn a_data_set_has_all_its_files_and_no_path_of_this_machine() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let mut input = input(readings(), &small_config(), 7);
    for reading in &mut input.readings {
        reading.picture_root = scratch.path().join("pictures");
    }
    let destination = Destination::new(&place).unwrap();
    build(input, &destination, &BuildWatch::unwatched()).unwrap();
    let files = files(&place);
    let mut expected: Vec<String> = [
        "README.md",
        "build.json",
        "files.txt",
        "leak_report.json",
        "problems.jsonl",
        "roots.toml",
    ]
    .map(str::to_owned)
    .into();
    for split in ["train", "dev", "test"] {
        expected.push(format!("images/{split}.jsonl"));
        expected.push(format!("regions/{split}.jsonl"));
        expected.push(format!("samples/{split}-00000-of-00001.jsonl"));
    }
    expected.sort();
    assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected);
    let here = scratch.path().to_str().unwrap();
    for (name, bytes) in &files {
        let has_path = String::from_utf8_lossy(bytes).contains(here);
        assert_eq!(has_path, name == "roots.toml", "{name}");
    }
    let roots: toml::Table = fs::read_to_string(place.join("roots.toml")).unwrap().parse().unwrap();
    let pictures = scratch.path().join("pictures");
    assert_eq!(roots["roots"]["a"].as_str(), pictures.to_str());
    let card = String::from_utf8(files["README.md"].clone()).unwrap();
    assert!(card.contains("  - split: dev\n    path: samples/dev-*.jsonl\n"), "{card}");
    assert!(card.contains("path: regions/test.jsonl"), "{card}");
}

fn problem(code: Code) -> Problem {
    Problem {
        level: code.level(),
        code,
        source: "a".into(),
        split: "train".into(),
        image: Some("x.jpg".into()),
        annotation: None,
        detail: "as planted".into(),
    }
}

#[test]
fn an_error_stops_a_strict_build_and_is_listed() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let mut readings = readings();
    readings[0].problems = vec![problem(Code::Crowd), problem(Code::RleChar)];
    let run = |is_strict| {
        let mut input = input(readings.clone(), &small_config(), 1);
        input.is_strict = is_strict;
        build(input, &Destination::new(&place).unwrap(), &BuildWatch::unwatched())
    };
    let error = run(true).unwrap_err();
    assert!(matches!(error, DataError::Build(BuildError::Strict { errors: 1, .. })), "{error}");
    assert_eq!(names(scratch.path()), ["set.problems.jsonl"]);
    let listed = fs::read_to_string(scratch.path().join("set.problems.jsonl")).unwrap();
    assert_eq!(listed.lines().count(), 2);

    let record = run(false).unwrap();
    assert_eq!(record.sources["b"].problems["RLE_CHAR"], 1);
    assert_eq!(fs::read_to_string(place.join("problems.jsonl")).unwrap(), listed);
    // The list of the build that gave up has no use any more.
    assert_eq!(names(scratch.path()), ["set"]);
}

#[test]
fn too_much_skipped_stops_any_build() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    for (skipped, is_stopped) in [(5, false), (6, true)] {
        let mut readings = readings();
        (readings[0].images_listed, readings[0].images_skipped) = (100, skipped);
        let built = build_at(&place, readings, &small_config(), 1);
        assert_eq!(
            matches!(built, Err(DataError::Build(BuildError::Skipped { .. }))),
            is_stopped,
            "{built:?}"
        );
    }
}

#[test]
fn a_build_that_is_ended_keeps_the_earlier_data_set() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    build_at(&place, readings(), &small_config(), 1).unwrap();
    let before = files(&place);
    let stages = [
        BuildStage::Filter,
        BuildStage::Choose(Split::Train),
        BuildStage::Choose(Split::Test),
        BuildStage::Regions,
        BuildStage::WriteRegions(Split::Dev),
        BuildStage::WriteSamples(Split::Test),
    ];
    for end in stages {
        let stop = AtomicBool::new(false);
        let progress = |stage, _, _| {
            if stage == end {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let watch = BuildWatch::new(&progress, &stop);
        let input = input(readings(), &small_config(), 2);
        let ended = build(input, &Destination::new(&place).unwrap(), &watch);
        assert!(matches!(ended, Err(DataError::Stopped)), "{end}: {ended:?}");
        assert!(files(&place) == before, "{end}");
        assert_eq!(names(scratch.path()), ["set"], "{end}");
    }
}

#[test]
fn sources_that_make_no_sample_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let lonely = random_reading("a", 1, [(Split::Train, 1), (Split::Dev, 1), (Split::Test, 1)]);
    let error = build_at(&place, vec![lonely], &small_config(), 1).unwrap_err();
    assert!(matches!(error, DataError::Build(BuildError::NoSamples { .. })), "{error}");
    assert!(names(scratch.path()).is_empty());
}

#[test]
fn two_sources_of_one_name_and_labels_with_tags_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let twice = vec![random_reading("a", 1, COUNTS), random_reading("a", 2, COUNTS)];
    let error = build_at(&place, twice, &small_config(), 1).unwrap_err();
    assert!(matches!(error, DataError::Build(BuildError::RepeatedSource { .. })), "{error}");
    let mut reading = random_reading("a", 1, COUNTS);
    let mut vocabulary = (*reading.vocabulary).clone();
    vocabulary.part_labels[0] = "<p> arm".into();
    reading.vocabulary = vocabulary.into();
    let error = build_at(&place, vec![reading], &small_config(), 1).unwrap_err();
    assert!(matches!(error, DataError::Build(BuildError::Label { .. })), "{error}");
}
