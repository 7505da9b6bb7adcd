//! When an answer may say that there is nothing to name.

use std::collections::{BTreeMap, BTreeSet};

use calico_result::Task;

use super::Rule;
use super::findings::TableFindings;
use super::known_labels::seen_label;
use super::subtask_rules::class_of;
use crate::{ImageRecord, SampleRecord};

/// Looks for what an answer without a mask should have named, by what is seen in its images.
pub(super) fn check(sample: &SampleRecord, images: &[&ImageRecord], findings: &mut TableFindings) {
    let id = &sample.sample_id;
    if sample.answer.trim().is_empty() {
        findings.add(Rule::AnswerGrammar, id, "an empty answer", "a sentence");
    }
    if sample.subtask == Task::CommonObjects {
        let objects = images.iter().map(|image| labels_of(image, None));
        if let Some(label) = in_all(objects) {
            let found = format!("no object in the answer, {label:?} seen in all images");
            findings.add(Rule::CommonObject, id, found, "an answer that names it");
        }
        return;
    }
    for (number, image) in (1..).zip(images) {
        let class = class_of(sample, number);
        if !image.seen.iter().any(|seen| seen == class) {
            let found = format!("{class:?}, not seen in image {number}");
            findings.add(Rule::ClassLabel, id, found, "an object that is seen");
            return;
        }
    }
    let parts = (1..).zip(images).map(|(number, image)| {
        labels_of(image, Some(&seen_label(class_of(sample, number), Some(""))))
    });
    if sample.subtask == Task::CommonParts {
        if let Some(label) = in_all(parts) {
            let found = format!("no part in the answer, {label:?} seen on all objects");
            findings.add(Rule::CommonPart, id, found, "an answer that names it");
        }
    } else if let Some((label, image)) = in_one(parts) {
        let found = format!("no part in the answer, {label:?} seen in image {image} only");
        findings.add(Rule::UniquePart, id, found, "an answer that names it");
    }
}

/// The objects of an image, or what follows a prefix: the parts of one of its objects.
fn labels_of<'a>(image: &'a ImageRecord, prefix: Option<&str>) -> BTreeSet<&'a str> {
    let seen = image.seen.iter().map(String::as_str);
    match prefix {
        None => seen.filter(|label| !label.contains('/')).collect(),
        Some(prefix) => seen.filter_map(|label| label.strip_prefix(prefix)).collect(),
    }
}

fn in_all<'a>(mut images: impl Iterator<Item = BTreeSet<&'a str>>) -> Option<&'a str> {
    let first = images.next()?;
    let shared = images.fold(first, |shared, labels| &shared & &labels);
    shared.into_iter().next()
}

/// A label of one image, from 1, and of no other.
fn in_one<'a>(images: impl Iterator<Item = BTreeSet<&'a str>>) -> Option<(&'a str, usize)> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, labels) in (1..).zip(images) {
        for label in labels {
            places.entry(label).or_default().push(number);
        }
    }
    places.into_iter().find_map(|(label, images)| match images.as_slice() {
        [only] => Some((label, *only)),
        _ => None,
    })
}
