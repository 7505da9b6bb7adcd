//! Data sets as they are written.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use calico_data::build::Destination;
use calico_data::sources::{Watch, sha256};
use calico_data::validate::{PictureRules, Report, ValidateOptions, validate};
use calico_data::{Dataset, ImageRecord, RegionRecord, SampleRecord, Split, Tables, tables};
use calico_result::{Task, create_output_folder};
use calico_synth::classes::classes;
use calico_synth::{Suite, SynthError, SynthOptions, SynthWatch, synthesize};
use tempfile::TempDir;

fn options(seed: u64, groups: &[(Split, u64)]) -> SynthOptions {
    SynthOptions {
        seed,
        groups: groups.to_vec(),
        size: SynthOptions::LEAST_SIZE,
        group_size: SynthOptions::DEFAULT_GROUP_SIZE,
        cue: SynthOptions::DEFAULT_CUE,
    }
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

fn checked(folder: &Path, pictures: PictureRules) -> Report {
    let options = ValidateOptions { pictures, ..ValidateOptions::default() };
    let (progress, stop) = (|_, _| (), AtomicBool::new(false));
    let watch = Watch::new(&progress, &stop);
    validate(&Dataset::open(folder).unwrap(), &options, &watch).unwrap()
}

#[test]
fn no_rule_of_data_sets_is_broken() {
    let folders = Suite::ALL.map(suite).into_iter().chain([drawn().to_owned()]);
    for folder in folders {
        let report = checked(&folder, PictureRules::Decode);
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

/// The number of objects of each picture of a sample.
fn objects_of(regions: &[RegionRecord], sample: &SampleRecord) -> Vec<usize> {
    let of = |image: &String| {
        let objects = regions.iter().filter(|region| region.part_label.is_none());
        objects.filter(|region| region.image_id == *image).count()
    };
    sample.image_ids.iter().map(of).collect()
}

fn regions(folder: &Path, split: Split) -> Vec<RegionRecord> {
    Dataset::open(folder).unwrap().regions(split).unwrap().map(Result::unwrap).collect()
}

#[test]
fn of_pictures_with_no_part_to_name_half_show_one_object_and_all_of_them_in_training() {
    let about_parts = |sample: &&SampleRecord| sample.subtask != Task::CommonObjects;
    let folder = suite(Suite::Nothing);
    let (all, drawn_regions) = (samples(&folder, Split::Test), regions(&folder, Split::Test));
    let counts = |sample: &SampleRecord| objects_of(&drawn_regions, sample);
    let (alone, beside): (Vec<_>, Vec<_>) =
        all.iter().filter(about_parts).map(counts).partition(|counts| *counts == [1, 1]);
    assert_eq!((alone.len(), beside.len()), (4, 2));
    assert!(beside.iter().flatten().all(|count| (2..=3).contains(count)), "{beside:?}");

    let trained = regions(drawn(), Split::Train);
    let all = samples(drawn(), Split::Train);
    let nothing = all.iter().filter(|sample| sample.region_ids.is_empty()).filter(about_parts);
    assert_eq!(nothing.clone().count(), 10);
    assert!(nothing.clone().all(|sample| objects_of(&trained, sample) == [1, 1]));
}

#[test]
fn training_never_pairs_the_classes_of_the_unseen_suite() {
    let compared = |samples: &[SampleRecord]| -> BTreeSet<[String; 2]> {
        let about_parts = samples.iter().filter(|sample| sample.subtask != Task::CommonObjects);
        let pairs = about_parts.map(|sample| {
            let mut pair = [sample.class_a.clone(), sample.class_b.clone()];
            pair.sort();
            pair
        });
        pairs.filter(|[one, other]| one != other).collect()
    };
    // The second and the third class of each group; a third of all choices would be such a pair.
    let groups: BTreeSet<_> = classes().map(|class| class.group).collect();
    let held_out: BTreeSet<[String; 2]> = groups
        .into_iter()
        .map(|group| {
            let labels = classes().filter(|class| class.group == group).map(|class| class.label);
            let mut pair: Vec<String> = labels.skip(1).map(str::to_owned).collect();
            pair.sort();
            pair.try_into().unwrap()
        })
        .collect();
    let trained = compared(&samples(drawn(), Split::Train));
    let unseen = compared(&samples(&suite(Suite::Unseen), Split::Test));
    assert!(trained.len() >= 8 && unseen.len() >= 3, "{trained:?} {unseen:?}");
    assert!(unseen.is_subset(&held_out), "{unseen:?}");
    assert!(trained.is_disjoint(&held_out), "{trained:?}");
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
    let splits = [(Split::Train, 12), (Split::Dev, 3), (Split::Test, 3)];
    let of = |name: &str, seed: u64| {
        let folder = scratch.path().join(name);
        write(&folder, &options(seed, &splits)).unwrap();
        files(&folder)
    };
    let first = of("a", 9);
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(first, one_thread.install(|| of("b", 9)));
    let other = of("c", 10);
    let pictures = |files: &BTreeMap<String, Vec<u8>>| {
        let all = files.iter().filter(|(name, _)| name.contains("pictures/"));
        all.map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>()
    };
    for suite in Suite::ALL {
        let folder = format!("suites/{suite}/pictures/test/");
        assert!(first.keys().any(|name| name.starts_with(&folder)), "{suite}");
    }
    let all = [pictures(&first), pictures(&other)].concat();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn pictures_have_their_digests_and_a_copy_in_another_split_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let set = scratch.path();
    write(set, &options(2, &[(Split::Dev, 3), (Split::Test, 3)])).unwrap();
    let images = |split| {
        let rows = Dataset::open(set).unwrap().images(split).unwrap();
        rows.map(Result::unwrap).collect::<Vec<ImageRecord>>()
    };
    for split in [Split::Dev, Split::Test] {
        for image in images(split) {
            let digest = sha256(&set.join("pictures").join(&image.file_name)).unwrap();
            let digits = image.sha256.as_deref().unwrap();
            let found = (0..digits.len()).step_by(2);
            let found = found.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
            assert_eq!(found.collect::<Vec<_>>(), digest, "{}", image.image_id);
        }
    }
    let report = checked(set, PictureRules::Bytes);
    assert!(report.is_sound(), "{}", report.to_text());
    let mut rows = images(Split::Dev);
    rows[0].sha256 = images(Split::Test)[0].sha256.clone();
    let folder = create_output_folder(set).unwrap();
    tables::write_images(&folder, Split::Dev, &rows, &Tables::default()).unwrap();
    let report = checked(set, PictureRules::Skip);
    assert!(
        !report.is_sound() && report.to_text().contains("the bytes of"),
        "{}",
        report.to_text()
    );
}

/// Makes options wrong.
type Change = fn(&mut SynthOptions);

#[test]
fn what_cannot_be_drawn_is_refused_and_nothing_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("set");
    let sound = options(1, &[(Split::Test, 3)]);
    let changes: [(Change, &str); 10] = [
        (|options| options.size = 127, "a size of 127"),
        (|options| options.size = 513, "a size of 513"),
        (|options| options.group_size = 1, "a group size of 1"),
        (|options| options.cue = f32::NAN, "a cue of NaN"),
        (|options| options.groups[0].1 = 4, "groups of 4 for the split test"),
        (|options| options.groups[0].1 = 0, "groups of 0 for the split test"),
        (|options| options.groups.push((Split::Dev, 0)), "groups of 0 for the split dev"),
        (|options| options.groups.push((Split::Dev, 99_999)), "100002 for all splits"),
        (|options| options.groups.push((Split::Test, 6)), "test twice"),
        (|options| options.groups.clear(), "list of splits of none"),
    ];
    for (change, words) in changes {
        let mut wrong = sound.clone();
        change(&mut wrong);
        let error = write(&place, &wrong).unwrap_err();
        assert!(matches!(error, SynthError::Option { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!place.exists());
    }
    let watch = SynthWatch { progress: &|_, _| (), stop: &AtomicBool::new(true) };
    let stopped = synthesize(&sound, &Destination::new(&place).unwrap(), &watch);
    assert!(stopped.is_err() && fs::read_dir(scratch.path()).unwrap().next().is_none());
}
