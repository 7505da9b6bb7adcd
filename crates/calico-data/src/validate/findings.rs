use std::collections::BTreeMap;

use super::{Finding, Rule};
use crate::Split;
use crate::tables::Table;

/// Findings about rows of one table, in the making.
pub(super) struct TableFindings {
    split: Split,
    table: Table,
    list: Vec<Finding>,
}

impl TableFindings {
    pub(super) fn new(split: Split, table: Table) -> Self {
        Self { split, table, list: Vec::new() }
    }

    /// Adds a finding about a row.
    #[expect(clippy::needless_pass_by_value, reason = "words, numbers and sizes come as they are")]
    pub(super) fn add(
        &mut self,
        rule: Rule,
        row: &dyn ToString,
        found: impl ToString,
        expected: impl ToString,
    ) {
        self.list.push(Finding {
            rule,
            split: self.split,
            table: self.table.name().to_owned(),
            row: row.to_string(),
            found: found.to_string(),
            expected: expected.to_string(),
        });
    }
}

/// All findings: each is counted, and the first few of each rule are kept.
pub(super) struct Findings {
    most: usize,
    pub(super) kept: Vec<Finding>,
    pub(super) counts: BTreeMap<Rule, u64>,
}

impl Findings {
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: Vec::new(), counts: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, findings: TableFindings) {
        for finding in findings.list {
            let count = self.counts.entry(finding.rule).or_default();
            *count += 1;
            if *count <= self.most as u64 {
                self.kept.push(finding);
            }
        }
    }
}
