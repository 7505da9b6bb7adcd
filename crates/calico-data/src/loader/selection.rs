use calico_result::Task;
use serde::Deserialize;

use crate::SampleRecord;
use crate::tables::{Columns, Picked, TableError, task};

/// Which samples of a split are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// The sub-tasks; all if empty.
    pub subtasks: Vec<Task>,
    /// The sources; all if empty.
    pub sources: Vec<String>,
}

impl Selection {
    /// Whether every sample is selected.
    pub(super) fn is_all(&self) -> bool {
        self.subtasks.is_empty() && self.sources.is_empty()
    }

    /// Whether a sample is selected.
    pub fn takes_sample(&self, sample: &SampleRecord) -> bool {
        self.takes_pair(&sample.source, sample.subtask)
    }

    /// Whether samples of a source and sub-task are selected.
    pub(super) fn takes(&self, cell: &SampleCell) -> bool {
        self.takes_pair(&cell.source, cell.subtask)
    }

    fn takes_pair(&self, source: &str, subtask: Task) -> bool {
        let takes_task = self.subtasks.is_empty() || self.subtasks.contains(&subtask);
        takes_task && (self.sources.is_empty() || self.sources.iter().any(|name| name == source))
    }
}

/// What decides whether a sample is selected.
#[derive(Deserialize)]
pub(super) struct SampleCell {
    source: String,
    subtask: Task,
}

impl Picked for SampleCell {
    const COLUMNS: &'static [&'static str] = &["source", "subtask"];

    fn from_columns(columns: &Columns<'_>) -> Result<Vec<Self>, TableError> {
        let (source, subtask) = (columns.texts("source")?, columns.texts("subtask")?);
        let cell = |row| {
            let subtask = task(columns, row, &subtask.at(row))?;
            Ok(Self { source: source.at(row), subtask })
        };
        (0..columns.len()).map(cell).collect()
    }
}
