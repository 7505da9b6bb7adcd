//! What a sample's answer names: which regions, in which order (mixedparts.md 3.5, 3.6).

use std::cmp::Reverse;

use calico_result::Task;

use super::corpus::{Corpus, Member};
use super::judge::{seen_parts, shared_classes};
use super::kept::{Entry, KeptImage, PartRegion};
use crate::{AnswerLimits, PartId, Stream, Vocabulary};

/// A label with its region in the first, in the second, or in both images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Phrase<'a> {
    pub(crate) label: &'a str,
    /// The number of its region, by image.
    pub(crate) slots: [Option<u32>; 2],
}

impl Phrase<'_> {
    /// The images, from 1, that have a region, and its number.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (u8, u32)> + use<> {
        let numbered = self.slots.into_iter().zip(1_u8..);
        numbered.filter_map(|(slot, image)| Some((image, slot?)))
    }
}

/// What an answer names, each list in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Content<'a> {
    /// The shared objects; of answers about parts, the object of both images, or that of each, or
    /// none.
    pub(crate) objects: Vec<Phrase<'a>>,
    pub(crate) common: Vec<Phrase<'a>>,
    /// By image.
    pub(crate) unique: [Vec<Phrase<'a>>; 2],
}

impl Content<'_> {
    /// The numbers of all regions that are named.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        let [first, second] = &self.unique;
        let all = self.objects.iter().chain(&self.common).chain(first).chain(second);
        all.flat_map(Phrase::segments).map(|(_, slot)| slot)
    }
}

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
            let phrase = Phrase { label, slots: [Some(a.slot), Some(b.slot)] };
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
        return vec![Phrase { label: label(a), slots: [Some(a.slot), Some(b.slot)] }];
    }
    vec![
        Phrase { label: label(a), slots: [Some(a.slot), None] },
        Phrase { label: label(b), slots: [None, Some(b.slot)] },
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
        let slots = [Some(a.part_slot(at)), Some(b.part_slot(other_at))];
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
) -> [Vec<Phrase<'a>>; 2] {
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
    let mut image = 0;
    lists.map(|list| {
        let phrases = list.into_iter().map(|(at, part)| {
            let mut slots = [None, None];
            slots[image] = Some(entries[image].part_slot(at));
            Phrase { label: vocabulary.part_label(part.part), slots }
        });
        let phrases = phrases.collect();
        image += 1;
        phrases
    })
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
