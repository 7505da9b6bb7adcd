//! Taking adapters out of a model.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use calico_nn::weights::checkpoint::{StoredTensor, StoredType, write_stored_file};

use super::own_files::{OwnConfig, holds};
use super::peft_name::PeftName;
use super::{
    AdapterError, AdapterProblem, LORA, LORA_CONFIG_FILE, LORA_FILE, OWN_CONFIG_FILE, OWN_FILE,
    Written, peft_config,
};
use crate::checkpoint::{ModelFolder, tensor_specs};
use crate::error::ModelError;
use crate::module_of;
use crate::new_folder::NewFolder;
use crate::provenance::{PROVENANCE_FILE, Provenance};
use crate::trainable::is_trainable;

/// What PyTorch's programs look for in a file.
const METADATA: [(&str, &str); 1] = [("format", "pt")];

/// Writes what learns by default, and the modules `also`, into the new folder `out`; `on_tensor`
/// sees each tensor before it is written, and may stop the work.
pub fn export(
    model: &ModelFolder,
    also: &[String],
    out: &Path,
    on_tensor: impl Fn(Written<'_>) -> ControlFlow<()>,
) -> Result<(), AdapterError> {
    let specs = tensor_specs(&model.config)?;
    let known: BTreeSet<&str> =
        specs.iter().map(|spec| module_of(&spec.name)).filter(|module| *module != LORA).collect();
    if let Some(module) = also.iter().find(|module| !known.contains(module.as_str())) {
        let known = known.into_iter().map(str::to_owned).collect();
        return Err(AdapterError::NoModule { module: module.clone(), known });
    }
    let learns: BTreeSet<&str> = specs
        .iter()
        .filter(|spec| is_trainable(&spec.name, &model.config))
        .map(|spec| module_of(&spec.name))
        .collect();
    let modules: Vec<String> = known
        .into_iter()
        .filter(|module| learns.contains(module) || also.iter().any(|also| also == module))
        .map(str::to_owned)
        .collect();
    let provenance = Provenance::of_folder(model.path())?.unwrap_or_default();
    write(&Trained { model, values: &BTreeMap::new() }, modules, &provenance, out, on_tensor)
}

/// As [`export`], of a training that began with `model`: `values` are the tensors that it has
/// trained, in f32, little-endian. Their modules are written, and the low-rank updates.
/// `provenance` says where the modules of the trained model come from.
pub fn export_trained(
    model: &ModelFolder,
    values: &BTreeMap<String, Vec<u8>>,
    provenance: &Provenance,
    out: &Path,
    on_tensor: impl Fn(Written<'_>) -> ControlFlow<()>,
) -> Result<(), AdapterError> {
    let modules: BTreeSet<&str> =
        values.keys().map(|name| module_of(name)).filter(|module| *module != LORA).collect();
    let modules = modules.into_iter().map(str::to_owned).collect();
    write(&Trained { model, values }, modules, provenance, out, on_tensor)
}

/// A model of which some tensors have other values than in its folder.
struct Trained<'a> {
    model: &'a ModelFolder,
    /// In f32.
    values: &'a BTreeMap<String, Vec<u8>>,
}

impl Trained<'_> {
    fn stored(&self, name: &str) -> Option<StoredTensor> {
        let stored = self.model.checkpoint.stored(name)?;
        let is_changed = self.values.contains_key(name);
        Some(if is_changed { StoredTensor { stored: StoredType::F32, ..stored } } else { stored })
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        let changed = self.values.get(name).map(Vec::as_slice);
        changed.or_else(|| self.model.checkpoint.bytes(name))
    }
}

fn write(
    trained: &Trained<'_>,
    modules: Vec<String>,
    provenance: &Provenance,
    out: &Path,
    on_tensor: impl Fn(Written<'_>) -> ControlFlow<()>,
) -> Result<(), AdapterError> {
    let model = trained.model;
    let stored = |name: &str| trained.stored(name);
    let lora: Vec<StoredTensor> = model
        .checkpoint
        .names()
        .filter(|name| module_of(name) == LORA)
        .filter_map(stored)
        .collect();
    let own: Vec<StoredTensor> = model
        .checkpoint
        .names()
        .filter(|name| holds(&modules, name, &model.config))
        .filter_map(stored)
        .collect();
    check_finite(trained, lora.iter().chain(&own))?;

    let written = |module: &str| module == LORA || modules.iter().any(|other| other == module);
    let provenance = provenance.of_modules(written);
    let new = NewFolder::begin(out)?;
    if !provenance.modules.is_empty() {
        new.write(PROVENANCE_FILE, provenance.to_json().as_bytes())?;
    }
    let all = [lora.as_slice(), &own].concat();
    let tell = Written::teller(&all, on_tensor);
    let bytes = |tensor: &StoredTensor, name: &str| -> Result<Cow<'_, [u8]>, AdapterError> {
        tell(tensor)?;
        Ok(Cow::Borrowed(trained.bytes(name).unwrap_or_default()))
    };
    if let Some(config) = &model.config.lora {
        let renamed: Vec<(StoredTensor, &str)> = lora
            .iter()
            .filter_map(|tensor| {
                let name = PeftName::of(&tensor.name)?;
                Some((StoredTensor { name, ..tensor.clone() }, tensor.name.as_str()))
            })
            .collect();
        let tensors: Vec<StoredTensor> = renamed.iter().map(|(tensor, _)| tensor.clone()).collect();
        write_stored_file(&new.path().join(LORA_FILE), &tensors, &METADATA, |tensor| {
            let name = renamed.iter().find(|(other, _)| other.name == tensor.name);
            bytes(tensor, name.map_or("", |(_, name)| name))
        })?;
        new.write(LORA_CONFIG_FILE, peft_config::text(config).as_bytes())?;
    }
    if !own.is_empty() {
        write_stored_file(&new.path().join(OWN_FILE), &own, &METADATA, |tensor| {
            bytes(tensor, &tensor.name)
        })?;
        let json = serde_json::to_string_pretty(&OwnConfig::of(model, modules));
        let json = json.map_err(|error| ModelError::Io {
            action: "write",
            path: out.join(OWN_CONFIG_FILE),
            source: error.into(),
        })?;
        new.write(OWN_CONFIG_FILE, format!("{json}\n").as_bytes())?;
    }
    Ok(new.finish()?)
}

/// What would be refused when it is read is not written.
fn check_finite<'a>(
    trained: &Trained<'_>,
    tensors: impl Iterator<Item = &'a StoredTensor>,
) -> Result<(), AdapterError> {
    let problems: Vec<AdapterProblem> = tensors
        .filter(|tensor| {
            let bytes = trained.bytes(&tensor.name);
            !bytes.is_some_and(|bytes| tensor.stored.is_finite(bytes))
        })
        .map(|tensor| AdapterProblem::NotFinite(tensor.name.clone()))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(AdapterError::Unusable { folder: trained.model.path().to_path_buf(), problems })
}
