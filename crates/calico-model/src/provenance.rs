//! Where the weights of a model come from: `sources.json` of a model folder.
//!
//! Every module has its origins, the licence under which they came, and a digest of what was made
//! of them. Who makes a model out of another one carries this on.

use std::collections::BTreeMap;
use std::path::Path;

use calico_formats::read_small;
use calico_nn::weights::checkpoint::{FileTensor, FileType};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::ModelError;
use crate::module_of;

/// Name of the file in a model folder.
pub const PROVENANCE_FILE: &str = "sources.json";
/// The licence of what nobody stated one for.
pub const UNKNOWN_LICENCE: &str = "unknown";

/// What the file says it is.
const FORMAT: &str = "calico.sources/1";
/// A larger file is a mistake.
const LARGEST: u64 = 1 << 20;

/// Where the weights of a model come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    format: String,
    /// By module, as [`module_of`] names them.
    pub modules: BTreeMap<String, Component>,
}

/// Where a module comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// What it was made of, the first one first.
    pub origins: Vec<ModuleOrigin>,
    /// SHA-256 of names, shapes, types and values of its tensors, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// One thing that a module was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleOrigin {
    /// The file, folder or repository; or how it was drawn.
    pub source: String,
    /// Its licence, as whoever brought it in or its card states it; otherwise
    /// [`UNKNOWN_LICENCE`].
    pub licence: String,
    /// The family whose names it has, where it is a file of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

impl ModuleOrigin {
    /// Of a module whose weights were drawn.
    pub fn untrained(seed: u64) -> Self {
        Self { source: format!("untrained, seed {seed}"), licence: "none".to_owned(), family: None }
    }
}

impl Default for Provenance {
    fn default() -> Self {
        Self { format: FORMAT.to_owned(), modules: BTreeMap::new() }
    }
}

impl Provenance {
    /// Reads what a model folder says; `None` if it says nothing.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or is something else.
    pub fn of_folder(folder: &Path) -> Result<Option<Self>, ModelError> {
        let path = folder.join(PROVENANCE_FILE);
        let failed = |source| ModelError::Io { action: "read", path: path.clone(), source };
        let bytes = match read_small(&path, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let wrong = |reason: String| failed(std::io::Error::other(reason));
        let read: Self =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if read.format != FORMAT {
            return Err(wrong(format!("its format is {}, expected {FORMAT}", read.format)));
        }
        Ok(Some(read))
    }

    /// Adds what a module was made of; what is known already is not repeated.
    pub fn add(&mut self, module: &str, origin: ModuleOrigin) {
        let component = self.modules.entry(module.to_owned()).or_default();
        if !component.origins.contains(&origin) {
            component.origins.push(origin);
        }
    }

    /// What is said of some modules, without the digests: for files that hold them in another form.
    #[must_use]
    pub fn of_modules(&self, is_chosen: impl Fn(&str) -> bool) -> Self {
        let chosen = self.modules.iter().filter(|(module, _)| is_chosen(module));
        let origins =
            |component: &Component| Component { origins: component.origins.clone(), sha256: None };
        let modules = chosen.map(|(module, component)| (module.clone(), origins(component)));
        Self { modules: modules.collect(), ..Self::default() }
    }

    /// The same, with the digests of the tensors that were written.
    #[must_use]
    pub fn with_digests(mut self, digests: Digests) -> Self {
        for (module, hash) in digests.0 {
            self.modules.entry(module).or_default().sha256 = Some(format!("{:x}", hash.finalize()));
        }
        self
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        // Maps with text keys and texts: there is nothing that JSON cannot hold.
        let value = serde_json::to_value(self).unwrap_or_default();
        format!("{value:#}\n")
    }
}

/// Digests of modules whose tensors are being written, in the order of the model.
#[derive(Debug, Clone, Default)]
pub struct Digests(BTreeMap<String, Sha256>);

impl Digests {
    /// Adds a tensor and its bytes as they are stored.
    pub fn add(&mut self, tensor: &impl FileTensor, bytes: &[u8]) {
        let hash = self.0.entry(module_of(tensor.name()).to_owned()).or_default();
        let kind = match tensor.kind() {
            FileType::Values(stored) => format!("{stored:?}"),
            FileType::Bytes => "bytes".to_owned(),
        };
        hash.update(format!("{} {:?} {kind}\n", tensor.name(), tensor.shape()));
        hash.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use calico_nn::weights::checkpoint::{StoredTensor, StoredType};

    use super::*;

    fn origin(source: &str) -> ModuleOrigin {
        ModuleOrigin { source: source.into(), licence: UNKNOWN_LICENCE.into(), family: None }
    }

    #[test]
    fn what_is_written_is_read_and_a_folder_may_say_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Provenance::of_folder(folder.path()).unwrap(), None);
        let mut provenance = Provenance::default();
        provenance.add("llm", origin("vicuna"));
        provenance.add("llm", origin("vicuna"));
        assert_eq!(provenance.modules["llm"].origins.len(), 1);
        let mut digests = Digests::default();
        let tensor = StoredTensor {
            name: "llm.model.norm.weight".into(),
            shape: vec![1],
            stored: StoredType::F16,
        };
        digests.add(&tensor, &[0, 1]);
        let provenance = provenance.with_digests(digests);
        assert_eq!(provenance.modules["llm"].sha256.as_ref().map(String::len), Some(64));
        std::fs::write(folder.path().join(PROVENANCE_FILE), provenance.to_json()).unwrap();
        assert_eq!(Provenance::of_folder(folder.path()).unwrap(), Some(provenance));
    }

    #[test]
    fn a_file_that_is_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "[]", r#"{"format":"calico.sources/9","modules":{}}"#] {
            std::fs::write(folder.path().join(PROVENANCE_FILE), text).unwrap();
            let error = Provenance::of_folder(folder.path()).unwrap_err();
            assert!(matches!(error, ModelError::Io { action: "read", .. }), "{error}");
        }
    }
}
