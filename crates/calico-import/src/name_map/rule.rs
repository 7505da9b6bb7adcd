use crate::{Pattern, RowOrder};

/// What becomes of the tensors that match a pattern, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A tensor gets another name, the first. The others are places that a copy may fill.
    Rename { to: Vec<Pattern>, order: RowOrder },
    /// Tensors under each other.
    Stack { to: Pattern },
    /// A tensor in equal parts; those without a name have to be zero.
    Cut { to: Vec<Option<Pattern>> },
}

/// A pattern of names in a file, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) from: Pattern,
    /// Which of the map's rules.
    pub(crate) rule: usize,
    /// Which part of a stack.
    pub(crate) part: usize,
}

impl Rule {
    /// The names in a model that tensors can get.
    pub(crate) fn targets(&self) -> Vec<&Pattern> {
        match self {
            Self::Rename { to, .. } => to.iter().collect(),
            Self::Stack { to, .. } => vec![to],
            Self::Cut { to } => to.iter().flatten().collect(),
        }
    }
}
