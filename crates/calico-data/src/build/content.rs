//! What a sample's answer names: which regions, in which order (mixedparts.md 3.5, 3.6).

use std::cmp::Reverse;

use calico_result::Task;

use super::corpus::{Corpus, Member};
use super::judge::{seen_parts, shared_classes};
use super::kept::{Entry, KeptImage, PartRegion};
use crate::wording::{Content, Phrase};
use crate::{AnswerLimits, PartId, Stream, Vocabulary};

/// What the answer of a sample names. `members` are in the order of the images; the stream decides
/// whether an answer about parts grounds the objects first.
pub(crate) fn content_of<'a>(
    corpus: &'a Corpus,
    task: Task,
    members: [Member; 2],
    limits: &AnswerLimits,
    stream: &mut Stream,
) -> Content<'a> {
    let images = members.map(|member| corpus.image(member));
    let entries = members.map(|member| corpus.entry(member));
    let vocabulary = &*corpus.source_of(images[0]).vocabulary;
    if task == Task::CommonObjects {
        let objects = shared_objects(images, vocabulary);
        return Content { objects, ..Content::default() };
    }
    let wants_objects = stream.happens(limits.with_objects_per_10000);
    // Both objects take a [SEG] each, be they of one class or of two.
    let left = limits.max_segments.saturating_sub(2);
    let (objects, segments) = if wants_objects && left >= 2 {
        (objects_first(entries, vocabulary), left)
    } else {
        (Vec::new(), limits.max_segments)
    };
    let most_parts = limits.max_parts as usize;
    if task == Task::CommonParts {
        let most = most_parts.min(segments as usize / 2);
        let common = common_parts(entries, vocabulary, most);
        return Content { objects, common, ..Content::default() };
    }
    let most = most_parts.min(segments as usize);
    let unique = unique_parts(images, entries, vocabulary, most);
    Content { objects, unique, ..Content::default() }
}

fn shared_objects<'a>(images: [&'a KeptImage; 2], vocabulary: &'a Vocabulary) -> Vec<Phrase<'a>> {
    let [first, second] = images;
    let classes = shared_classes(first, second).into_iter();
    let mut ranked: Vec<(Reverse<u32>, Phrase<'a>)> = classes
        .filter_map(|class| {
            let (a, b) = (first.entry_of(class)?, second.entry_of(class)?);
            let label = vocabulary.class_label(class);
            let phrase = Phrase { label, slots: vec![Some(a.slot), Some(b.slot)] };
            Some((Reverse(a.object.share.min(b.object.share)), phrase))
        })
        .collect();
    ranked.sort_by_key(|(share, phrase)| (*share, phrase.label));
    ranked.into_iter().map(|(_, phrase)| phrase).collect()
}

fn objects_first<'a>(entries: [&Entry; 2], vocabulary: &'a Vocabulary) -> Vec<Phrase<'a>> {
    let [a, b] = entries;
    let label = |entry: &Entry| vocabulary.class_label(entry.class);
    if a.class == b.class {
        return vec![Phrase { label: label(a), slots: vec![Some(a.slot), Some(b.slot)] }];
    }
    vec![
        Phrase { label: label(a), slots: vec![Some(a.slot), None] },
        Phrase { label: label(b), slots: vec![None, Some(b.slot)] },
    ]
}

fn common_parts<'a>(
    entries: [&Entry; 2],
    vocabulary: &'a Vocabulary,
    most: usize,
) -> Vec<Phrase<'a>> {
    let [a, b] = entries;
    let mut ranked: Vec<(Reverse<u32>, Phrase<'a>)> = Vec::new();
    for (at, part) in a.parts.iter().enumerate() {
        let Ok(other_at) = b.parts.binary_search_by_key(&part.part, |other| other.part) else {
            continue;
        };
        let share = part.region.share.min(b.parts[other_at].region.share);
        let slots = vec![Some(a.part_slot(at)), Some(b.part_slot(other_at))];
        ranked.push((Reverse(share), Phrase { label: vocabulary.part_label(part.part), slots }));
    }
    ranked.sort_by_key(|(share, phrase)| (*share, phrase.label));
    ranked.into_iter().take(most).map(|(_, phrase)| phrase).collect()
}

/// The unique parts of both images, the largest `most` of all, but one of each image that has any:
/// an answer must not say that there is none.
fn unique_parts<'a>(
    images: [&KeptImage; 2],
    entries: [&Entry; 2],
    vocabulary: &'a Vocabulary,
    most: usize,
) -> Vec<Vec<Phrase<'a>>> {
    let [first, second] = [
        unique_of(entries[0], seen_parts(images[1], entries[1])),
        unique_of(entries[1], seen_parts(images[0], entries[0])),
    ];
    let mut lists = [first, second].map(|list| {
        let mut list: Vec<_> = list.collect();
        list.sort_by_key(|(_, part)| rank(part, vocabulary));
        list
    });
    while lists.iter().map(Vec::len).sum::<usize>() > most {
        let last = |list: &Vec<(usize, &PartRegion)>| {
            let (_, part) = list.last().filter(|_| list.len() > 1)?;
            Some(rank(part, vocabulary))
        };
        // The smaller of the two ends; the second image's where both are equal.
        let shorten = usize::from(last(&lists[1]) >= last(&lists[0]));
        if lists[shorten].len() < 2 {
            break;
        }
        lists[shorten].pop();
    }
    let numbered = lists.into_iter().enumerate();
    let of_image = numbered.map(|(image, list)| {
        let phrases = list.into_iter().map(|(at, part)| {
            let mut slots = vec![None, None];
            slots[image] = Some(entries[image].part_slot(at));
            Phrase { label: vocabulary.part_label(part.part), slots }
        });
        phrases.collect()
    });
    of_image.collect()
}

/// Larger parts first, then by label.
fn rank<'a>(part: &PartRegion, vocabulary: &'a Vocabulary) -> (Reverse<u32>, &'a str) {
    (Reverse(part.region.share), vocabulary.part_label(part.part))
}

fn unique_of<'a>(
    entry: &'a Entry,
    seen: &'a [PartId],
) -> impl Iterator<Item = (usize, &'a PartRegion)> {
    let parts = entry.parts.iter().enumerate();
    parts.filter(|(_, part)| seen.binary_search(&part.part).is_err())
}
