use std::fmt;

use serde::{Deserialize, Serialize};

/// The three questions of part-focused co-segmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Which object do the images share?
    CommonObjects,
    /// Which parts do the objects have in common?
    CommonParts,
    /// Which parts has only one of the objects?
    UniqueParts,
}

impl Task {
    /// All tasks, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::CommonObjects, Self::CommonParts, Self::UniqueParts];

    /// The name used in files, with underscores.
    pub fn name(self) -> &'static str {
        match self {
            Self::CommonObjects => "common_objects",
            Self::CommonParts => "common_parts",
            Self::UniqueParts => "unique_parts",
        }
    }

    /// The name used as a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::CommonObjects => "Common objects",
            Self::CommonParts => "Common parts",
            Self::UniqueParts => "Unique parts",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_written_by_its_name() {
        for task in Task::ALL {
            assert_eq!(serde_json::to_value(task).unwrap(), task.name());
            assert_eq!(task.to_string(), task.name());
        }
    }
}
