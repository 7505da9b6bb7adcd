use std::collections::BTreeMap;

use calico_result::Task;
use serde::Serialize;

use crate::row::Columns;
use crate::{PairScore, Row};

/// The rows of a set of pairs: one per sub-task that it has, and their mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The unweighted mean of the sub-tasks; counts are added up.
    pub overall: Row,
    /// The sub-tasks that have pairs.
    pub tasks: BTreeMap<Task, Row>,
}

impl Group {
    /// Of pairs sorted by sample id.
    pub(crate) fn new(pairs: &[&PairScore], columns: Columns) -> Self {
        let mut tasks: BTreeMap<Task, Vec<&PairScore>> = BTreeMap::new();
        for pair in pairs {
            tasks.entry(pair.subtask).or_default().push(pair);
        }
        let rows: BTreeMap<Task, Row> =
            tasks.iter().map(|(task, pairs)| (*task, Row::of(pairs, columns))).collect();
        let all: Vec<Row> = rows.values().copied().collect();
        Self {
            overall: Row::mean_of(&all).in_percent(),
            tasks: rows.into_iter().map(|(task, row)| (task, row.in_percent())).collect(),
        }
    }
}
