//! A folder of adapters, compared with the model that it is for.

use std::path::Path;

use calico_formats::{Licence, read_small};
use calico_language::LoraConfig;
use calico_nn::weights::checkpoint::{Checkpoint, CheckpointError, StoredTensor};
use serde_json::{Map, Value};

use super::lora_files::LoraFiles;
use super::own_files::OwnFiles;
use super::{
    AdapterError, AdapterProblem, LORA_CONFIG_FILE, LORA_FILE, OWN_CONFIG_FILE, OWN_FILE,
    peft_config,
};
use crate::checkpoint::{ModelFolder, tensor_specs};
use crate::error::ModelError;
use crate::provenance::{ModuleOrigin, Provenance, UNKNOWN_LICENCE};

/// A larger JSON file is a mistake.
const LARGEST_JSON: u64 = 1 << 20;

/// How closely the model must be the one that the adapters were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BaseCheck {
    /// Built alike, and with the same frozen weights.
    #[default]
    Weights,
    /// Built alike; the weights may be others.
    Config,
}

/// A folder of adapters that fits a model. Its files are mapped, not read.
#[derive(Debug)]
pub struct Adapters {
    name: String,
    lora: Option<LoraFiles>,
    own: Option<OwnFiles>,
    /// What the folder says of them.
    provenance: Provenance,
    licence: Option<String>,
}

impl Adapters {
    /// Opens the files in `folder` and compares them with `model`, values included: all
    /// differences come back at once.
    pub fn open(
        folder: &Path,
        model: &ModelFolder,
        base_check: BaseCheck,
    ) -> Result<Self, AdapterError> {
        if !folder.is_dir() {
            return Err(AdapterError::NotAFolder(folder.to_path_buf()));
        }
        let mut problems = Vec::new();
        let lora = pair(folder, [LORA_CONFIG_FILE, LORA_FILE], &mut problems);
        let own = pair(folder, [OWN_CONFIG_FILE, OWN_FILE], &mut problems);
        let lora = match lora {
            Some((json, file)) => LoraFiles::check(&json, file, &model.config, &mut problems)?,
            None => None,
        };
        let own = match own {
            Some((json, file)) => {
                let specs = tensor_specs(&model.config)?;
                OwnFiles::check(json, file, (model, &specs), base_check, &mut problems)
            }
            None => None,
        };
        if !problems.is_empty() {
            return Err(AdapterError::Unusable { folder: folder.to_path_buf(), problems });
        }
        if lora.is_none() && own.is_none() {
            return Err(AdapterError::NoAdapters(folder.to_path_buf()));
        }
        let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned());
        let provenance = Provenance::of_folder(folder)?.unwrap_or_default();
        let licence = Licence::in_folder(folder).map_err(|source| ModelError::Io {
            action: "read the card in",
            path: folder.to_path_buf(),
            source,
        })?;
        let licence = licence.map(Licence::in_one_name);
        Ok(Self { name: name.unwrap_or_default(), lora, own, provenance, licence })
    }

    /// Where a module comes from that they brought: as `sources.json` beside them says, or else
    /// from this folder, under the licence of its card.
    pub(super) fn origins(&self, module: &str) -> Vec<ModuleOrigin> {
        let said = self.provenance.modules.get(module).filter(|said| !said.origins.is_empty());
        if let Some(said) = said {
            return said.origins.clone();
        }
        vec![ModuleOrigin {
            source: format!("adapters {}", self.name),
            licence: self.licence.clone().unwrap_or_else(|| UNKNOWN_LICENCE.to_owned()),
            family: None,
        }]
    }

    /// Rank and alpha of the low-rank updates, where the folder holds any.
    pub fn lora(&self) -> Option<&LoraConfig> {
        self.lora.as_ref().map(|lora| &lora.config)
    }

    /// The modules that the folder holds beside the low-rank updates.
    pub fn modules(&self) -> &[String] {
        self.own.as_ref().map_or(&[], |own| &own.modules)
    }

    /// The tensor that has the name `name` in a model, with its stored bytes.
    pub(super) fn tensor(&self, name: &str) -> Option<(StoredTensor, &[u8])> {
        let (file, in_file) = match (&self.lora, &self.own) {
            (Some(lora), _) if lora.names.contains_key(name) => {
                (&lora.file, lora.names.get(name)?.as_str())
            }
            (_, Some(own)) => (&own.file, name),
            _ => return None,
        };
        let stored = file.stored(in_file)?;
        Some((StoredTensor { name: name.to_owned(), ..stored }, file.bytes(in_file)?))
    }
}

