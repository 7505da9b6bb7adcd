use std::fmt;

use serde::{Deserialize, Serialize};

use super::Rule;
use crate::Split;

/// A row that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The split.
    pub split: Split,
    /// The table: `images`, `regions` or `samples`.
    pub table: String,
    /// The id of the row; for a whole table, what of it.
    pub row: String,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

impl Finding {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        self.rule.advice()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, split, table, row, found, expected } = self;
        let advice = self.advice();
        write!(
            formatter,
            "{split} {table} {row}: {rule}: found {found}, expected {expected}; {advice}"
        )
    }
}
