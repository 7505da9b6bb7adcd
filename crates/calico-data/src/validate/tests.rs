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
fn rules_for_images() {
    planted(
        |e| e.images[2].width = 30,
        &[
            (Rule::ImageSize, IMAGE3, "found 30x80"),
            (Rule::MaskSize, "8", "found a mask of 100x80, expected 30x80"),
            (Rule::MaskSize, "9", ""),
            (Rule::MaskSize, "10", ""),
            (Rule::MaskSize, "11", ""),
        ],
    );
    planted(
        |e| e.images[2].file_name = "../secret.jpg".to_owned(),
        &[(Rule::ImageFileName, IMAGE3, "\"../secret.jpg\"")],
    );
    planted(
        |e| e.images[2].sha256 = Some("ABC".to_owned()),
        &[(Rule::ImageHash, IMAGE3, "found ABC")],
    );
    planted(
        |e| e.images[2].seen.swap(1, 2),
        &[(Rule::SeenSorted, IMAGE3, "\"chair/leg\" before \"chair/back\"")],
    );
    planted(
        |e| e.images[2].seen.push("dragon".to_owned()),
        &[(Rule::LabelKnown, IMAGE3, "\"dragon\", expected a label of paco_lvis")],
    );
    planted(
        |e| {
            let mut copy = e.images[2].clone();
            (copy.file_name, copy.sha256) = ("train2017/000000000099.jpg".to_owned(), None);
            e.images.insert(3, copy);
        },
        &[(Rule::ImageIdUnique, IMAGE3, "again")],
    );
}

#[test]
fn an_image_in_the_table_of_another_split_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = write(scratch.path(), &Example::new(PAIRS), None);
    let folder = scratch.path().join("images");
    fs::rename(folder.join("train.parquet"), folder.join("x")).unwrap();
    fs::copy(folder.join("dev.parquet"), folder.join("train.parquet")).unwrap();
    let report = validate(&dataset, &ValidateOptions::default(), &Watch::unwatched()).unwrap();
    assert_eq!(report.counts[&Rule::ImageSplit], 4);
    assert_eq!(report.counts[&Rule::OneSplit], 4);
}

#[test]
fn an_image_in_two_splits_is_found_by_name_and_by_bytes() {
    let test_image = 8;
    planted(
        |e| e.images[2].sha256 = e.images[test_image].sha256.clone(),
        &[(Rule::OneSplit, IMAGE3, "the bytes of paco_lvis/000000000009 in test")],
    );
    planted(
        |e| e.images[2].file_name = "val2017/000000000009.jpg".to_owned(),
        &[(Rule::OneSplit, IMAGE3, "by its name, of paco_lvis/000000000009 in test")],
    );
}

#[test]
fn rules_for_regions() {
    let part = |e: &mut Example, part: &str| e.regions[1].1.part_label = Some(part.to_owned());
    planted(
        |e| e.regions[1].1.region_id = 40,
        &[
            (Rule::SampleRegions, "train-000001", "found region 1"),
            (Rule::RegionIdUnique, "40", "it once in the data set"),
        ],
    );
    planted(
        |e| e.regions[1].1.image_id = "paco_lvis/x".to_owned(),
        &[
            (Rule::RegionImage, "1", "found paco_lvis/x"),
            (Rule::RegionOfImage, "train-000001", "found region 1 in no known image"),
        ],
    );
    planted(
        |e| part(e, "seat"),
        &[
            (Rule::RegionUnique, "2", "\"chair/seat\" as in region 1"),
            (Rule::PhraseLabel, "train-000001", "\"the back\" for region 1"),
        ],
    );
    planted(
        |e| part(e, "wheel"),
        &[
            (Rule::RegionSeen, "1", "\"chair/wheel\""),
            (Rule::PhraseLabel, "train-000001", "\"the back\" for region 1"),
        ],
    );
    planted(
        |e| part(e, "beak"),
        &[
            (Rule::LabelKnown, "1", "\"chair/beak\""),
            (Rule::PhraseLabel, "train-000001", "\"the back\" for region 1"),
        ],
    );
}

