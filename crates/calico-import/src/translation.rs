use std::collections::{BTreeMap, BTreeSet};

use crate::{Check, Group, Recipe};

/// What becomes of the tensors of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// Name of the map that told.
    pub map: String,
    /// Whose files that map is about.
    pub title: String,
    /// Whether the map is known to be right, or a guess.
    pub certain: bool,
    /// What was left out at the beginning of every name.
    pub prefix: String,
    /// For each tensor of ours, how it is made.
    pub recipes: BTreeMap<String, Recipe>,
    /// What has to be proved of values before the recipes hold.
    pub checks: Vec<Check>,
    /// Tensors of parts that no model of ours has, by the pattern of the map.
    pub ignored: Vec<Ignored>,
    /// Tensors of which the map says nothing.
    pub unknown: Vec<Group>,
    /// Tensors of ours that a copy of another would make, with the tensor of the file, where
    /// copies were not allowed.
    pub copies: BTreeMap<String, String>,
    /// Tensors of ours that a copy of another makes, where copies were allowed.
    pub filled: BTreeSet<String>,
}

/// Tensors that a map leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The pattern of the map.
    pub pattern: String,
    /// How many tensors match it.
    pub count: usize,
}

/// Whether one tensor may make several of ours, where a map offers that and nothing else makes
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Copies {
    /// No; the places stay empty.
    #[default]
    Never,
    /// Yes.
    Allowed,
}
