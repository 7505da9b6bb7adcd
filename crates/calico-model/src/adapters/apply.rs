//! Putting adapters into a model.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use calico_language::LoraConfig;
use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::{StoredTensor, write_stored};

use super::{AdapterError, AdapterProblem, Adapters, LORA, Written};
use crate::checkpoint::{ModelFolder, SHARD_BYTES, TOKENIZER_FILE, tensor_specs, write_config};
use crate::config::CalicoConfig;
use crate::error::ModelError;
use crate::module_of;
use crate::modules::LANGUAGE;
use crate::new_folder::NewFolder;
use crate::provenance::{Digests, PROVENANCE_FILE, Provenance};

/// Writes the model with `adapters` in place of its own into the new folder `out`. What the
/// adapters do not hold stays as it is; rank and alpha are those of the adapters.
///
/// `on_tensor` sees each tensor before it is written, and may stop the work.
pub fn apply(
    model: &ModelFolder,
    adapters: &Adapters,
    out: &Path,
    on_tensor: impl Fn(Written<'_>) -> ControlFlow<()>,
) -> Result<(), AdapterError> {
    let adapted = Adapted { model, adapters: Some(adapters) };
    let config = CalicoConfig { lora: adapted.lora().cloned(), ..model.config.clone() };
    adapted.write(&config, out, on_tensor, |name| Ok(Cow::Borrowed(adapted.tensor(name)?.1)))
}

/// A model, some of whose tensors come from adapters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adapted<'a> {
    pub(super) model: &'a ModelFolder,
    pub(super) adapters: Option<&'a Adapters>,
}

impl<'a> Adapted<'a> {
    /// Rank and alpha of the low-rank updates that are in force.
    pub(super) fn lora(self) -> Option<&'a LoraConfig> {
        self.adapters.and_then(Adapters::lora).or(self.model.config.lora.as_ref())
    }

    /// A tensor, as it is stored.
    pub(super) fn tensor(self, name: &str) -> Result<(StoredTensor, &'a [u8]), AdapterError> {
        let checkpoint = &self.model.checkpoint;
        self.adapters
            .and_then(|adapters| adapters.tensor(name))
            .or_else(|| checkpoint.stored(name).zip(checkpoint.bytes(name)))
            .ok_or_else(|| {
                self.problem(AdapterProblem::Missing { file: "the model", name: name.to_owned() })
            })
    }

    /// Something is wrong with the model.
    pub(super) fn problem(self, problem: AdapterProblem) -> AdapterError {
        AdapterError::Unusable { folder: self.model.path().to_path_buf(), problems: vec![problem] }
    }

    /// Writes a model folder of `config`, whose tensors are given by `bytes` in the types that
    /// they have here.
    pub(super) fn write(
        self,
        config: &CalicoConfig,
        out: &Path,
        on_tensor: impl Fn(Written<'_>) -> ControlFlow<()>,
        bytes: impl Fn(&str) -> Result<Cow<'a, [u8]>, AdapterError>,
    ) -> Result<(), AdapterError> {
        self.model.check_unquantized()?;
        let specs = tensor_specs(config)?;
        let tensors: Vec<StoredTensor> = specs
            .iter()
            .map(|spec| Ok(self.tensor(&spec.name)?.0))
            .collect::<Result<_, AdapterError>>()?;
        let new = NewFolder::begin(out)?;
        let tell = Written::teller(&tensors, on_tensor);
        let digests = RefCell::new(Digests::default());
        write_stored(&new.path(), &tensors, SHARD_BYTES, |tensor| {
            tell(tensor)?;
            let bytes = bytes(&tensor.name)?;
            if !tensor.stored.is_finite(&bytes) {
                return Err(self.problem(AdapterProblem::NotFinite(tensor.name.clone())));
            }
            digests.borrow_mut().add(tensor, &bytes);
            Ok::<_, AdapterError>(bytes)
        })?;
        let path = self.model.path().join(TOKENIZER_FILE);
        let tokenizer =
            fs::read(&path).map_err(|source| ModelError::Io { action: "read", path, source })?;
        new.write(TOKENIZER_FILE, &tokenizer)?;
        write_config(&new, config)?;
        let provenance = self.provenance(config, &specs)?.with_digests(digests.into_inner());
        new.write(PROVENANCE_FILE, provenance.to_json().as_bytes())?;
        Ok(new.finish()?)
    }

    /// Where the weights come from: what the model says, and the adapters. Low-rank updates that
    /// become a part of the language model take their origin with them.
    fn provenance(
        self,
        config: &CalicoConfig,
        specs: &[TensorSpec],
    ) -> Result<Provenance, AdapterError> {
        let mut provenance = Provenance::of_folder(self.model.path())?.unwrap_or_default();
        if let Some(adapters) = self.adapters {
            let names = || specs.iter().map(|spec| spec.name.as_str());
            let is_brought = |name: &&str| adapters.tensor(name).is_some();
            let brought: BTreeSet<&str> = names().filter(is_brought).map(module_of).collect();
            for module in brought {
                let mut of_module = names().filter(|name| module_of(name) == module);
                // Nothing is left of what stood in its place.
                if of_module.all(|name| is_brought(&name)) {
                    provenance.modules.remove(module);
                }
                for origin in adapters.origins(module) {
                    provenance.add(module, origin);
                }
            }
        }
        if config.lora.is_none() {
            let merged = provenance.modules.remove(LORA).unwrap_or_default().origins;
            let of_adapters = self.adapters.filter(|adapters| adapters.lora().is_some());
            let of_adapters = of_adapters.into_iter().flat_map(|adapters| adapters.origins(LORA));
            for origin in merged.into_iter().chain(of_adapters) {
                provenance.add(LANGUAGE, origin);
            }
        }
        Ok(provenance)
    }
}
