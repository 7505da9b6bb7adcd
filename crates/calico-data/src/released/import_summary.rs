use std::collections::BTreeMap;

use calico_result::Task;
use serde::{Deserialize, Serialize};

use super::{NotUnderstood, ReleasedMap};
use crate::Split;

/// What an import read, wrote and did not understand: the file `import.json`. No time and no path
/// of a machine is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportSummary {
    /// Name and version of this form.
    pub format: String,
    /// Version of the program.
    pub version: String,
    /// Seed of the templates that were chosen.
    pub seed: u64,
    /// What was understood of each document, by its path below the folder.
    pub documents: BTreeMap<String, DocumentRecord>,
    /// What each split holds.
    pub splits: BTreeMap<Split, ImportCounts>,
    /// Everything that was not understood.
    pub not_understood: Vec<NotUnderstood>,
    /// The map.
    pub map: ReleasedMap,
}

impl ImportSummary {
    /// Name and version of the form of `import.json`.
    pub const FORMAT: &str = "calico.released.v1";

    /// Its file in a data set, which tells an imported one from any other folder.
    pub const FILE: &str = "import.json";
}

/// What was understood of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRecord {
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Categories.
    pub categories: u64,
    /// Images.
    pub images: u64,
    /// Annotations.
    pub annotations: u64,
    /// Samples.
    pub samples: u64,
}

/// What a split of an imported data set holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportCounts {
    /// Images that samples show.
    pub images: u64,
    /// Regions that answers name.
    pub regions: u64,
    /// Samples by source and sub-task.
    pub samples: BTreeMap<String, BTreeMap<Task, u64>>,
    /// Samples with a text that was put into our grammar.
    pub converted: u64,
    /// Samples with a text from our own templates.
    pub rendered: u64,
}
