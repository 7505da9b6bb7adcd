//! A folder with models and adapters.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use calico_model::adapters::{
    AdapterError, Adapters, BaseCheck, LORA_CONFIG_FILE, LORA_FILE, Written, apply, export,
};
use calico_model::checkpoint::tensor_specs;
use calico_model::provenance::PROVENANCE_FILE;
use calico_model::{CalicoConfig, ModelFolder, is_trainable};
use calico_nn::weights::checkpoint::{
    Checkpoint, CheckpointError, StoredTensor, StoredType, write, write_stored_file,
};
use calico_testkit::Synthetic;
use tempfile::TempDir;

use crate::tiny;

/// Header and bytes of each tensor of a file.
pub(crate) type Held = BTreeMap<String, (StoredTensor, Vec<u8>)>;

pub(crate) struct Desk(TempDir);

/// Nobody stops the work.
pub(crate) fn go_on(_: Written<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// What the peft package wrote.
pub(crate) fn peft_fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/peft/adapter")
}

pub(crate) fn bytes_of(file: &Path) -> Held {
    let file = Checkpoint::open_file(file).unwrap();
    let held = |name: &str| (file.stored(name).unwrap(), file.bytes(name).unwrap().to_vec());
    file.names().map(|name| (name.to_owned(), held(name))).collect()
}

/// Writes tensors under the names of the map.
pub(crate) fn write_held(path: &Path, held: &Held) {
    let tensors: Vec<StoredTensor> = held
        .iter()
        .map(|(name, (tensor, _))| StoredTensor { name: name.clone(), ..tensor.clone() })
        .collect();
    let give =
        |tensor: &StoredTensor| Ok::<_, CheckpointError>(held[&tensor.name].1.clone().into());
    write_stored_file(path, &tensors, &[], give).unwrap();
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The tiny model with the weights of the goldens. Those whose names hold `other` have other
    /// values, and so has everything that learns if there is such a word.
    pub(crate) fn model(&self, name: &str, stored: StoredType, other: &str) -> ModelFolder {
        self.model_of(name, &tiny::config(), stored, other)
    }

    pub(crate) fn model_of(
        &self,
        name: &str,
        config: &CalicoConfig,
        stored: StoredType,
        other: &str,
    ) -> ModelFolder {
        let folder = self.path(name);
        fs::create_dir(&folder).unwrap();
        write(&folder, &tensor_specs(config).unwrap(), stored, usize::MAX, |spec| {
            let is_other = !other.is_empty()
                && (spec.name.contains(other) || is_trainable(&spec.name, config));
            let mut values = Synthetic::values(&spec.name, &spec.shape);
            if is_other {
                for value in &mut values {
                    *value *= 0.5;
                }
            }
            values
        })
        .unwrap();
        fs::write(folder.join("config.json"), config.to_json().unwrap()).unwrap();
        let tokenizer = calico_language::byte_level_json(259).to_string();
        fs::write(folder.join("tokenizer.json"), tokenizer).unwrap();
        ModelFolder::open(&folder).unwrap()
    }

    pub(crate) fn open(&self, name: &str, model: &ModelFolder) -> Result<Adapters, AdapterError> {
        Adapters::open(&self.path(name), model, BaseCheck::Weights)
    }

    pub(crate) fn export(&self, model: &ModelFolder, out: &str) -> Result<(), AdapterError> {
        export(model, &[], &self.path(out), go_on)
    }

    pub(crate) fn apply(
        &self,
        model: &ModelFolder,
        adapters: &str,
        out: &str,
    ) -> Result<(), AdapterError> {
        self.apply_folder(model, &self.path(adapters), out)
    }

    pub(crate) fn apply_folder(
        &self,
        model: &ModelFolder,
        adapters: &Path,
        out: &str,
    ) -> Result<(), AdapterError> {
        let adapters = Adapters::open(adapters, model, BaseCheck::Weights)?;
        apply(model, &adapters, &self.path(out), go_on)
    }

    /// A copy of the fixture of peft with other tensors.
    pub(crate) fn peft_copy(&self, name: &str, change: impl FnOnce(&mut Held)) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir(&folder).unwrap();
        fs::copy(peft_fixture().join(LORA_CONFIG_FILE), folder.join(LORA_CONFIG_FILE)).unwrap();
        let mut held = bytes_of(&peft_fixture().join(LORA_FILE));
        change(&mut held);
        write_held(&folder.join(LORA_FILE), &held);
        folder
    }

    /// Every file below a folder, by its path from there; but what says where it comes from, which
    /// differs by how it was made.
    pub(crate) fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.path(name)).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                let inner = self.files(&format!("{name}/{file}"));
                found
                    .extend(inner.into_iter().map(|(name, held)| (format!("{file}/{name}"), held)));
            } else if file != PROVENANCE_FILE {
                found.insert(file, fs::read(path).unwrap());
            }
        }
        found
    }
}
