use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ResultError;

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

    /// The name used in files and on the command line, with underscores.
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

impl FromStr for Task {
    type Err = ResultError;

    fn from_str(word: &str) -> Result<Self, ResultError> {
        let name = word.replace('-', "_");
        Self::ALL
            .into_iter()
            .find(|task| task.name() == name)
            .ok_or_else(|| ResultError::UnknownTask { found: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_reads_back_from_its_name_with_underscores_or_hyphens() {
        for task in Task::ALL {
            assert_eq!(task.to_string().parse::<Task>().unwrap(), task);
            assert_eq!(task.name().replace('_', "-").parse::<Task>().unwrap(), task);
            assert_eq!(serde_json::to_value(task).unwrap(), task.name());
        }
    }

    #[test]
    fn an_unknown_task_names_the_choices() {
        let error = "parts".parse::<Task>().unwrap_err().to_string();
        assert!(error.contains("common-parts"), "{error}");
    }
}
