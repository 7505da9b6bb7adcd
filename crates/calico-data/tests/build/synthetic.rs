//! Readings made up by chance: a few classes with parts, rectangles as masks.

use std::collections::BTreeSet;
use std::sync::Arc;

use calico_data::sources::{Reading, SourceImage, SourceObject, SourcePart};
use calico_data::{ClassId, ComparablePair, ObjectClass, PartId, Split, Stream, Vocabulary};
use calico_image::{Rle, Size};

pub(crate) const SIDE: u32 = 48;
const SIZE: Size = Size::new(SIDE, SIDE);

/// Class, its parts; `ball` has none, and `gaze` is no physical part.
const CLASSES: [(&str, &[&str]); 6] = [
    ("ball", &[]),
    ("chair", &["arm", "back", "leg", "seat"]),
    ("knife", &["blade", "handle"]),
    ("person", &["arm", "gaze", "head", "leg"]),
    ("scissors", &["blade", "finger hole", "handle"]),
    ("stool", &["leg", "seat"]),
];
const GROUPS: [(&str, &str, &str); 2] =
    [("chair", "stool", "seating"), ("knife", "scissors", "cutting tools")];

pub(crate) fn vocabulary(source: &str) -> Vocabulary {
    let labels: BTreeSet<&str> =
        CLASSES.iter().flat_map(|(_, parts)| parts.iter().copied()).collect();
    let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
    let part = |label: &str| PartId(labels.iter().position(|known| known == label).unwrap() as u16);
    let class = |label: &str| {
        ClassId(CLASSES.iter().position(|(known, _)| *known == label).unwrap() as u16)
    };
    let pair = |a: &str, b: &str, group: &str| ComparablePair {
        a: class(a),
        b: class(b),
        group: group.to_owned(),
    };
    let same = CLASSES.iter().filter(|(_, parts)| !parts.is_empty());
    let mut comparable: Vec<ComparablePair> =
        same.map(|(label, _)| pair(label, label, "same class")).collect();
    comparable.extend(GROUPS.map(|(a, b, group)| pair(a, b, group)));
    comparable.sort();
    Vocabulary {
        source: source.to_owned(),
        classes: CLASSES
            .iter()
            .map(|(label, parts)| ObjectClass {
                name: (*label).to_owned(),
                label: (*label).to_owned(),
                parts: parts.iter().map(|label| part(label)).collect(),
            })
            .collect(),
        part_labels: labels.clone(),
        comparable,
    }
}

/// A filled rectangle.
pub(crate) fn rectangle(left: u32, top: u32, width: u32, height: u32) -> Rle {
    let mut counts = vec![left * SIDE + top];
    for column in 0..width {
        if column > 0 {
            counts.push(SIDE - height);
        }
        counts.push(height);
    }
    counts.push(SIDE * SIDE - counts.iter().sum::<u32>());
    Rle::from_counts(SIZE, counts).unwrap()
}

pub(crate) fn reading(source: &str, images: Vec<SourceImage>) -> Reading {
    let mut images = images;
    images.sort_by(|a, b| a.image_id.cmp(&b.image_id));
    Reading {
        vocabulary: Arc::new(vocabulary(source)),
        picture_root: "pictures".into(),
        images_listed: images.len() as u64,
        annotations_listed: images.len() as u64,
        images,
        problems: vec![],
        images_skipped: 0,
        annotations_skipped: 0,
        files: vec![("annotations.json".to_owned(), [7; 32])],
    }
}

/// An image that shows objects of some classes, each with its parts by label and area.
pub(crate) fn image(
    source: &str,
    split: Split,
    name: &str,
    objects: Vec<SourceObject>,
) -> SourceImage {
    let mut objects = objects;
    objects.sort_by_key(|object| object.class);
    SourceImage {
        image_id: format!("{source}/{name}"),
        split,
        file_name: format!("{}/{name}.jpg", split.name()),
        size: SIZE,
        sha256: Some(sum(source, name)),
        objects,
        lost_classes: Vec::new(),
    }
}

/// Some bytes that depend on a name.
pub(crate) fn sum(source: &str, name: &str) -> [u8; 32] {
    let mut stream = Stream::new(0, source, name);
    std::array::from_fn(|_| stream.bits() as u8)
}

/// A whole object in the left part of an image, whose parts are columns of it.
pub(crate) fn object(label: &str, width: u32, parts: &[&str]) -> SourceObject {
    let vocabulary = vocabulary("x");
    let class = CLASSES.iter().position(|(known, _)| *known == label).unwrap();
    let mut parts: Vec<SourcePart> = parts
        .iter()
        .zip(0..)
        .map(|(label, at)| SourcePart {
            part: part_id(&vocabulary, label),
            mask: rectangle(2 * at, 0, 2, SIDE),
            raw_ids: vec![i64::from(at)],
        })
        .collect();
    parts.sort_by_key(|part| part.part);
    SourceObject {
        class: ClassId(class as u16),
        mask: rectangle(0, 0, width, SIDE),
        raw_ids: vec![1],
        instances: 1,
        is_complete: true,
        parts,
        unreadable_parts: vec![],
    }
}

pub(crate) fn part_id(vocabulary: &Vocabulary, label: &str) -> PartId {
    let at = vocabulary.part_labels.iter().position(|known| known == label).unwrap();
    PartId(at as u16)
}

/// A source of random images: some objects are small or incomplete, some parts are tiny, outside
/// of their object or unreadable.
pub(crate) fn random_reading(source: &str, seed: u64, counts: [(Split, usize); 3]) -> Reading {
    let vocabulary = vocabulary(source);
    let mut images = Vec::new();
    for (split, count) in counts {
        for number in 0..count {
            let name = format!("{}{number:04}", split.name());
            let mut stream = Stream::new(seed, source, &name);
            let mut objects = Vec::new();
            for class in 0..CLASSES.len() as u16 {
                if stream.happens(if objects.is_empty() { 3500 } else { 1500 }) {
                    objects.push(random_object(&vocabulary, ClassId(class), &mut stream));
                }
            }
            images.push(image(source, split, &name, objects));
        }
    }
    reading(source, images)
}

fn random_object(vocabulary: &Vocabulary, class: ClassId, stream: &mut Stream) -> SourceObject {
    let mut below = |bound: u64| stream.below(bound) as u32;
    let (width, height) = (2 + below(30), 2 + below(30));
    let (left, top) = (below(u64::from(SIDE - width)), below(u64::from(SIDE - height)));
    let mut parts = Vec::new();
    let mut unreadable_parts = Vec::new();
    for part in &vocabulary.classes[usize::from(class.0)].parts {
        let chance = below(100);
        if chance < 60 {
            // Somewhere over the object, or beyond its edges.
            let (w, h) = (1 + below(u64::from(width)), 1 + below(u64::from(height)));
            let x = (left + below(u64::from(width))).min(SIDE - w);
            let y = (top + below(u64::from(height))).min(SIDE - h);
            let mask = rectangle(x, y, w, h);
            parts.push(SourcePart { part: *part, mask, raw_ids: vec![i64::from(part.0)] });
        } else if chance < 70 {
            unreadable_parts.push(*part);
        }
    }
    SourceObject {
        class,
        mask: rectangle(left, top, width, height),
        raw_ids: vec![i64::from(class.0)],
        instances: 1,
        is_complete: below(10) > 0,
        parts,
        unreadable_parts,
    }
}
