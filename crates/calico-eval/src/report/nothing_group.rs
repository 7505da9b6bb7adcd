use std::collections::BTreeMap;

use calico_result::Task;
use serde::Serialize;

use super::NothingRow;
use crate::PairScore;

/// The pairs that have nothing to name: all of them, and by sub-task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NothingGroup {
    /// All of them together.
    pub overall: NothingRow,
    /// The sub-tasks that have such pairs.
    pub tasks: BTreeMap<Task, NothingRow>,
}

impl NothingGroup {
    /// `None` if every pair has something to name.
    pub(super) fn new(pairs: &[&PairScore]) -> Option<Self> {
        let overall = NothingRow::of(pairs.iter().copied())?;
        let of_task = |task| {
            let of_task = pairs.iter().copied().filter(|pair| pair.subtask == task);
            Some((task, NothingRow::of(of_task)?))
        };
        Some(Self { overall, tasks: Task::ALL.into_iter().filter_map(of_task).collect() })
    }
}
