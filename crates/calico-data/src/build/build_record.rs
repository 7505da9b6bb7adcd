use std::collections::BTreeMap;

use calico_result::Task;
use serde::{Deserialize, Serialize};

use super::filter_counts::FilterCounts;
use super::held_out::TestCell;
use crate::{BuildConfig, Split};

/// The file `build.json`: what a data set was made from, and what it holds. No time and no path
/// of a machine is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// Name and version of this form.
    pub format: String,
    /// Version of the program.
    pub version: String,
    /// Seed of every draw.
    pub seed: u64,
    /// All limits.
    pub config: BuildConfig,
    /// The sources, by name.
    pub sources: BTreeMap<String, SourceRecord>,
    /// What each split holds.
    pub splits: BTreeMap<Split, SplitCounts>,
    /// The cells of the test split.
    pub test_cells: Vec<TestCell>,
    /// What is worth knowing before the data set is used.
    pub warnings: Vec<String>,
}

impl BuildRecord {
    /// Name and version of the form of `build.json`.
    pub const FORMAT: &str = "calico.mixedparts.v1";
}

/// A source, as it was read and filtered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// SHA-256 of every JSON file of annotations, and of own data's label pictures, in hexadecimal
    /// digits, by its path below the source.
    pub files: BTreeMap<String, String>,
    /// Image records in the files.
    pub images_listed: u64,
    /// Images that were skipped because of a problem.
    pub images_skipped: u64,
    /// Annotations in the files.
    pub annotations_listed: u64,
    /// Annotations that were dropped because of a problem.
    pub annotations_skipped: u64,
    /// Findings, by code.
    pub problems: BTreeMap<String, u64>,
    /// What the filters did.
    pub filters: FilterCounts,
}

/// What a split holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Images that samples show.
    pub images: u64,
    /// Regions that answers name.
    pub regions: u64,
    /// Samples.
    pub samples: u64,
    /// Samples that have another right answer.
    pub ambiguous: u64,
    /// Samples by source and sub-task.
    pub cells: BTreeMap<String, BTreeMap<Task, u64>>,
    /// Images that samples show, by source.
    pub images_by_source: BTreeMap<String, u64>,
    /// Class pairs with samples.
    pub class_pairs: Vec<ClassPairCount>,
}

/// The samples of a pair of classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassPairCount {
    /// The source.
    pub source: String,
    /// Label of a class.
    pub class_a: String,
    /// Label of a class, possibly the same; the images come in both orders.
    pub class_b: String,
    /// The group that makes them comparable.
    pub group: String,
    /// Samples by sub-task.
    pub samples: BTreeMap<Task, u64>,
}