#[test]
fn rules_for_masks() {
    planted(
        |e| e.regions[1].1.rle.counts.push('~'),
        &[(Rule::MaskDecodes, "1", "bad COCO run-length string")],
    );
    planted(
        |e| {
            let region = &mut e.regions[1].1;
            region.rle.size = [100, 80];
            let runs = Rle::from_counts(Size::new(100, 80), vec![0, 450, 7550]).unwrap();
            region.rle.counts = runs.compressed();
            region.bbox = [0, 0, 5, 100];
        },
        &[(Rule::MaskSize, "1", "found a mask of 80x100, expected 100x80")],
    );
    planted(|e| e.regions[1].1.area += 1, &[(Rule::MaskArea, "1", "found 451, expected 450")]);
    planted(
        |e| e.regions[1].1.bbox[2] += 1,
        &[(Rule::MaskBox, "1", "expected [13, 8, 30, 15], that of the mask")],
    );
    planted(
        |e| e.regions[1].1.rle.counts = Rle::empty(Size::new(80, 100)).compressed(),
        &[(Rule::MaskArea, "1", "without pixels")],
    );
    let shrink = |e: &mut Example, at: usize, bbox: [u32; 4]| {
        let region = &mut e.regions[at].1;
        (region.bbox, region.area) = (bbox, bbox[2] * bbox[3]);
        region.rle = rectangle(bbox);
    };
    planted(
        |e| shrink(e, 1, [20, 20, 7, 9]),
        &[(Rule::RegionArea, "1", "found 63 of 8000 pixels, expected at least 64")],
    );
    planted(
        |e| shrink(e, 0, [20, 20, 31, 33]),
        &[(Rule::RegionArea, "0", "found 1023 of 8000 pixels")],
    );
    let mut example = Example::new(PAIRS);
    let mut config = BuildConfig::default();
    config.parts.min_of_object_per_10000 = 1000;
    shrink(&mut example, 2, [20, 20, 10, 41]);
    same(
        &report(&example, Some(config)),
        &[(Rule::PartShare, "2", "found 410 of 4200 pixels of the object")],
    );
}

#[test]
fn rules_for_the_images_of_a_sample() {
    let id = "train-000000";
    planted(|e| sample(e, 1).sample_id = id.to_owned(), &[(Rule::SampleIdUnique, id, "again")]);
    planted(
        |e| sample(e, 12).sample_id = id.to_owned(),
        &[(Rule::SampleIdUnique, id, "it once in the data set")],
    );
    planted(
        |e| sample(e, 0).image_ids[1] = "paco_lvis/x".to_owned(),
        &[(Rule::SampleImages, id, "found paco_lvis/x")],
    );
    planted(
        |e| sample(e, 0).image_ids[1] = "paco_lvis/000000000009".to_owned(),
        &[(Rule::SampleSplit, id, "an image of test, expected train")],
    );
    planted(
        |e| sample(e, 0).source = "own".to_owned(),
        &[
            (Rule::SampleSource, id, "found an image of paco_lvis, expected own"),
            (Rule::SampleSource, id, ""),
        ],
    );
    planted(
        |e| {
            let sample = sample(e, 0);
            sample.image_ids[1] = sample.image_ids[0].clone();
            sample.region_ids[1] = 0;
        },
        &[(Rule::ImagesDiffer, id, "twice")],
    );
}

#[test]
fn rules_for_questions() {
    let id = "train-000002";
    for question in [
        "Which parts differ?",
        "Compare <image> (IMAGE2) with <image> (IMAGE1).",
        "Compare <image> (IMAGE1), <image> (IMAGE2) and <image> (IMAGE3).",
    ] {
        planted(
            |e| sample(e, 2).question = question.to_owned(),
            &[(Rule::QuestionImages, id, "expected <image> (IMAGE1) to <image> (IMAGE2)")],
        );
    }
}

#[test]
fn rules_for_the_form_of_an_answer() {
    let id = "train-000000";
    planted(
        |e| sample(e, 0).answer = "It is <p> the chair [SEG] (IMAGE1).".to_owned(),
        &[(Rule::AnswerGrammar, id, "[SEG] at byte")],
    );
    planted(
        |e| sample(e, 0).answer = "It is <p> the chair </p> [SEG] (IMAGE3).".to_owned(),
        &[(Rule::AnswerGrammar, id, "(IMAGE3)")],
    );
    planted(
        |e| sample(e, 0).region_ids.truncate(1),
        &[(Rule::MaskCount, id, "2 of [SEG], 1 regions, 2 image indices")],
    );
    planted(
        |e| sample(e, 0).image_index.truncate(1),
        &[(Rule::MaskCount, id, "2 of [SEG], 2 regions, 1 image indices")],
    );
    planted(
        |e| {
            sample(e, 0).region_ids.swap(0, 1);
            sample(e, 0).image_index.swap(0, 1);
        },
        &[(Rule::MaskOrder, id, "found image 2 for mask 1, expected (IMAGE1)")],
    );
    planted(
        |e| sample(e, 0).region_ids.swap(0, 1),
        &[
            (Rule::RegionOfImage, id, "found region 4 in paco_lvis/000000000002"),
            (Rule::RegionOfImage, id, "found region 0 in paco_lvis/000000000001"),
        ],
    );
    planted(
        |e| {
            let sample = sample(e, 0);
            sample.image_index[1] = 3;
        },
        &[
            (Rule::ImageIndex, id, "found 3, expected 1 to 2"),
            (Rule::MaskOrder, id, "found image 3 for mask 2"),
        ],
    );
    planted(
        |e| sample(e, 0).region_ids[0] = 999_999,
        &[(Rule::SampleRegions, id, "region 999999")],
    );
    planted(
        |e| {
            // The masks of the back and the seat of the first image change places.
            sample(e, 1).region_ids.swap(0, 2);
        },
        &[
            (
                Rule::PhraseLabel,
                "train-000001",
                "\"the back\" for region 2, expected its label \"seat\"",
            ),
            (Rule::PhraseLabel, "train-000001", "\"the seat\" for region 1"),
        ],
    );
}

