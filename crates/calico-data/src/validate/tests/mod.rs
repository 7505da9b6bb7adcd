use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use calico_image::{Rle, Size};
use calico_result::Task;

use super::*;
use crate::build::{BuildRecord, SplitCounts};
use crate::example::{Example, rectangle, tables};
use crate::sources::Watch;
use crate::{BuildConfig, DataError, Dataset, HeldOut, SampleRecord, Split, TableFormat, Tables};

mod counts;
mod groups;
mod images;
mod nothing;
mod regions;
mod samples;

/// Two pairs of images in each split: 4 images, 16 regions and 6 samples.
const PAIRS: u32 = 2;
/// Where the rows of the test split begin.
const TEST_SAMPLES: usize = 12;

fn build_record(example: &Example, config: BuildConfig) -> BuildRecord {
    let counts = |split: Split| SplitCounts {
        images: example.images.iter().filter(|image| image.split == split).count() as u64,
        regions: example.regions.iter().filter(|(found, _)| *found == split).count() as u64,
        samples: example.samples.iter().filter(|(found, _)| *found == split).count() as u64,
        ..SplitCounts::default()
    };
    BuildRecord {
        format: BuildRecord::FORMAT.to_owned(),
        version: "0".to_owned(),
        seed: 0,
        config,
        sources: BTreeMap::new(),
        splits: Split::ALL.map(|split| (split, counts(split))).into(),
        test_cells: Vec::new(),
        warnings: Vec::new(),
    }
}

fn write(folder: &Path, example: &Example, config: Option<BuildConfig>) -> Dataset {
    example.write(folder, &Tables::default());
    if let Some(config) = config {
        let text = serde_json::to_string(&build_record(example, config)).unwrap();
        fs::write(folder.join("build.json"), text).unwrap();
    }
    Dataset::open(folder).unwrap()
}

fn report(example: &Example, config: Option<BuildConfig>) -> Report {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = write(scratch.path(), example, config);
    validate(&dataset, &ValidateOptions::default(), &Watch::unwatched()).unwrap()
}

/// Spoils a sound data set, and asserts that exactly the expected findings come of it: each a
/// rule, the id of the row, and words of the finding.
fn planted(spoil: impl FnOnce(&mut Example), expected: &[(Rule, &str, &str)]) {
    let mut example = Example::new(PAIRS);
    spoil(&mut example);
    same(&report(&example, Some(BuildConfig::default())), expected);
}

fn same(report: &Report, expected: &[(Rule, &str, &str)]) {
    let found: Vec<(Rule, &str)> =
        report.findings.iter().map(|finding| (finding.rule, finding.row.as_str())).collect();
    let rows: Vec<(Rule, &str)> = expected.iter().map(|(rule, row, _)| (*rule, *row)).collect();
    assert_eq!(found, rows, "{}", report.to_text());
    for (finding, (_, _, words)) in report.findings.iter().zip(expected) {
        let text = finding.to_string();
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(report.total(), expected.len() as u64);
}

fn sample(example: &mut Example, at: usize) -> &mut SampleRecord {
    &mut example.samples[at].1
}

const IMAGE3: &str = "paco_lvis/000000000003";

#[test]
fn a_sound_data_set_breaks_no_rule() {
    let example = Example::new(PAIRS);
    for config in [None, Some(BuildConfig::default())] {
        let report = report(&example, config);
        assert!(report.is_sound(), "{}", report.to_text());
        let rows = CheckedRows { images: 4, regions: 16, samples: 6, pictures: 0 };
        assert_eq!(report.rows, Split::ALL.map(|split| (split, rows)).into());
        assert!(report.to_text().ends_with("no rule is broken\n"));
    }
}

#[test]
fn both_formats_are_read() {
    let mut example = Example::new(PAIRS);
    sample(&mut example, 0).image_index = vec![2, 1];
    let mut reports = Vec::new();
    for format in [TableFormat::Parquet, TableFormat::JsonLines] {
        let scratch = tempfile::tempdir().unwrap();
        example.write(scratch.path(), &tables(format));
        let dataset = Dataset::open(scratch.path()).unwrap();
        let options = ValidateOptions::default();
        reports.push(validate(&dataset, &options, &Watch::unwatched()).unwrap());
    }
    assert_eq!(reports[0], reports[1]);
    assert!(!reports[0].is_sound());
}

#[test]
fn a_table_that_cannot_be_read_is_a_finding_and_the_others_are_looked_at() {
    let scratch = tempfile::tempdir().unwrap();
    let mut example = Example::new(PAIRS);
    sample(&mut example, 0).sample_id = "other".to_owned();
    sample(&mut example, 1).sample_id = "other".to_owned();
    let dataset = write(scratch.path(), &example, None);
    let path = scratch.path().join("samples/dev-00000-of-00001.parquet");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let report = validate(&dataset, &ValidateOptions::default(), &Watch::unwatched()).unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, [Rule::SampleIdUnique, Rule::TableReadable]);
    assert_eq!(report.rows[&Split::Test].samples, 6);
}

#[test]
fn the_progress_ends_at_the_number_of_rows_and_can_be_stopped() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = write(scratch.path(), &Example::new(PAIRS), None);
    let told = Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    let tell = |done, total| told.lock().unwrap().push((done, total));
    validate(&dataset, &ValidateOptions::default(), &Watch::new(&tell, &stop)).unwrap();
    assert_eq!(told.lock().unwrap().last(), Some(&(78, 78)));
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let stopped = validate(&dataset, &ValidateOptions::default(), &Watch::new(&tell, &stop));
    assert!(matches!(stopped, Err(DataError::Stopped)));
}
