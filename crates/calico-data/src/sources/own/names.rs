use std::collections::{BTreeMap, BTreeSet};

use super::labels_file::LabelsFile;
use crate::answer_text::is_phrase;
use crate::vocabulary::ClassNames;
use crate::{ClassId, ComparablePair, DataError, Vocabulary};

/// The labels of the objects, each with those of its parts.
pub(super) type PartsOf = BTreeMap<String, BTreeSet<String>>;

/// The most classes, and the most part labels.
const MAX_NAMES: usize = 1 << 16;

/// How many wrong names a message lists.
const MAX_LISTED: usize = 20;

/// A vocabulary of these names, in which every class is comparable with itself, and with the
/// classes that `labels` puts into a group with it.
pub(super) fn vocabulary(
    source: &str,
    names: &PartsOf,
    labels: &LabelsFile,
) -> Result<Vocabulary, DataError> {
    let wrong = problems(names, labels);
    if !wrong.is_empty() {
        let rest = wrong.len().saturating_sub(MAX_LISTED);
        let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        let reason = wrong[..wrong.len() - rest].join("; ") + &more;
        return Err(DataError::Labels { path: labels.path.clone(), reason });
    }
    let parts: Vec<Vec<String>> =
        names.values().map(|parts| parts.iter().cloned().collect()).collect();
    let classes = names.keys().zip(&parts);
    let classes = classes.map(|(name, parts)| ClassNames { name, label: name, part_labels: parts });
    let mut vocabulary = Vocabulary::of_classes(source, classes.collect());
    vocabulary.comparable = comparable(&vocabulary, &labels.comparable);
    Ok(vocabulary)
}

/// Everything that is wrong with the names.
fn problems(names: &PartsOf, labels: &LabelsFile) -> Vec<String> {
    let parts: BTreeSet<&String> = names.values().flatten().collect();
    let mut wrong: Vec<String> = names
        .keys()
        .chain(parts.iter().copied())
        .filter(|name| !is_phrase(name))
        .map(|name| {
            format!("found the name {name:?}, expected words with single blanks and without <>[]")
        })
        .collect();
    let grouped: BTreeSet<&String> = labels.comparable.iter().flatten().collect();
    wrong.extend(grouped.iter().filter(|name| !names.contains_key(**name)).map(|name| {
        format!("found {name:?} in `comparable`, expected the name of an annotated object")
    }));
    for (what, count) in [("object", names.len()), ("part", parts.len())] {
        if count > MAX_NAMES {
            wrong.push(format!("found {count} {what} names, expected {MAX_NAMES} or fewer"));
        }
    }
    wrong
}

fn comparable(vocabulary: &Vocabulary, groups: &[Vec<String>]) -> Vec<ComparablePair> {
    let mut found = BTreeMap::new();
    for group in groups {
        let mut members: Vec<ClassId> =
            group.iter().filter_map(|name| vocabulary.class_named(name)).collect();
        members.sort_unstable();
        for (index, &a) in members.iter().enumerate() {
            for &b in &members[index + 1..] {
                found.entry((a, b)).or_insert_with(|| group.join(", "));
            }
        }
    }
    for index in 0..vocabulary.classes.len() {
        let class = ClassId(index as u16);
        found.insert((class, class), "same class".to_owned());
    }
    found.into_iter().map(|((a, b), group)| ComparablePair { a, b, group }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(objects: &[&str], groups: &[&[&str]]) -> Result<Vocabulary, DataError> {
        let names = objects.iter().map(|&name| (name.to_owned(), BTreeSet::new())).collect();
        let comparable =
            groups.iter().map(|group| group.iter().map(|&it| it.to_owned()).collect()).collect();
        vocabulary("own", &names, &LabelsFile { comparable, ..LabelsFile::default() })
    }

    #[test]
    fn a_class_is_comparable_with_itself_and_its_group() {
        let vocabulary = named(&["axe", "cup", "saw"], &[&["saw", "axe"]]).unwrap();
        let pairs: Vec<_> = vocabulary.comparable.iter().map(|pair| (pair.a.0, pair.b.0)).collect();
        assert_eq!(pairs, [(0, 0), (0, 2), (1, 1), (2, 2)]);
    }

    #[test]
    fn all_wrong_names_are_told_at_once() {
        let message = named(&["a <b>", "cup"], &[&["cup", "mug"]]).unwrap_err().to_string();
        assert!(message.contains("a <b>") && message.contains("mug"), "{message}");
    }
}