#[test]
fn an_answer_without_a_mask_is_found() {
    planted(
        |e| {
            let sample = sample(e, 0);
            sample.answer = "There is none.".to_owned();
            sample.region_ids.clear();
            sample.image_index.clear();
        },
        &[(Rule::MaskCount, "train-000000", "0 of [SEG]")],
    );
}

#[test]
fn rules_for_common_objects() {
    let id = "train-000000";
    planted(
        |e| sample(e, 0).class_b = "bench".to_owned(),
        &[(Rule::ClassLabel, id, "found \"chair\" and \"bench\"")],
    );
    planted(
        |e| {
            let sample = sample(e, 0);
            sample.answer = "It is <p> the chair </p> [SEG] (IMAGE1).".to_owned();
            sample.region_ids.truncate(1);
            sample.image_index.truncate(1);
        },
        &[(Rule::CommonObject, id, "\"the chair\" in 1 images, expected 2")],
    );
    planted(
        |e| sample(e, 1).subtask = Task::CommonObjects,
        &[
            (Rule::CommonObject, "train-000001", "the part \"the back\""),
            (Rule::CommonObject, "train-000001", "the part \"the seat\""),
        ],
    );
}

#[test]
fn rules_for_common_parts() {
    let id = "train-000001";
    planted(
        |e| sample(e, 1).class_b = "bench".to_owned(),
        &[(Rule::ClassLabel, id, "region 5 of \"chair\", expected \"bench\" in image 2")],
    );
    planted(
        |e| {
            let sample = sample(e, 1);
            sample.answer = "It is <p> the back </p> [SEG] (IMAGE1).".to_owned();
            sample.region_ids.truncate(1);
            sample.image_index.truncate(1);
        },
        &[(Rule::CommonPart, id, "\"the back\" in 1 images, expected 2")],
    );
    planted(
        |e| sample(e, 0).subtask = Task::CommonParts,
        &[(Rule::CommonPart, "train-000000", "no part in the answer")],
    );
}

#[test]
fn rules_for_unique_parts() {
    let id = "train-000002";
    planted(
        |e| e.images[1].seen.insert(3, "chair/leg".to_owned()),
        &[(Rule::UniquePart, id, "\"a leg\" of image 1, seen in image 2")],
    );
    planted(
        |e| sample(e, 1).subtask = Task::UniqueParts,
        &[
            (Rule::UniquePart, "train-000001", "\"the back\" in 2 images, expected 1"),
            (Rule::UniquePart, "train-000001", "\"the seat\""),
        ],
    );
}

#[test]
fn answers_that_name_too_much_are_found() {
    let mut config = BuildConfig::default();
    config.answers.max_parts = 1;
    let example = Example::new(1);
    let rows =
        ["train-000001", "train-000002", "dev-000004", "dev-000005", "test-000007", "test-000008"];
    let expected = rows.map(|row| (Rule::AnswerSize, row, "found 2 parts, expected at most 1"));
    same(&report(&example, Some(config)), &expected);
}

#[test]
fn rules_for_the_test_split() {
    planted(
        |e| sample(e, TEST_SAMPLES).ambiguous = true,
        &[(Rule::TestClear, "test-000012", "an ambiguous sample")],
    );
    planted(|e| sample(e, 0).ambiguous = true, &[]);
    planted(
        |e| drop(e.samples.remove(TEST_SAMPLES)),
        &[
            (Rule::TestBalance, "paco_lvis common_parts", "2 samples, expected 1"),
            (Rule::TestBalance, "paco_lvis unique_parts", "2 samples, expected 1"),
        ],
    );
    let few = HeldOut { pairs_per_cell: 1, max_uses: 3 };
    let report =
        report(&Example::new(PAIRS), Some(BuildConfig { test: few, ..Default::default() }));
    assert_eq!(report.counts, [(Rule::TestBalance, 3)].into());
}