/// What the `adapter_config.json` of a folder says of the adapters beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct PeftSettings {
    /// Rank and alpha.
    pub lora: LoraConfig,
    /// Tables of tokens, by their names in a model, that are said to be saved whole.
    pub tables: Vec<&'static str>,
}

/// What the `adapter_config.json` of a folder says, for a language model of `depth` layers; `None`
/// if there is none.
///
/// # Errors
/// If it cannot be read, or asks for updates that this program does not do.
pub fn peft_settings(folder: &Path, depth: usize) -> Result<Option<PeftSettings>, AdapterError> {
    if !folder.join(LORA_CONFIG_FILE).exists() {
        return Ok(None);
    }
    let mut problems = Vec::new();
    match read_json(&folder.join(LORA_CONFIG_FILE)) {
        Ok(config) => {
            if let (Some(rank), Some(alpha)) = peft_config::read(&config, depth, &mut problems)
                && problems.is_empty()
            {
                let tables = peft_config::tables(&config).collect();
                return Ok(Some(PeftSettings { lora: LoraConfig { rank, alpha }, tables }));
            }
        }
        Err(reason) => {
            problems.push(AdapterProblem::Unreadable { file: LORA_CONFIG_FILE, reason });
        }
    }
    Err(AdapterError::Unusable { folder: folder.to_path_buf(), problems })
}

/// Both files of a pair, or none.
fn pair(
    folder: &Path,
    [json, tensors]: [&'static str; 2],
    problems: &mut Vec<AdapterProblem>,
) -> Option<(Map<String, Value>, Checkpoint)> {
    let is_there = |name: &str| folder.join(name).exists();
    if tensors == LORA_FILE && !is_there(tensors) && is_there("adapter_model.bin") {
        problems.push(AdapterProblem::Pickle);
        return None;
    }
    match (is_there(json), is_there(tensors)) {
        (false, false) => return None,
        (true, false) => {
            problems.push(AdapterProblem::Alone { present: json, missing: tensors });
            return None;
        }
        (false, true) => {
            problems.push(AdapterProblem::Alone { present: tensors, missing: json });
            return None;
        }
        (true, true) => {}
    }
    let mut bad = |file, reason| problems.push(AdapterProblem::Unreadable { file, reason });
    let read = read_json(&folder.join(json)).map_err(|reason| bad(json, reason)).ok();
    let file = Checkpoint::open_file(&folder.join(tensors))
        .map_err(|error| bad(tensors, reason_of(&error)))
        .ok();
    read.zip(file)
}

/// The object in a small JSON file.
fn read_json(path: &Path) -> Result<Map<String, Value>, String> {
    let bytes = read_small(path, LARGEST_JSON).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| format!("expected a JSON object: {error}"))
}

/// The file is named elsewhere; the cause says what is wrong with it.
fn reason_of(error: &CheckpointError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Type, shape and values of one tensor; nothing is copied.
pub(super) fn check_values(
    file: &Checkpoint,
    name: &str,
    expected: Option<&[usize]>,
    problems: &mut Vec<AdapterProblem>,
) {
    let Some(tensor) = file.stored(name) else {
        let found = file.type_name(name).unwrap_or_default();
        problems.push(AdapterProblem::Type { name: name.to_owned(), found });
        return;
    };
    if let Some(expected) = expected
        && tensor.shape != expected
    {
        problems.push(AdapterProblem::Shape {
            name: name.to_owned(),
            expected: expected.to_vec(),
            found: tensor.shape.clone(),
        });
    }
    if !file.bytes(name).is_some_and(|bytes| tensor.stored.is_finite(bytes)) {
        problems.push(AdapterProblem::NotFinite(name.to_owned()));
    }
}
