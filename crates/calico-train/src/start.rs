//! The model that a training begins with.

use std::path::Path;
use std::sync::Arc;

use calico_language::Tokenizer;
use calico_model::checkpoint::{TOKENIZER_FILE, tensor_specs, untrained_tokenizer_json};
use calico_model::config::CONFIG_FILE;
use calico_model::digest::hex;
use calico_model::{CalicoConfig, ModelError, ModelFolder, Preset};
use calico_nn::weights::checkpoint::CheckpointSource;
use calico_nn::weights::{Random, TensorSpec, WeightSource};
use candle_core::{Device, Result as TensorResult, Tensor};
use sha2::{Digest as _, Sha256};

use crate::TrainError;
use crate::lessons::is_helper;
use crate::recipe::{ModelConfig, StageConfig};

pub(crate) const NO_MODEL: &str = "model: there is no folder with weights to start from; give one \
                                   (--model DIR), or set `from_scratch = true` to draw them";

pub(crate) const NO_FOLDER_TO_KEEP: &str = "model.keep: it names tensors of a folder, but there is \
                                            no folder; give one (--model DIR), or leave `keep` out";

/// The model that a training begins with.
pub(crate) struct StartModel {
    pub(crate) config: CalicoConfig,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) tokenizer_json: String,
    pub(crate) name: String,
    /// Its tensors, and everything that only a stage needs.
    pub(crate) source: Arc<StartWeights>,
    pub(crate) digest: String,
}

/// The configuration of the model that a recipe names: that of its folder, or else of its preset or
/// file; of a model that only takes tensors of a folder, its own if it has one. No weights are
/// looked at.
///
/// # Errors
/// If it is nowhere or cannot be read, or tensors of a folder are to be kept and there is none.
pub fn model_config(model: &ModelConfig) -> Result<CalicoConfig, TrainError> {
    if model.folder.is_none() && !model.keep.is_empty() {
        return Err(TrainError::Mismatch { problems: vec![NO_FOLDER_TO_KEEP.to_owned()] });
    }
    let has_own = model.preset.is_some() || model.config.is_some();
    if let Some(folder) = model.folder.as_ref().filter(|_| model.keep.is_empty() || !has_own) {
        if !folder.is_dir() {
            return Err(ModelError::NotAFolder(folder.clone()).into());
        }
        return Ok(CalicoConfig::open(&folder.join(CONFIG_FILE))?);
    }
    if let Some(path) = &model.config {
        return Ok(CalicoConfig::open(path)?);
    }
    match &model.preset {
        Some(name) => {
            let known = Preset::ALL.into_iter().find(|preset| preset.name() == name);
            let names: Vec<&str> = Preset::ALL.into_iter().map(Preset::name).collect();
            let unknown = || TrainError::Mismatch {
                problems: vec![format!(
                    "model.preset: found {name:?}, expected one of {}",
                    names.join(", ")
                )],
            };
            Ok(known.ok_or_else(unknown)?.config()?)
        }
        None => Err(TrainError::Mismatch {
            problems: vec!["model: expected a `folder`, a `preset` or a `config`".into()],
        }),
    }
}

/// The tokenizer of the model that a recipe names.
pub(crate) fn model_tokenizer(
    model: &ModelConfig,
    config: &CalicoConfig,
) -> Result<Tokenizer, TrainError> {
    let path = model.folder.as_ref().map(|folder| folder.join(TOKENIZER_FILE));
    let tokenizer = match path.as_ref().or(model.tokenizer.as_ref()) {
        Some(path) => Tokenizer::open(path),
        None => {
            Tokenizer::parse(untrained_tokenizer_json(config).as_bytes(), Path::new(TOKENIZER_FILE))
        }
    };
    Ok(tokenizer.map_err(ModelError::from)?)
}

impl StartModel {
    /// Opens the model of a recipe. Weights are read when they are asked for.
    pub(crate) fn open(model: &ModelConfig, seed: u64) -> Result<Self, TrainError> {
        match &model.folder {
            Some(folder) => Self::from_folder(folder, model, seed),
            None if model.from_scratch => Self::drawn(model, seed),
            None => Err(TrainError::Mismatch { problems: vec![NO_MODEL.to_owned()] }),
        }
    }

