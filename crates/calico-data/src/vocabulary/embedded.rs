//! The files in `vocabulary/`, which are part of the program.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The names of one source.
#[derive(Deserialize)]
pub(super) struct SourceNames {
    pub(super) objects: Vec<ObjectNames>,
    /// `PartImageNet`: the nouns for its synsets.
    #[serde(default)]
    pub(super) labels: Vec<LabelNames>,
    /// `PartImageNet`: what the file names begin with.
    #[serde(default)]
    pub(super) synsets: Vec<SynsetNames>,
}

/// An object class as the source knows it; the lists of parts run in parallel.
#[derive(Deserialize)]
pub(super) struct ObjectNames {
    pub(super) object: String,
    pub(super) object_id: i64,
    pub(super) label: String,
    pub(super) parts: Vec<String>,
    pub(super) part_ids: Vec<i64>,
    pub(super) part_labels: Vec<String>,
}

/// A noun for some synsets.
#[derive(Deserialize)]
pub(super) struct LabelNames {
    pub(super) label: String,
    pub(super) part_labels: Vec<String>,
}

/// A synset of `ImageNet`.
#[derive(Deserialize)]
pub(super) struct SynsetNames {
    pub(super) wnid: String,
    pub(super) supercategory: String,
    pub(super) label: String,
}

/// The table of classes that may be compared.
#[derive(Deserialize)]
pub(super) struct ComparableGroups {
    /// Parts that do not make two classes comparable.
    pub(super) weak_parts: Vec<String>,
    paco_lvis: Vec<ComparableGroup>,
    part_imagenet: Vec<ComparableGroup>,
    ade20k_part_234: Vec<ComparableGroup>,
}

impl ComparableGroups {
    pub(super) fn load() -> Self {
        parse(include_str!("../../vocabulary/comparable_groups.json"))
    }

    /// The groups of a source.
    pub(super) fn of(&self, source: &str) -> &[ComparableGroup] {
        match source {
            "paco_lvis" => &self.paco_lvis,
            "part_imagenet" => &self.part_imagenet,
            "ade20k_part_234" => &self.ade20k_part_234,
            _ => &[],
        }
    }
}

/// Classes that may be compared with each other.
#[derive(Deserialize)]
pub(super) struct ComparableGroup {
    pub(super) group: String,
    /// Names of classes.
    pub(super) members: Vec<String>,
}

/// Reads one of the files.
#[expect(clippy::expect_used, reason = "the files are part of the program, and tests read them")]
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("a sound file in vocabulary/")
}
