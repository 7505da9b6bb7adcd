//! A file of others that is brought in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calico_formats::{Licence, ShardedFiles, StoredTensor};

use calico_model::provenance::{ModuleOrigin, Provenance, UNKNOWN_LICENCE};

use super::role::is_table;
use super::{ImportError, Role};
use crate::{Copies, GGUF_LICENCE, NameMap, Names, Recipe, Translation};

/// The maps by which names are translated.
#[derive(Debug, Clone, Copy)]
pub struct Maps<'a> {
    /// All that are known; the one that fits is used.
    pub known: &'a [NameMap],
    /// A map that the user chose, in place of the one that fits.
    pub chosen: Option<&'a NameMap>,
    /// Whether one tensor may make several of ours.
    pub copies: Copies,
}

/// A model of others: opened, and its names translated. No value was read.
#[derive(Debug)]
pub struct Source {
    role: Role,
    path: PathBuf,
    files: ShardedFiles,
    tensors: BTreeMap<String, StoredTensor>,
    translation: Translation,
    label: String,
    licence: Option<String>,
    /// Whether its name is another one than that of its file.
    is_named: bool,
    /// What a model folder of ours says of its own weights.
    before: Option<Provenance>,
}

impl Source {
    /// Opens a file, an index or a folder, and finds out whose tensors it holds.
    ///
    /// # Errors
    /// If it cannot be read, or its names are those of no family that can be used.
    pub fn open(role: Role, path: &Path, maps: Maps<'_>) -> Result<Self, ImportError> {
        let files = ShardedFiles::open(path)?;
        let tensors: BTreeMap<String, StoredTensor> =
            files.tensors().map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
        let names = Names::new(&tensors);
        let translation = match maps.chosen {
            Some(map) => names.translate_by(map, maps.copies),
            None => names.translate(maps.known, maps.copies),
        };
        let translation = translation
            .map_err(|source| ImportError::Names { path: files.path().to_path_buf(), source })?;
        let folder = files.path().parent().unwrap_or(Path::new("."));
        let before = Provenance::of_folder(folder)?;
        let card = Licence::in_folder(folder).map_err(|error| ImportError::Beside {
            path: folder.join("README.md"),
            reason: error.to_string(),
        })?;
        let of_gguf = files.files().first().and_then(|file| file.notes().get(GGUF_LICENCE));
        let licence = card.map(Licence::in_one_name).or_else(|| of_gguf.cloned());
        let (path, label) = (path.to_path_buf(), name_of(path));
        Ok(Self {
            role,
            path,
            files,
            tensors,
            translation,
            label,
            licence,
            is_named: false,
            before,
        })
    }

    /// The same, under another name than that of its file, and with a licence that the user
    /// states.
    #[must_use]
    pub fn stated(mut self, label: Option<String>, licence: Option<String>) -> Self {
        self.is_named = label.is_some();
        self.label = label.unwrap_or(self.label);
        self.licence = licence.or(self.licence);
        self
    }

    /// Where a module comes from that is made of it, as its folder says and as whoever brings it in.
    pub(super) fn origins(&self, module: &str) -> Vec<ModuleOrigin> {
        let before = self.before.as_ref().and_then(|before| before.modules.get(module));
        let mut origins = before.map(|before| before.origins.clone()).unwrap_or_default();
        // What is stated now says what nobody had stated before.
        for origin in origins.iter_mut().filter(|it| it.licence == UNKNOWN_LICENCE) {
            origin.licence = self.licence.clone().unwrap_or_else(|| origin.licence.clone());
        }
        // A file of a stranger does not have the last word on where it comes from.
        if origins.is_empty() || self.is_named {
            origins.push(ModuleOrigin {
                source: self.label.clone(),
                licence: self.licence.clone().unwrap_or_else(|| UNKNOWN_LICENCE.to_owned()),
                family: Some(self.translation.title.clone()),
            });
        }
        origins
    }

    /// What it is brought in for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The path that was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder in which the files lie.
    pub fn folder(&self) -> &Path {
        self.files.path().parent().unwrap_or(Path::new("."))
    }

    /// The files.
    pub fn files(&self) -> &ShardedFiles {
        &self.files
    }

    /// What becomes of its tensors.
    pub fn translation(&self) -> &Translation {
        &self.translation
    }

    /// The name of the file, for messages.
    pub fn name(&self) -> String {
        self.files.path().display().to_string()
    }

    /// The name of the file that holds a tensor, for messages: one of the shards.
    pub(super) fn file_of(&self, tensor: &str) -> String {
        let file = self.files.file_of(tensor);
        file.map_or_else(|| self.name(), |file| file.path().display().to_string())
    }

    /// How the tensor of ours with this name is made of it, if it is asked for that.
    pub(super) fn recipe(&self, ours: &str) -> Option<&Recipe> {
        self.translation.recipes.get(ours).filter(|_| self.takes(ours))
    }

    /// Whether it is asked for the tensor of ours with this name. Adapters bring tables of tokens
    /// that were trained with them, but not those of a whole language model in the same file.
    fn takes(&self, ours: &str) -> bool {
        let is_left = self.role == Role::Adapters && is_table(ours) && self.is_language_model();
        self.role.takes(ours) && !is_left
    }

    fn is_language_model(&self) -> bool {
        self.translation.recipes.contains_key("llm.model.norm.weight")
    }

    /// Whether a tensor of ours would be a copy of another one in it.
    pub(super) fn only_copies(&self, ours: &str) -> bool {
        self.translation.filled.contains(ours)
    }

    /// Whether it makes a tensor of ours whose name begins so, and is asked for it.
    pub(super) fn makes(&self, start: &str) -> bool {
        self.recipes().any(|(ours, _)| ours.starts_with(start))
    }

    /// All tensors of ours that it makes and is asked for.
    pub(super) fn recipes(&self) -> impl Iterator<Item = (&str, &Recipe)> {
        let recipes = self.translation.recipes.iter();
        let all = recipes.map(|(ours, recipe)| (ours.as_str(), recipe));
        all.filter(|(ours, _)| self.takes(ours))
    }

    /// What the header says of a tensor.
    pub(super) fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.get(name)
    }
}

/// The last part of a path, whatever it ends with.
fn name_of(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    absolute.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
