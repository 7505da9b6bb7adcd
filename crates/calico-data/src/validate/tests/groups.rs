//! Samples that show three images.

use super::*;

/// A sound data set with three chairs in training: samples 18 to 20.
fn example() -> Example {
    let mut example = Example::new(PAIRS);
    example.add_three(Split::Train);
    example
}

fn spoiled(spoil: impl FnOnce(&mut Example), expected: &[(Rule, &str, &str)]) {
    let mut example = example();
    spoil(&mut example);
    same(&report(&example, Some(BuildConfig::default())), expected);
}

fn silence(example: &mut Example, at: usize) {
    let sample = sample(example, at);
    sample.answer = "There is none.".to_owned();
    sample.region_ids.clear();
    sample.image_index.clear();
}

#[test]
fn three_images_break_no_rule() {
    spoiled(|_| {}, &[]);
}

#[test]
fn what_is_common_is_in_every_image() {
    let cut = |example: &mut Example, at| {
        let sample = sample(example, at);
        sample.answer = sample.answer.replace(" [SEG] (IMAGE3)", "");
        sample.region_ids.truncate(2);
        sample.image_index.truncate(2);
    };
    let found = "in 2 images, expected 3";
    spoiled(|e| cut(e, 18), &[(Rule::CommonObject, "train-000018", found)]);
    spoiled(|e| cut(e, 19), &[(Rule::CommonPart, "train-000019", found)]);
}

#[test]
fn what_is_unique_is_seen_in_no_other_image() {
    spoiled(
        |e| e.images[14].seen.push("chair/leg".to_owned()),
        &[
            (Rule::SeenSorted, "paco_lvis/000000000015", ""),
            (Rule::UniquePart, "train-000020", "\"a leg\" of image 1, seen in image 3"),
        ],
    );
}

#[test]
fn nothing_is_looked_for_in_all_of_them() {
    spoiled(|e| silence(e, 18), &[(Rule::CommonObject, "train-000018", "\"chair\" seen in all")]);
    spoiled(|e| silence(e, 19), &[(Rule::CommonPart, "train-000019", "\"back\" seen on all")]);
    spoiled(
        |e| silence(e, 20),
        &[(Rule::UniquePart, "train-000020", "\"leg\" seen in image 1 only")],
    );
}
