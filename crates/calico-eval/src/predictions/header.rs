use std::fmt;

use calico_data::{Dataset, Split};
use serde::{Deserialize, Serialize};

use crate::Truths;

/// The identifier of the format, in the first line of a file that has a header.
pub const SCHEMA_ID: &str = "calico.predictions/1";

/// Where the predictions of a file come from: its first line, which may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Always [`SCHEMA_ID`].
    pub schema: String,
    /// Name of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The data set that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataIdentity>,
    /// How detections of single images were made predictions of pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composed: Option<Composition>,
}

impl Header {
    /// A header of the current version.
    pub fn new(model: Option<String>, data: Option<DataIdentity>) -> Self {
        Self { schema: SCHEMA_ID.to_owned(), model, data, composed: None }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.model {
            Some(model) => write!(formatter, "model {model:?}")?,
            None => formatter.write_str("an unnamed model")?,
        }
        if let Some(data) = &self.data {
            write!(formatter, " on {data}")?;
        }
        if let Some(composed) = &self.composed {
            write!(formatter, ", composed of detections ({})", composed.thresholds())?;
        }
        Ok(())
    }
}

/// Which data set, built how, and which of its splits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataIdentity {
    /// Name of the data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The seed that it was built with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// SHA-256 of what is scored: the samples of the split with their labels and masks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The split.
    pub split: String,
}

impl DataIdentity {
    /// Of a data set that was read: its folder's name, and the seed of its `build.json`.
    pub fn new(dataset: &Dataset, split: Split, truths: &Truths) -> Self {
        let name = dataset.folder().file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            name,
            seed: dataset.build().map(|build| build.seed),
            hash: Some(truths.hash()),
            split: split.name().to_owned(),
        }
    }
}

impl fmt::Display for DataIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("a data set");
        write!(formatter, "{name}, split {}", self.split)?;
        if let Some(seed) = self.seed {
            write!(formatter, ", seed {seed}")?;
        }
        match &self.hash {
            // Enough to tell builds apart.
            Some(hash) => write!(formatter, ", hash {}", hash.get(..12).unwrap_or(hash)),
            None => Ok(()),
        }
    }
}

/// How detections of single images were made predictions of pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composition {
    /// Detections of objects with lower scores were left out.
    pub object_threshold: f64,
    /// Detections of parts with lower scores were left out.
    pub part_threshold: f64,
    /// What the predictions are, in words.
    pub reading: String,
}

impl Composition {
    /// The thresholds in words.
    pub(crate) fn thresholds(&self) -> String {
        let Self { object_threshold, part_threshold, .. } = self;
        format!("objects from score {object_threshold}, parts from score {part_threshold}")
    }
}
