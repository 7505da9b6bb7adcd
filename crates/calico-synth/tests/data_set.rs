//! Data sets as they are written.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use calico_data::build::Destination;
use calico_data::sources::Watch;
use calico_data::validate::{PictureRules, ValidateOptions, validate};
use calico_data::{Dataset, SampleRecord, Split};
use calico_synth::classes::classes;
use calico_synth::{Suite, SynthError, SynthOptions, SynthWatch, synthesize};
use tempfile::TempDir;

fn options(seed: u64, groups: &[(Split, u64)]) -> SynthOptions {
    SynthOptions { seed, groups: groups.to_vec(), size: 128, group_size: 2, cue: 0.3 }
}

fn write(folder: &Path, options: &SynthOptions) -> Result<(), SynthError> {
    let watch = SynthWatch { progress: &|_, _| (), stop: &AtomicBool::new(false) };
    synthesize(options, &Destination::new(folder).unwrap(), &watch).map(drop)
}

/// A data set with train, test and suites, drawn once.
fn drawn() -> &'static Path {
    static DRAWN: OnceLock<TempDir> = OnceLock::new();
    let made = || {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &options(3, &[(Split::Train, 60), (Split::Test, 27)])).unwrap();
        folder
    };
    DRAWN.get_or_init(made).path()
}

fn samples(folder: &Path, split: Split) -> Vec<SampleRecord> {
    Dataset::open(folder).unwrap().samples(split).unwrap().map(Result::unwrap).collect()
}

fn suite(suite: Suite) -> std::path::PathBuf {
    drawn().join("suites").join(suite.name())
}

#[test]
fn no_rule_of_data_sets_is_broken() {
    let folders = Suite::ALL.map(suite).into_iter().chain([drawn().to_owned()]);
    for folder in folders {
        let dataset = Dataset::open(&folder).unwrap();
        let options =
            ValidateOptions { pictures: PictureRules::Decode, ..ValidateOptions::default() };
        let (progress, stop) = (|_, _| (), AtomicBool::new(false));
        let watch = Watch::new(&progress, &stop);
        let report = validate(&dataset, &options, &watch).unwrap();
        assert!(report.is_sound(), "{}:\n{}", folder.display(), report.to_text());
    }
}

#[test]
fn each_sub_task_has_a_third() {
    let mut counts = BTreeMap::new();
    for sample in samples(drawn(), Split::Test) {
        *counts.entry(sample.subtask).or_insert(0) += 1;
        assert!(!sample.region_ids.is_empty());
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [9, 9, 9]);
}

#[test]
fn what_is_common_depends_on_the_partner() {
    let samples = samples(&suite(Suite::Context), Split::Test);
    assert_eq!(samples.len(), 18);
    for case in samples.chunks_exact(2) {
        let [one, two] = [&case[0], &case[1]];
        assert_eq!(one.image_ids[0], two.image_ids[0]);
        assert_ne!(one.image_ids[1], two.image_ids[1]);
        assert_ne!(one.class_a, two.class_a);
        let name = one.sample_id.strip_suffix("/a").unwrap();
        assert_eq!(two.sample_id, format!("{name}/b"));
    }
}

#[test]
fn answers_about_nothing_name_nothing_and_groups_of_three_have_three_pictures() {
    let nothing = samples(&suite(Suite::Nothing), Split::Test);
    assert_eq!(nothing.len(), 9);
    assert!(nothing.iter().all(|sample| sample.region_ids.is_empty()));
    let three = samples(&suite(Suite::Three), Split::Test);
    assert!(three.iter().all(|sample| sample.image_ids.len() == 3));
}

#[test]
fn training_never_pairs_the_classes_of_the_unseen_suite() {
    let pair = |sample: &SampleRecord| {
        let mut pair = [sample.class_a.clone(), sample.class_b.clone()];
        pair.sort();
        pair
    };
    let cross = |sample: &&SampleRecord| sample.class_a != sample.class_b;
    let group = |label: &str| classes().find(|class| class.label == label).unwrap().group;
    let trained: BTreeSet<_> = samples(drawn(), Split::Train)
        .iter()
        .filter(cross)
        .filter(|sample| group(&sample.class_a) == group(&sample.class_b))
        .map(pair)
        .collect();
    let unseen: BTreeSet<_> =
        samples(&suite(Suite::Unseen), Split::Test).iter().filter(cross).map(pair).collect();
    assert!(!unseen.is_empty() && !trained.is_empty());
    assert_eq!(trained.intersection(&unseen).count(), 0);
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn equal_seeds_give_equal_bytes_and_splits_share_no_picture() {
    let scratch = tempfile::tempdir().unwrap();
    let of = |name: &str, options: &SynthOptions| {
        let folder = scratch.path().join(name);
        write(&folder, options).unwrap();
        files(&folder)
    };
    let first = of("a", &options(9, &[(Split::Dev, 3), (Split::Test, 3)]));
    assert_eq!(first, of("b", &options(9, &[(Split::Dev, 3), (Split::Test, 3)])));
    let other = of("c", &options(10, &[(Split::Dev, 3), (Split::Test, 3)]));
    let pictures = |files: &BTreeMap<String, Vec<u8>>| {
        let all = files.iter().filter(|(name, _)| name.starts_with("pictures/"));
        all.map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>()
    };
    let all = [pictures(&first), pictures(&other)].concat();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn what_cannot_be_drawn_is_refused_and_nothing_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let sound = options(1, &[(Split::Test, 3)]);
    let changes: [fn(&mut SynthOptions); 6] = [
        |options| options.size = 127,
        |options| options.size = 513,
        |options| options.group_size = 1,
        |options| options.cue = f32::NAN,
        |options| options.groups[0].1 = 4,
        |options| options.groups[0].1 = 0,
    ];
    for change in changes {
        let mut wrong = sound.clone();
        change(&mut wrong);
        let error = write(&place, &wrong).unwrap_err();
        assert!(matches!(error, SynthError::Option { .. }), "{error}");
        assert!(!place.exists());
    }
    let watch = SynthWatch { progress: &|_, _| (), stop: &AtomicBool::new(true) };
    let stopped = synthesize(&sound, &Destination::new(&place).unwrap(), &watch);
    assert!(stopped.is_err() && fs::read_dir(scratch.path()).unwrap().next().is_none());
}
