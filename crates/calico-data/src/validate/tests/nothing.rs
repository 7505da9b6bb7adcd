//! Answers that say that there is nothing to name.

use super::*;

/// Says in a sample of the first pair that there is nothing.
fn silence(example: &mut Example, at: usize) {
    let sample = sample(example, at);
    sample.answer = "There is none.".to_owned();
    sample.region_ids.clear();
    sample.image_index.clear();
}

#[test]
fn an_answer_that_rightly_names_nothing_breaks_no_rule() {
    let mut example = Example::new(PAIRS);
    for first in [0, 6, 12] {
        example.say_nothing(first);
    }
    let report = report(&example, Some(BuildConfig::default()));
    assert!(report.is_sound(), "{}", report.to_text());
}

#[test]
fn an_answer_that_overlooks_something_is_found() {
    planted(
        |e| silence(e, 0),
        &[(Rule::CommonObject, "train-000000", "\"chair\" seen in all images")],
    );
    planted(
        |e| silence(e, 1),
        &[(Rule::CommonPart, "train-000001", "\"back\" seen on all objects")],
    );
    planted(
        |e| silence(e, 2),
        &[(Rule::UniquePart, "train-000002", "\"arm\" seen in image 2 only")],
    );
}

#[test]
fn parts_are_those_of_the_objects_that_the_sample_names() {
    let spoil = |example: &mut Example, class_b: &str| {
        silence(example, 1);
        sample(example, 1).class_b = class_b.to_owned();
        example.images[1].seen.insert(0, "bench".to_owned());
    };
    planted(|e| spoil(e, "bench"), &[]);
    planted(
        |e| spoil(e, "stool"),
        &[(Rule::ClassLabel, "train-000001", "\"stool\", not seen in image 2")],
    );
}

#[test]
fn an_empty_answer_says_nothing_at_all() {
    let mut example = Example::new(PAIRS);
    example.say_nothing(0);
    sample(&mut example, 0).answer.clear();
    let report = report(&example, None);
    same(&report, &[(Rule::AnswerGrammar, "train-000000", "an empty answer")]);
}

#[test]
fn an_answer_without_its_masks_is_found() {
    planted(
        |e| {
            sample(e, 0).region_ids.clear();
            sample(e, 0).image_index.clear();
        },
        &[(Rule::MaskCount, "train-000000", "2 of [SEG], 0 regions")],
    );
}
