//! The object and part names of a source, and which classes may be paired.

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
    /// The label of a class.
    pub fn class_label(&self, class: ClassId) -> &str {
        self.classes.get(usize::from(class.0)).map_or("", |class| &class.label)
    }

    /// The label of a part.
    pub fn part_label(&self, part: PartId) -> &str {
        self.part_labels.get(usize::from(part.0)).map_or("", String::as_str)
    }
}
