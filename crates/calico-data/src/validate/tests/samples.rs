//! Rules for questions and answers.

use super::*;

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
