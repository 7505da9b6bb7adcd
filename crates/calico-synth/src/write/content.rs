use std::cmp::Reverse;
use std::collections::BTreeSet;

use calico_data::wording::{Content, Phrase};
use calico_result::Task;

use crate::scene::{Drawing, DrawnObject, Role};

/// A part of fewer pixels is seen, but not asked about.
pub(super) const LEAST_PIXELS: u64 = 12;

/// The number of the region of an object, or of one of its parts, in its picture.
pub(super) fn slot(drawing: &Drawing, object: usize, part: Option<usize>) -> u32 {
    let before: usize = drawing.objects.iter().take(object).map(|o| 1 + o.parts.len()).sum();
    (before + part.map_or(0, |part| part + 1)) as u32
}

/// What the answer to a task names in pictures. Slots are numbers of regions *within* each
/// picture, see [`slot`].
///
/// `None` if a part that has to be named is too small for a fair question.
pub(super) fn content_of(
    task: Task,
    drawings: &[&Drawing],
    with_objects: bool,
) -> Option<Content<'static>> {
    if task == Task::CommonObjects {
        return Some(Content { objects: common_objects(drawings), ..Content::default() });
    }
    let asked: Option<Vec<(usize, &DrawnObject)>> = drawings
        .iter()
        .map(|drawing| {
            drawing.objects.iter().enumerate().find(|(_, object)| object.role == Role::Parts)
        })
        .collect();
    let asked = asked?;
    let labels: BTreeSet<&'static str> =
        asked.iter().flat_map(|(_, object)| &object.parts).map(|part| part.label).collect();
    let mut common: Vec<(u64, Phrase<'static>)> = Vec::new();
    let mut unique: Vec<Vec<(u64, Phrase<'static>)>> = vec![Vec::new(); drawings.len()];
    for label in labels {
        let slots: Vec<Option<(u32, u64)>> = drawings
            .iter()
            .zip(&asked)
            .map(|(drawing, (at, object))| {
                let part = object.parts.iter().position(|part| part.label == label)?;
                Some((slot(drawing, *at, Some(part)), object.parts[part].area))
            })
            .collect();
        let least = slots.iter().flatten().map(|(_, area)| *area).min().unwrap_or(0);
        let phrase =
            Phrase { label, slots: slots.iter().map(|s| s.map(|(slot, _)| slot)).collect() };
        let owners: Vec<usize> =
            slots.iter().enumerate().filter_map(|(image, slot)| slot.map(|_| image)).collect();
        if owners.len() == drawings.len() {
            common.push((least, phrase));
        } else if let [only] = owners.as_slice() {
            unique[*only].push((least, phrase));
        }
    }
    let is_common = task == Task::CommonParts;
    let named = common.iter().filter(|_| is_common);
    let mut named = named.chain(unique.iter().flatten().filter(|_| !is_common));
    if named.any(|(area, _)| *area < LEAST_PIXELS) {
        return None;
    }
    let objects = if with_objects { objects_first(drawings, &asked) } else { Vec::new() };
    Some(if is_common {
        Content { objects, common: ranked(common), unique: Vec::new() }
    } else {
        Content { objects, common: Vec::new(), unique: unique.into_iter().map(ranked).collect() }
    })
}

/// The larger ones first.
fn ranked(mut phrases: Vec<(u64, Phrase<'static>)>) -> Vec<Phrase<'static>> {
    phrases.sort_by_key(|(area, phrase)| (Reverse(*area), phrase.label));
    phrases.into_iter().map(|(_, phrase)| phrase).collect()
}

fn common_objects(drawings: &[&Drawing]) -> Vec<Phrase<'static>> {
    let Some(first) = drawings.first() else { return Vec::new() };
    let phrase = |label: &'static str| {
        let slots: Option<Vec<Option<u32>>> = drawings
            .iter()
            .map(|drawing| {
                let at = drawing.objects.iter().position(|object| object.class.label == label)?;
                Some(Some(slot(drawing, at, None)))
            })
            .collect();
        Some(Phrase { label, slots: slots? })
    };
    first.objects.iter().filter_map(|object| phrase(object.class.label)).collect()
}

/// One phrase for objects of one class; for two pictures of two classes one for each.
fn objects_first(drawings: &[&Drawing], asked: &[(usize, &DrawnObject)]) -> Vec<Phrase<'static>> {
    let slots: Vec<u32> =
        drawings.iter().zip(asked).map(|(drawing, (at, _))| slot(drawing, *at, None)).collect();
    let labels: Vec<&'static str> = asked.iter().map(|(_, object)| object.class.label).collect();
    match labels.as_slice() {
        [first, rest @ ..] if rest.iter().all(|label| label == first) => {
            vec![Phrase { label: first, slots: slots.into_iter().map(Some).collect() }]
        }
        [first, second] => vec![
            Phrase { label: first, slots: vec![Some(slots[0]), None] },
            Phrase { label: second, slots: vec![None, Some(slots[1])] },
        ],
        _ => Vec::new(),
    }
}
