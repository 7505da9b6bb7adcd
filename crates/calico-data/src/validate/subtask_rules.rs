//! What an answer must name, by sub-task (mixedparts.md 3.5, 3.6).

use calico_result::Task;

use super::Rule;
use super::findings::TableFindings;
use super::known_labels::seen_label;
use super::region_facts::RegionFacts;
use super::sample_rules::Phrase;
use crate::{AnswerLimits, ImageRecord, SampleRecord};

/// Looks at what the phrases of an answer name, given that references and labels are sound.
pub(super) fn check(
    sample: &SampleRecord,
    phrases: &[Phrase<'_>],
    images: &[&ImageRecord],
    regions: &RegionFacts,
    findings: &mut TableFindings,
) {
    let id = &sample.sample_id;
    if sample.subtask == Task::CommonObjects {
        common_objects(sample, phrases, regions, findings);
        return;
    }
    for (image, fact) in phrases.iter().flat_map(|phrase| &phrase.masks) {
        let class = class_of(sample, *image);
        if regions.object(fact) != class {
            let found = format!("region {} of {:?}", fact.region_id, regions.object(fact));
            findings.add(Rule::ClassLabel, id, found, format!("{class:?} in image {image}"));
            return;
        }
    }
    let (common, rule) = match sample.subtask {
        Task::CommonParts => (true, Rule::CommonPart),
        _ => (false, Rule::UniquePart),
    };
    let mut parts = 0;
    for phrase in phrases.iter().filter(|phrase| is_part(phrase)) {
        parts += 1;
        if !phrase.masks.iter().all(|(_, fact)| fact.is_part()) {
            findings.add(
                rule,
                id,
                format!("parts and objects as {:?}", phrase.text),
                "one of them",
            );
        }
        let found = format!("{:?} in {} images", phrase.text, phrase.masks.len());
        let expected = if common { images.len() } else { 1 };
        if phrase.masks.len() != expected {
            findings.add(rule, id, found, expected);
        } else if !common {
            unique_part(sample, phrase, images, regions, findings);
        }
    }
    if parts == 0 {
        findings.add(rule, id, "no part in the answer", "at least one");
    }
}

fn common_objects(
    sample: &SampleRecord,
    phrases: &[Phrase<'_>],
    regions: &RegionFacts,
    findings: &mut TableFindings,
) {
    let id = &sample.sample_id;
    if sample.class_a != sample.class_b {
        let found = format!("{:?} and {:?}", sample.class_a, sample.class_b);
        findings.add(Rule::ClassLabel, id, found, "one class in all images");
    }
    for phrase in phrases {
        let found = format!("{:?} in {} images", phrase.text, phrase.masks.len());
        if is_part(phrase) {
            findings.add(
                Rule::CommonObject,
                id,
                format!("the part {:?}", phrase.text),
                "an object",
            );
        } else if phrase.masks.len() != sample.image_ids.len() {
            findings.add(Rule::CommonObject, id, found, sample.image_ids.len());
        }
    }
    let mut named = phrases.iter().flat_map(|phrase| &phrase.masks);
    if !named.any(|(_, fact)| regions.object(fact) == sample.class_a) {
        let expected = format!("{:?} among them", sample.class_a);
        findings.add(Rule::ClassLabel, id, "other objects in the answer", expected);
    }
}

/// Whether the part of an image is not seen in the others.
fn unique_part(
    sample: &SampleRecord,
    phrase: &Phrase<'_>,
    images: &[&ImageRecord],
    regions: &RegionFacts,
    findings: &mut TableFindings,
) {
    let Some((own, fact)) = phrase.masks.first() else { return };
    let others = (1..).zip(images).filter(|(image, _)| image != own);
    for (image, record) in others {
        let label = seen_label(class_of(sample, image), regions.part(fact));
        if record.seen.contains(&label) {
            let found = format!("{:?} of image {own}, seen in image {image}", phrase.text);
            findings.add(Rule::UniquePart, &sample.sample_id, found, "a part of one image");
            return;
        }
    }
}

/// Looks at how much an answer names.
pub(super) fn check_size(
    sample: &SampleRecord,
    phrases: &[Phrase<'_>],
    limits: &AnswerLimits,
    findings: &mut TableFindings,
) {
    let id = &sample.sample_id;
    let parts = phrases.iter().filter(|phrase| is_part(phrase)).count();
    let objects = phrases.len() - parts;
    // At most one of each image is grounded before the parts.
    let images = u32::try_from(sample.image_ids.len()).unwrap_or(u32::MAX);
    let most_objects =
        if sample.subtask == Task::CommonObjects { limits.max_shared_objects } else { images };
    let counts = [
        (sample.region_ids.len(), limits.max_segments, "of [SEG]"),
        (parts, limits.max_parts, "parts"),
        (objects, most_objects, "objects"),
    ];
    for (found, most, what) in counts {
        if found > most as usize {
            findings.add(
                Rule::AnswerSize,
                id,
                format!("{found} {what}"),
                format!("at most {most}"),
            );
        }
    }
}

fn is_part(phrase: &Phrase<'_>) -> bool {
    phrase.masks.iter().any(|(_, fact)| fact.is_part())
}

/// The class of the object in an image, counted from 1.
pub(super) fn class_of(sample: &SampleRecord, image: usize) -> &str {
    if image == 1 { &sample.class_a } else { &sample.class_b }
}
