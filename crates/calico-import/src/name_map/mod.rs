//! Name maps: how the tensors of a family of files are called, and which of ours they are.

mod built_in;
mod error;
mod reader;
mod rule;
#[cfg(test)]
mod tests;
mod written_map;

pub use error::{MapError, MapProblem};
pub(crate) use rule::{Entry, Rule};

use crate::Pattern;
use crate::pattern::Values;

/// Patterns of a map, with those of the maps that it uses, and these maps. Patterns are compared
/// with each other, and with every name.
const MOST_PATTERNS: usize = 2000;

/// States in which all patterns of a map are compared: the largest built-in one needs
/// thirty thousand.
const MOST_STATES: usize = 1 << 24;

/// How the tensors of a family of files are called, and which of ours they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMap {
    name: String,
    title: String,
    certain: bool,
    refuse: Option<String>,
    recognise: Vec<Pattern>,
    ignore: Vec<Pattern>,
    same: Vec<(Pattern, Pattern)>,
    entries: Vec<Entry>,
    rules: Vec<Rule>,
}

/// What a map says of a name.
#[derive(Debug)]
pub(crate) enum Found<'m, 'v> {
    /// It belongs to a part that no model of ours has; the pattern that says so.
    Ignored(&'m Pattern),
    /// It becomes a tensor of ours, or a part of one.
    Entry(&'m Entry, Values<'v>),
    Nothing,
}

impl NameMap {
    /// Reads a map that a user wrote. It may use the built-in ones.
    ///
    /// # Errors
    /// If it is no TOML, has unknown keys, or contradicts itself; `file` names it in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, MapError> {
        reader::read(file, text)
    }

    /// What it was called when it was read: a file, or the name of a built-in map.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose files it is about.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Whether the names are known, or guessed.
    pub fn is_certain(&self) -> bool {
        self.certain
    }

    /// Why files of this family cannot be used, and what to do.
    pub fn refuses(&self) -> Option<&str> {
        self.refuse.as_deref()
    }

    /// The names by which a file of this family is told.
    pub fn recognise(&self) -> &[Pattern] {
        &self.recognise
    }

    /// The names in a model that tensors can get. Each should match a name of some model: one
    /// that does not is a slip of the pen.
    pub fn targets(&self) -> impl Iterator<Item = &Pattern> {
        self.rules.iter().flat_map(Rule::targets)
    }

    /// Whether a file of this family has such a tensor.
    pub(crate) fn recognises(&self, name: &str) -> bool {
        self.recognise.iter().any(|pattern| pattern.matches(name))
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What the map says of a name.
    pub(crate) fn find<'m: 'v, 'v>(&'m self, name: &'v str) -> Found<'m, 'v> {
        if let Some(pattern) = self.ignored_by(name) {
            return Found::Ignored(pattern);
        }
        let mut entries = self.entries.iter();
        match entries.find_map(|entry| Some((entry, entry.from.values(name)?))) {
            Some((entry, values)) => Found::Entry(entry, values),
            None => Found::Nothing,
        }
    }

    /// Whether the map says something of a name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let original = self.repeated_by(name);
        !matches!(self.find(original.as_deref().unwrap_or(name)), Found::Nothing)
    }

    /// The name of the tensor that this one repeats. What is ignored repeats nothing.
    pub(crate) fn repeated_by(&self, name: &str) -> Option<String> {
        let original = self.same.iter().find_map(|(from, to)| to.render(&from.values(name)?));
        original.filter(|_| self.ignored_by(name).is_none())
    }

    /// The pattern by which a name is left out.
    fn ignored_by(&self, name: &str) -> Option<&Pattern> {
        self.ignore.iter().find(|pattern| pattern.matches(name))
    }

    /// Number of patterns, but for those that only recognise a file.
    fn patterns(&self) -> usize {
        self.entries.len() + self.same.len() + self.ignore.len()
    }
}
