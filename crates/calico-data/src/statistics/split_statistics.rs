use std::collections::BTreeMap;

use calico_result::Task;
use serde::{Deserialize, Serialize};

use super::{MaskSizes, Spread};

/// What a split holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitStatistics {
    /// Rows of images.
    pub images: u64,
    /// Rows of regions.
    pub regions: u64,
    /// Rows of samples.
    pub samples: u64,
    /// Samples that have another right answer.
    pub ambiguous: u64,
    /// By source.
    pub sources: BTreeMap<String, SourceStatistics>,
    /// Samples of each pair of classes, the most frequent first.
    pub class_pairs: Vec<ClassPairSamples>,
    /// Part labels, those with the most masks in answers first.
    pub parts: Vec<LabelCount>,
    /// Object labels, those with the most masks in answers first.
    pub objects: Vec<LabelCount>,
    /// Samples that show an image, over all images.
    pub uses_per_image: Spread,
    /// Number of answers with so many `[SEG]`.
    pub segments_per_answer: BTreeMap<u64, u64>,
    /// Masks of regions by their share of the image.
    pub mask_sizes: MaskSizes,
    /// Words of a question, without the placeholders of images.
    pub words_per_question: Spread,
    /// Words of an answer, without tags.
    pub words_per_answer: Spread,
    /// Number of different words in questions and answers, in lower case.
    pub distinct_words: u64,
}

/// What a split holds of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceStatistics {
    /// Its images.
    pub images: u64,
    /// The regions in them.
    pub regions: u64,
    /// Its samples, by sub-task.
    pub samples: BTreeMap<Task, u64>,
}

/// The samples of a pair of classes; the images come in both orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPairSamples {
    /// The source.
    pub source: String,
    /// The class that comes first in the alphabet.
    pub class_a: String,
    /// The other, possibly the same.
    pub class_b: String,
    /// Samples by sub-task.
    pub samples: BTreeMap<Task, u64>,
}

impl ClassPairSamples {
    /// Samples of all sub-tasks.
    pub fn total(&self) -> u64 {
        self.samples.values().sum()
    }
}

/// How often a label occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelCount {
    /// The label.
    pub label: String,
    /// Regions with it.
    pub regions: u64,
    /// Masks of it in answers.
    pub segments: u64,
}