#[test]
fn images_that_are_shown_too_often_are_found() {
    let example = Example::new(1);
    let mut config = BuildConfig::default();
    config.test.max_uses = 2;
    same(
        &report(&example, Some(config.clone())),
        &[
            (
                Rule::ImageUses,
                "paco_lvis/000000000005",
                "3 samples that show it, expected at most 2",
            ),
            (Rule::ImageUses, "paco_lvis/000000000006", ""),
        ],
    );
    (config.test.max_uses, config.pairs.max_uses) = (3, 2);
    assert_eq!(report(&example, Some(config)).counts, [(Rule::ImageUses, 4)].into());
}

#[test]
fn tables_that_differ_from_build_json_are_found() {
    let scratch = tempfile::tempdir().unwrap();
    let example = Example::new(PAIRS);
    let mut record = build_record(&example, BuildConfig::default());
    record.splits.get_mut(&Split::Dev).unwrap().regions = 15;
    example.write(scratch.path(), &Tables::default());
    fs::write(scratch.path().join("build.json"), serde_json::to_string(&record).unwrap()).unwrap();
    let dataset = Dataset::open(scratch.path()).unwrap();
    let report = validate(&dataset, &ValidateOptions::default(), &Watch::unwatched()).unwrap();
    same(&report, &[(Rule::BuildCounts, "rows", "found 16, expected 15 as in build.json")]);
}

#[test]
fn of_many_findings_few_are_kept_and_all_counted() {
    let mut example = Example::new(PAIRS);
    for at in 0..16 {
        example.regions[at].1.area += 1;
    }
    let scratch = tempfile::tempdir().unwrap();
    let dataset = write(scratch.path(), &example, None);
    let options = ValidateOptions { most_per_rule: 3, ..ValidateOptions::default() };
    let report = validate(&dataset, &options, &Watch::unwatched()).unwrap();
    assert_eq!((report.findings.len(), report.total()), (3, 16));
    assert_eq!(report.findings[2].row, "2");
    assert!(report.to_text().contains("… and 13 more"), "{}", report.to_text());
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn rules_for_pictures() {
    let scratch = tempfile::tempdir().unwrap();
    let mut example = Example::new(PAIRS);
    let pictures = scratch.path().join("train2017");
    fs::create_dir(&pictures).unwrap();
    let picture = |width: u32, height: u32, shade: u8| {
        // A plain bitmap: a header of 54 bytes and rows of three bytes a pixel.
        let stride = (3 * width).div_ceil(4) * 4;
        let mut bytes = b"BM".to_vec();
        for number in
            [54 + stride * height, 0, 54, 40, width, height, 1 | 24 << 16, 0, 0, 0, 0, 0, 0]
        {
            bytes.extend(number.to_le_bytes());
        }
        bytes.resize(54 + (stride * height) as usize, shade);
        bytes
    };
    for (number, image) in (1_u8..).zip(&mut example.images) {
        let bytes = picture(100, 80, number);
        fs::write(scratch.path().join(&image.file_name), &bytes).unwrap();
        image.sha256 = Some(crate::build::hex(&sha2::Digest::finalize(
            <sha2::Sha256 as sha2::Digest>::new_with_prefix(&bytes),
        )));
    }
    let dataset = write(scratch.path(), &example, None);
    let looked_at = |dataset: &Dataset, pictures| {
        let options = ValidateOptions { pictures, ..ValidateOptions::default() };
        validate(dataset, &options, &Watch::unwatched()).unwrap()
    };
    let unknown = looked_at(&dataset, PictureRules::Decode);
    assert!(unknown.notes.iter().any(|note| note.contains("pictures of paco_lvis")));
    let dataset = dataset.with_root("paco_lvis", scratch.path());
    let sound = looked_at(&dataset, PictureRules::Decode);
    assert!(sound.is_sound(), "{}", sound.to_text());
    assert_eq!(sound.rows[&Split::Dev].pictures, 4);
    let file = |at: usize| scratch.path().join(&example.images[at].file_name);
    fs::remove_file(file(0)).unwrap();
    fs::write(file(1), picture(99, 80, 2)).unwrap();
    fs::write(file(2), picture(100, 80, 77)).unwrap();
    fs::write(file(3), b"not a picture").unwrap();
    let bytes = picture(100, 80, 5);
    fs::write(file(4), &bytes[..bytes.len() / 2]).unwrap();
    let counts = |pictures| looked_at(&dataset, pictures).counts;
    let header = [(Rule::PictureThere, 1), (Rule::PictureReadable, 1), (Rule::PictureSize, 1)];
    assert_eq!(counts(PictureRules::Header), header.into());
    assert_eq!(counts(PictureRules::Bytes)[&Rule::PictureBytes], 3);
    assert_eq!(counts(PictureRules::Decode)[&Rule::PictureReadable], 2);
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
