//! The limits of a build, all with defaults; a TOML file may name any of them.
//!
//! Shares are whole numbers of 10,000, so that comparisons are made with integers and are the
//! same on every machine.

use std::collections::BTreeMap;

use calico_result::Task;
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Everything that decides what a build makes, but for the sources and the seed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuildConfig {
    /// Which pictures are accepted.
    pub images: ImageLimits,
    /// Which objects are kept.
    pub objects: ObjectLimits,
    /// Which parts are kept.
    pub parts: PartLimits,
    /// Which masks of PartImageNet are read.
    pub part_imagenet: PartImageNetMasks,
    /// Which images are paired.
    pub pairs: PairLimits,
    /// What an answer holds.
    pub answers: AnswerLimits,
    /// How many training samples are made.
    pub train: SampleTarget,
    /// How many development samples are made.
    pub dev: DevTarget,
    /// How the test split is balanced.
    pub test: HeldOut,
    /// When a build gives up.
    pub problems: ProblemLimits,
    /// How the tables are written.
    pub tables: Tables,
}

impl BuildConfig {
    /// Reads a TOML file's text; everything that is not named keeps its default.
    pub fn from_toml(text: &str) -> Result<Self, DataError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| DataError::Config { reason: error.to_string() })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), DataError> {
        let shares = [
            ("objects.min_area_per_10000", self.objects.min_area_per_10000),
            ("parts.min_area_per_10000", self.parts.min_area_per_10000),
            ("parts.min_of_object_per_10000", self.parts.min_of_object_per_10000),
            ("parts.min_inside_per_10000", self.parts.min_inside_per_10000),
            ("pairs.full_frame_per_10000", self.pairs.full_frame_per_10000),
            ("answers.with_objects_per_10000", self.answers.with_objects_per_10000),
        ];
        let mut wrong: Vec<String> = shares
            .iter()
            .filter(|(_, share)| *share > 10_000)
            .map(|(key, share)| format!("{key} is {share}, expected 0 to 10000"))
            .collect();
        let at_least_one = [
            ("answers.max_parts", self.answers.max_parts),
            ("answers.max_shared_objects", self.answers.max_shared_objects),
            ("pairs.max_uses", self.pairs.max_uses),
            ("test.max_uses", self.test.max_uses),
            ("tables.row_group", self.tables.row_group),
            ("tables.rows_per_file", self.tables.rows_per_file),
        ];
        wrong.extend(
            at_least_one
                .iter()
                .filter(|(_, value)| *value == 0)
                .map(|(key, _)| format!("{key} is 0, expected at least 1")),
        );
        if self.answers.max_segments < 2 {
            let found = self.answers.max_segments;
            wrong.push(format!("answers.max_segments is {found}, expected at least 2"));
        }
        if !(1..=22).contains(&self.tables.zstd_level) {
            let found = self.tables.zstd_level;
            wrong.push(format!("tables.zstd_level is {found}, expected 1 to 22"));
        }
        if self.problems.max_skipped_percent > 100 {
            let found = self.problems.max_skipped_percent;
            wrong.push(format!("problems.max_skipped_percent is {found}, expected 0 to 100"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(DataError::Config { reason: wrong.join("; ") }) }
    }
}

/// How pictures are looked at during a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageCheck {
    /// Every picture is decoded, so that none can fail later.
    #[default]
    Decode,
    /// The header is read, and the file's bytes are hashed.
    Header,
    /// Pictures are not opened and may be absent; leaks by bytes cannot be found.
    None,
}

/// Which pictures are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageLimits {
    /// How pictures are looked at.
    pub check: ImageCheck,
    /// Pixels that the shorter side must have.
    pub min_side: u32,
    /// The most pixels of a picture.
    pub max_pixels: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self { check: ImageCheck::Decode, min_side: 64, max_pixels: 100_000_000 }
    }
}

/// Which objects are kept; areas are those of the union of all instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectLimits {
    /// Least share of the image, of 10,000.
    pub min_area_per_10000: u32,
    /// Least number of pixels.
    pub min_area: u32,
    /// PACO: the most instances of a class in an image.
    pub max_instances: u32,
    /// PACO: leave out a class where not all instances are annotated.
    pub skip_incomplete: bool,
}

impl Default for ObjectLimits {
    fn default() -> Self {
        Self { min_area_per_10000: 50, min_area: 1024, max_instances: 15, skip_incomplete: true }
    }
}

/// Which parts are kept; areas are those of the union of all instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartLimits {
    /// Least share of the image, of 10,000.
    pub min_area_per_10000: u32,
    /// Least number of pixels.
    pub min_area: u32,
    /// Least share of the object, of 10,000.
    pub min_of_object_per_10000: u32,
    /// Least share of the part that lies inside of the object, of 10,000.
    pub min_inside_per_10000: u32,
    /// Part labels that are no physical parts, and neither kept nor seen.
    pub skip: Vec<String>,
}

impl Default for PartLimits {
    fn default() -> Self {
        Self {
            min_area_per_10000: 5,
            min_area: 64,
            min_of_object_per_10000: 50,
            min_inside_per_10000: 5000,
            skip: vec!["gaze".to_owned(), "highlight".to_owned()],
        }
    }
}