    fn from_folder(folder: &Path, model: &ModelConfig, seed: u64) -> Result<Self, TrainError> {
        let opened = ModelFolder::open(folder)?;
        opened.check_unquantized()?;
        let config = model_config(model)?;
        let problems = keeping_problems(&model.keep, &opened.config, &config)?;
        if !problems.is_empty() {
            return Err(TrainError::Mismatch { problems });
        }
        let mut hash = Sha256::new();
        hash.update(config.to_json().map_err(|e| TrainError::Internal(e.to_string()))?);
        hash.update(opened.weights_digest(|_| true));
        let name = opened.name();
        let tokenizer_json = read_text(&folder.join(TOKENIZER_FILE))?;
        hash.update(&tokenizer_json);
        let ModelFolder { tokenizer, checkpoint, .. } = opened;
        check_vocabulary(&tokenizer, &config)?;
        let kept = model.keep.clone();
        let model = Base::Stored(CheckpointSource::new(checkpoint, Device::Cpu));
        let source = Arc::new(StartWeights { model, kept, drawn: Random::new(seed, Device::Cpu) });
        Ok(Self { config, tokenizer, tokenizer_json, name, source, digest: hex(&hash.finalize()) })
    }

    fn drawn(model: &ModelConfig, seed: u64) -> Result<Self, TrainError> {
        let config = model_config(model)?;
        let (tokenizer_json, path) = match &model.tokenizer {
            Some(path) => (read_text(path)?, path.as_path()),
            None => (untrained_tokenizer_json(&config), Path::new(TOKENIZER_FILE)),
        };
        let tokenizer =
            Tokenizer::parse(tokenizer_json.as_bytes(), path).map_err(ModelError::from)?;
        check_vocabulary(&tokenizer, &config)?;
        let text = config.to_json().map_err(|error| TrainError::Internal(error.to_string()))?;
        let digest = hex(&Sha256::digest(format!("drawn {seed}\n{text}{tokenizer_json}")));
        let drawn = Random::new(seed, Device::Cpu);
        let source = Arc::new(StartWeights { model: Base::Drawn, kept: Vec::new(), drawn });
        let name = format!("drawn with seed {seed}");
        Ok(Self { config, tokenizer, tokenizer_json, name, source, digest })
    }

    /// The tensors of the model.
    pub(crate) fn specs(&self) -> Result<Vec<TensorSpec>, TrainError> {
        Ok(tensor_specs(&self.config)?)
    }
}

/// A model's tensors where it has them; everything else is drawn.
pub(crate) struct StartWeights {
    model: Base,
    /// What is taken of a stored model; all if empty.
    kept: Vec<String>,
    drawn: Random,
}

enum Base {
    Stored(Arc<CheckpointSource>),
    Drawn,
}

impl StartWeights {
    /// Whether all stored values that were read are numbers.
    pub(crate) fn finish(&self) -> Result<(), TrainError> {
        match &self.model {
            Base::Stored(source) => Ok(source.finish().map_err(ModelError::from)?),
            Base::Drawn => Ok(()),
        }
    }
}

impl WeightSource for StartWeights {
    fn tensor(&self, spec: &TensorSpec) -> TensorResult<Tensor> {
        match &self.model {
            // What only training needs is in no model.
            Base::Stored(source) if !is_helper(&spec.name) && keeps(&self.kept, &spec.name) => {
                source.tensor(spec)
            }
            Base::Stored(_) | Base::Drawn => self.drawn.tensor(spec),
        }
    }
}

/// Whether a model has a row for each token.
fn check_vocabulary(tokenizer: &Tokenizer, config: &CalicoConfig) -> Result<(), TrainError> {
    let (ids, rows) = (tokenizer.vocab_size(), config.llm.vocab_size);
    if ids > rows {
        return Err(ModelError::Vocabulary { highest: ids.saturating_sub(1), rows }.into());
    }
    Ok(())
}

/// Whether a tensor is taken of a stored model.
pub(crate) fn keeps(kept: &[String], name: &str) -> bool {
    kept.is_empty() || kept.iter().any(|pattern| StageConfig::fits(pattern, name))
}

/// What a model is to take of a stored one and cannot, one line each.
fn keeping_problems(
    kept: &[String],
    stored: &CalicoConfig,
    config: &CalicoConfig,
) -> Result<Vec<String>, TrainError> {
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let (stored, specs) = (tensor_specs(stored)?, tensor_specs(config)?);
    let mut problems = Vec::new();
    for pattern in kept {
        if !specs.iter().any(|spec| StageConfig::fits(pattern, &spec.name)) {
            problems.push(format!("model.keep: {pattern:?} fits no tensor of the model"));
        }
    }
    for spec in specs.iter().filter(|spec| keeps(kept, &spec.name)) {
        let found = stored.iter().find(|other| other.name == spec.name).map(|spec| &spec.shape);
        if found != Some(&spec.shape) {
            let found = found.map_or("none".to_owned(), |shape| format!("{shape:?}"));
            problems.push(format!(
                "model.keep: {} has shape {:?} in the model, and in the folder {found}",
                spec.name, spec.shape
            ));
        }
    }
    Ok(problems)
}

fn read_text(path: &Path) -> Result<String, TrainError> {
    std::fs::read_to_string(path)
        .map_err(|source| TrainError::Read { path: path.to_owned(), source })
}
