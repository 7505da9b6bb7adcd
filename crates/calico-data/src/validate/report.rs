use std::collections::BTreeMap;
use std::fmt::Write as _;

use calico_result::terminal::harmless;
use serde::{Deserialize, Serialize};

use super::{Finding, Rule};
use crate::Split;

/// What a validation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The rows that were looked at.
    pub rows: BTreeMap<Split, CheckedRows>,
    /// Number of findings of each rule that is broken.
    pub counts: BTreeMap<Rule, u64>,
    /// The first findings of each rule, in the order of the tables.
    pub findings: Vec<Finding>,
    /// What could not be checked, and why.
    pub notes: Vec<String>,
}

/// Rows of a split that were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedRows {
    /// Images.
    pub images: u64,
    /// Regions.
    pub regions: u64,
    /// Samples.
    pub samples: u64,
    /// Pictures that were opened.
    pub pictures: u64,
}

impl Report {
    /// Whether no rule is broken.
    pub fn is_sound(&self) -> bool {
        self.counts.is_empty()
    }

    /// Number of findings, also of those that were not kept.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The report for a terminal: what was looked at, the broken rules, the findings.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for (split, rows) in &self.rows {
            let CheckedRows { images, regions, samples, pictures } = rows;
            let _ = write!(text, "{split}: {images} images, {regions} regions, {samples} samples");
            let _ = match pictures {
                0 => writeln!(text),
                _ => writeln!(text, ", {pictures} pictures"),
            };
        }
        for note in &self.notes {
            let _ = writeln!(text, "{}", harmless(note));
        }
        if self.is_sound() {
            text.push_str("no rule is broken\n");
            return text;
        }
        for (rule, count) in &self.counts {
            let _ = writeln!(text, "\n{rule}: {count}");
            let findings = self.findings.iter().filter(|finding| finding.rule == *rule);
            let mut shown = 0;
            for Finding { split, table, row, found, expected, .. } in findings {
                let line = format!("{split} {table} {row}: found {found}, expected {expected}");
                let _ = writeln!(text, "  {}", harmless(&line));
                shown += 1;
            }
            if *count > shown {
                let _ = writeln!(text, "  … and {} more", count - shown);
            }
            let _ = writeln!(text, "  {}", rule.advice());
        }
        text
    }
}