/// Where the part masks of PartImageNet come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartImageNetParts {
    /// The polygons of the JSON file.
    #[default]
    Polygons,
    /// The label pictures, whose order of classes is disputed.
    Png,
}

/// Where the object masks of PartImageNet come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartImageNetObjects {
    /// The `_whole` label pictures, or the union of the parts where one is missing.
    #[default]
    WholePng,
    /// The union of the parts.
    Union,
}

/// Which masks of PartImageNet are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartImageNetMasks {
    /// Where the part masks come from.
    pub parts: PartImageNetParts,
    /// Where the object masks come from.
    pub objects: PartImageNetObjects,
}

/// Which images are paired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PairLimits {
    /// The most samples that show one image, over the whole split.
    pub max_uses: u32,
    /// Refuse a pair whose objects both fill their images.
    pub skip_full_frame: bool,
    /// The share of an image, of 10,000, above which an object fills it.
    pub full_frame_per_10000: u32,
    /// Draws per wanted sample after which a class pair counts as exhausted.
    pub max_draws_per_sample: u32,
}

impl Default for PairLimits {
    fn default() -> Self {
        Self {
            max_uses: 400,
            skip_full_frame: false,
            full_frame_per_10000: 9000,
            max_draws_per_sample: 200,
        }
    }
}

/// What an answer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerLimits {
    /// The most part phrases.
    pub max_parts: u32,
    /// The most `[SEG]`.
    pub max_segments: u32,
    /// The most objects of an answer about common objects.
    pub max_shared_objects: u32,
    /// Share of the answers about parts that ground the objects first, of 10,000.
    pub with_objects_per_10000: u32,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self { max_parts: 8, max_segments: 20, max_shared_objects: 4, with_objects_per_10000: 5000 }
    }
}

/// How many training samples are made: shared equally by sub-tasks, then by sources, then by
/// groups of classes, then by class pairs; what one cannot fill goes to the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleTarget {
    /// Number of samples.
    pub samples: u64,
    /// The most samples of one class pair, per sub-task; without an entry there is no limit.
    pub max_per_class_pair: BTreeMap<Task, u64>,
}

impl Default for SampleTarget {
    fn default() -> Self {
        // What the paper reports.
        Self { samples: 2_400_000, max_per_class_pair: BTreeMap::new() }
    }
}

/// How many development samples are made, shared as those of training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DevTarget {
    /// Number of samples.
    pub samples: u64,
}

impl Default for DevTarget {
    fn default() -> Self {
        Self { samples: 9_000 }
    }
}

/// How the test split is balanced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeldOut {
    /// The most pairs of a source and sub-task; all cells that are not empty hold the same number.
    pub pairs_per_cell: u32,
    /// The most pairs that show one image.
    pub max_uses: u32,
}

impl Default for HeldOut {
    fn default() -> Self {
        Self { pairs_per_cell: 112, max_uses: 3 }
    }
}

/// When a build gives up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProblemLimits {
    /// The most images, and the most annotations, of a source that may be skipped, in percent.
    pub max_skipped_percent: u32,
}

impl Default for ProblemLimits {
    fn default() -> Self {
        Self { max_skipped_percent: 5 }
    }
}

/// The file format of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableFormat {
    /// Apache Parquet, compressed.
    #[default]
    Parquet,
    /// A JSON object per line, with the same fields.
    JsonLines,
}

/// How the tables are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tables {
    /// The file format.
    pub format: TableFormat,
    /// Rows of a row group.
    pub row_group: u32,
    /// Rows of a file of samples.
    pub rows_per_file: u32,
    /// Strength of the compression, 1 to 22.
    pub zstd_level: i32,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            format: TableFormat::Parquet,
            row_group: 65_536,
            rows_per_file: 524_288,
            zstd_level: 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(BuildConfig::from_toml("").unwrap(), BuildConfig::default());
    }

    #[test]
    fn a_key_changes_itself_and_nothing_else() {
        let config = BuildConfig::from_toml("[images]\ncheck = \"none\"\n").unwrap();
        let images = ImageLimits { check: ImageCheck::None, ..ImageLimits::default() };
        assert_eq!(config, BuildConfig { images, ..BuildConfig::default() });
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let text = "[answers]\nmax_parts = 0\n[parts]\nmin_inside_per_10000 = 10001\n";
        let message = BuildConfig::from_toml(text).unwrap_err().to_string();
        assert!(message.contains("answers.max_parts is 0"), "{message}");
        assert!(message.contains("parts.min_inside_per_10000 is 10001"), "{message}");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let message = BuildConfig::from_toml("[images]\nchek = 1\n").unwrap_err().to_string();
        assert!(message.contains("chek"), "{message}");
    }

    #[test]
    fn a_config_survives_its_own_form() {
        let mut config = BuildConfig::default();
        config.train.max_per_class_pair.insert(Task::CommonParts, 1340);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(BuildConfig::from_toml(&text).unwrap(), config);
    }
}
