//! The configuration of a model: `config.json` of a model folder, TOML for presets.
//!
//! Every dimension and every open point of the paper is a key; keys that are left out have the
//! published value. A configuration is checked as a whole: all problems are reported together.

mod check;
mod preset;
mod switched;

pub use preset::Preset;
pub use switched::Switched;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use calico_formats::read_small_text;
use calico_image::{DecodeOptions, Orientation};
use calico_language::{LlamaConfig, LoraConfig};
use calico_vision::dinov2::DinoConfig;
use calico_vision::eva_clip::EvaConfig;
use calico_vision::qformer::QFormerConfig;
use calico_vision::sam::SamConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::correspondence::{AdapterConfig, ExtractionConfig};
use crate::grounding::{GroundingConfig, ProjectionConfig};
use crate::preprocess::InputSizes;
use crate::prompt::{PromptConfig, Template};

/// Name of the configuration in a model folder.
pub const CONFIG_FILE: &str = "config.json";

/// What files of this project carry, so that other programs' files are recognised.
const MODEL_TYPE: &str = "calico";
/// A larger configuration is a mistake, in bytes.
const LARGEST: u64 = 1 << 20;

/// Why a configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file describes a model of another program.
    #[error(
        "{path} describes a model of another program (model_type {kind:?}); expected a model folder \
         of this one: make one of it with `calico model import`"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its kind of model.
        kind: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The text is not JSON or TOML, or a key is missing, unknown or of another type.
    #[error("{path} is not a configuration of this program: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The values contradict each other.
    #[error("{path} describes no model:\n  {}", .problems.join("\n  "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All problems.
        problems: Vec<String>,
    },
}

/// Whether the orientation stored in a photograph is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExifOrientation {
    /// The picture is turned upright, once, before all encoders.
    #[default]
    Apply,
    /// The stored pixels are used as they are, as some annotations were made on them.
    Ignore,
}

/// How photographs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageConfig {
    /// Whether the orientation stored in a photograph is applied.
    #[serde(default)]
    pub exif_orientation: ExifOrientation,
}

/// The norm between EVA-CLIP and everything that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LnVisionConfig {
    /// Epsilon: 1e-5 in LAVIS and Cheetah, 1e-6 in transformers.
    pub eps: f64,
}

impl Default for LnVisionConfig {
    fn default() -> Self {
        Self { eps: 1e-5 }
    }
}

/// A whole model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalicoConfig {
    /// Always `calico`.
    #[serde(default = "model_type")]
    pub model_type: String,
    /// The preset that the model was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// What everyone who reads an answer of this model must know; every result carries it once,
    /// as its first warning. A model that is made from this one (trained further, merged,
    /// exported) inherits it with `config.json`: whoever makes it edits or removes it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// How photographs are read.
    #[serde(default)]
    pub image: ImageConfig,
    /// EVA-CLIP.
    pub eva: EvaConfig,
    /// The norm behind EVA-CLIP.
    #[serde(default)]
    pub ln_vision: LnVisionConfig,
    /// The Q-Former. Not enabled: EVA-CLIP tokens are projected directly ("w/o Q-Former").
    pub qformer: Switched<QFormerConfig>,
    /// DINOv2. Not enabled: the adapters see EVA-CLIP tokens ("w/o DINO").
    pub dino: Switched<DinoConfig>,
    /// Correspondence Extraction Module.
    pub cem: ExtractionConfig,
    /// Correspondence Adaptation Modules.
    pub cam: AdapterConfig,
    /// The language model.
    pub llm: LlamaConfig,
    /// Low-rank updates of the language model; left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraConfig>,
    /// The `[SEG]` projection.
    #[serde(default)]
    pub seg_proj: ProjectionConfig,
    /// SAM.
    pub sam: SamConfig,
    /// How prompts are written.
    #[serde(default)]
    pub prompt: PromptConfig,
    /// How answers are read.
    #[serde(default)]
    pub decode: GroundingConfig,
}

impl Default for PromptConfig {
    fn default() -> Self {
        Self { template: Template::default(), image_start_end: true }
    }
}

fn model_type() -> String {
    MODEL_TYPE.to_owned()
}

impl CalicoConfig {
    /// Reads a `.toml` or `.json` file.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let text = read_small_text(path, LARGEST)
            .map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })?;
        if path.extension().is_some_and(|extension| extension == "toml") {
            Self::from_toml(&text, path)
        } else {
            Self::from_json(&text, path)
        }
    }

    /// Reads the `config.json` in a folder. `None` if there is none, or one of other programs: only
    /// ours has a section `eva`.
    pub fn in_folder(folder: &Path) -> Result<Option<Self>, ConfigError> {
        let path = folder.join(CONFIG_FILE);
        let text = match read_small_text(&path, LARGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let value: Value =
            serde_json::from_str(&text).map_err(|error| format_error(&path, error.to_string()))?;
        if !value.get("eva").is_some_and(Value::is_object) {
            return Ok(None);
        }
        Self::from_value(value, &path).map(Some)
    }

    /// Reads TOML; `path` names it in errors.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let value = toml::from_str(text).map_err(|error| format_error(path, error.to_string()))?;
        Self::from_value(value, path)
    }

    /// Reads JSON; `path` names it in errors.
    pub fn from_json(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let value =
            serde_json::from_str(text).map_err(|error| format_error(path, error.to_string()))?;
        Self::from_value(value, path)
    }

    fn from_value(mut value: Value, path: &Path) -> Result<Self, ConfigError> {
        let kind = value.get("model_type").and_then(Value::as_str);
        let is_foreign = |kind: &&str| *kind != MODEL_TYPE && value.get("eva").is_none();
        if let Some(kind) = kind.filter(is_foreign) {
            return Err(ConfigError::Foreign { path: path.to_path_buf(), kind: kind.to_owned() });
        }
        preset::expand_dino(&mut value).map_err(|reason| format_error(path, reason))?;
        let config: Self = serde_path_to_error::deserialize(value).map_err(|error| {
            let at = error.path().to_string();
            let reason = error.into_inner().to_string();
            format_error(path, if at == "." { reason } else { format!("{at}: {reason}") })
        })?;
        let problems = check::problems(&config);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid { path: path.to_path_buf(), problems })
        }
    }

    /// The text of `config.json`.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Whether DINOv2 and the extraction module are part of the model.
    pub fn uses_dino(&self) -> bool {
        self.dino.enabled && self.cem.enabled
    }

    /// Number and width of the visual tokens of one image before they are projected.
    pub fn queries(&self) -> [usize; 2] {
        if self.qformer.enabled {
            [self.qformer.num_queries, self.qformer.width]
        } else {
            [self.eva.num_tokens(), self.eva.width]
        }
    }

    /// Positions that one image takes in the language model.
    pub fn tokens_per_image(&self) -> usize {
        self.queries()[0]
    }

    /// How photographs are to be decoded for this model.
    pub fn decode_options(&self) -> DecodeOptions {
        let orientation = match self.image.exif_orientation {
            ExifOrientation::Apply => Orientation::Apply,
            ExifOrientation::Ignore => Orientation::Ignore,
        };
        DecodeOptions { orientation, ..DecodeOptions::default() }
    }

    /// Sides of the encoders' inputs, in pixels.
    pub fn input_sizes(&self) -> InputSizes {
        InputSizes {
            eva: self.eva.image_size,
            dino: self.uses_dino().then(|| self.dino.input_size.height_width()),
            sam: self.sam.image_size,
        }
    }
}

fn format_error(path: &Path, reason: String) -> ConfigError {
    ConfigError::Format { path: path.to_path_buf(), reason }
}
