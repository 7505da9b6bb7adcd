//! The object and part names of a source, and which classes may be paired.

mod ade20k_part_234;
mod categories;
mod comparable;
mod embedded;
mod paco_lvis;
mod part_imagenet;

use std::collections::BTreeSet;

pub(crate) use ade20k_part_234::Ade20kPart234Names;
pub(crate) use categories::{Categories, FileCategories};
pub(crate) use paco_lvis::{PacoCategory, PacoNames};
pub(crate) use part_imagenet::{PartImageNetNames, Synset};

/// An object class: an index into [`Vocabulary::classes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u16);

/// A part label: an index into [`Vocabulary::part_labels`]. Parts of two classes with the same
/// label have the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId(pub u16);

/// An object class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectClass {
    /// The name in the source's files: `cellular_telephone`.
    pub name: String,
    /// The word in questions and answers: `cell phone`.
    pub label: String,
    /// The parts that the class can have, sorted.
    pub parts: Vec<PartId>,
}

/// Two classes, or one twice, whose images may be paired.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComparablePair {
    /// The first class; never above the second.
    pub a: ClassId,
    /// The second class.
    pub b: ClassId,
    /// The group of classes that makes them comparable, `same class` for one class twice.
    pub group: String,
}

/// The names of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    /// The source: `paco_lvis`.
    pub source: String,
    /// Object classes, sorted by name.
    pub classes: Vec<ObjectClass>,
    /// Distinct part labels, sorted.
    pub part_labels: Vec<String>,
    /// The pairs of classes that may be compared, sorted.
    pub comparable: Vec<ComparablePair>,
}

impl Vocabulary {
    /// The names of PACO-LVIS: 75 classes, two of them without parts.
    pub fn paco_lvis() -> Self {
        PacoNames::load().vocabulary
    }

    /// The names of `PartImageNet`: 54 everyday nouns for its 158 synsets.
    pub fn part_imagenet() -> Self {
        PartImageNetNames::load().vocabulary
    }

    /// The names of ADE20K-Part-234: 44 classes.
    pub fn ade20k_part_234() -> Self {
        Ade20kPart234Names::load().vocabulary
    }

    /// The label of a class.
    pub fn class_label(&self, class: ClassId) -> &str {
        self.classes.get(usize::from(class.0)).map_or("", |class| &class.label)
    }

    /// The label of a part.
    pub fn part_label(&self, part: PartId) -> &str {
        self.part_labels.get(usize::from(part.0)).map_or("", String::as_str)
    }

    /// The class with a name.
    pub fn class_named(&self, name: &str) -> Option<ClassId> {
        let found = self.classes.binary_search_by(|class| class.name.as_str().cmp(name));
        found.ok().map(|index| ClassId(index as u16))
    }

    /// The part with a label.
    pub fn part_labelled(&self, label: &str) -> Option<PartId> {
        let found = self.part_labels.binary_search_by(|known| known.as_str().cmp(label));
        found.ok().map(|index| PartId(index as u16))
    }

    /// A vocabulary of these classes, in any order, without comparable pairs.
    pub(crate) fn of_classes(source: &str, mut classes: Vec<ClassNames<'_>>) -> Self {
        classes.sort_by_key(|class| class.name);
        let labels: BTreeSet<&str> =
            classes.iter().flat_map(|class| class.part_labels).map(String::as_str).collect();
        let mut vocabulary = Self {
            source: source.to_owned(),
            classes: Vec::new(),
            part_labels: labels.into_iter().map(str::to_owned).collect(),
            comparable: Vec::new(),
        };
        for ClassNames { name, label, part_labels } in classes {
            let mut parts: Vec<PartId> =
                part_labels.iter().filter_map(|label| vocabulary.part_labelled(label)).collect();
            parts.sort_unstable();
            parts.dedup();
            let (name, label) = (name.to_owned(), label.to_owned());
            vocabulary.classes.push(ObjectClass { name, label, parts });
        }
        vocabulary
    }
}

/// A class of a vocabulary in the making.
pub(crate) struct ClassNames<'a> {
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    pub(crate) part_labels: &'a [String],
}

#[cfg(test)]
mod tests;
