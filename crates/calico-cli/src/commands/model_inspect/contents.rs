use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calico_formats::{Element, FileFormat, FormatError, ShardedFiles, StoredTensor};
use calico_import::Group;

/// Files that an import looks at beside weights.
const NEIGHBOURS: [&str; 5] = [
    "config.json",
    "adapter_config.json",
    "calico_adapters.json",
    "tokenizer.json",
    "tokenizer.model",
];

/// What model files hold, before anyone asks what it means.
pub(super) struct Contents {
    /// The file or index that was found.
    pub(super) path: PathBuf,
    pub(super) files: Vec<ModelFile>,
    pub(super) tensors: BTreeMap<String, StoredTensor>,
    /// Names that several tensors have.
    pub(super) doubled: Vec<String>,
    /// What else the headers say.
    pub(super) notes: BTreeMap<String, String>,
    /// Lists in the headers, and their lengths.
    pub(super) lists: BTreeMap<String, usize>,
    /// Names of files in the same folder.
    pub(super) beside: Vec<&'static str>,
}

/// One of the files.
pub(super) struct ModelFile {
    pub(super) name: String,
    pub(super) format: &'static str,
    pub(super) bytes: u64,
}

/// How much is stored in one type.
pub(super) struct Stored {
    pub(super) element: Element,
    pub(super) tensors: u64,
    pub(super) values: u64,
}

impl Contents {
    pub(super) fn of(set: &ShardedFiles) -> Result<Self, FormatError> {
        let (mut notes, mut lists) = (BTreeMap::new(), BTreeMap::new());
        let mut files = Vec::new();
        for file in set.files() {
            let path = file.path();
            let io = |source| FormatError::Io { path: path.to_path_buf(), source };
            let bytes = fs::metadata(path).map_err(io)?.len();
            files.push(ModelFile { name: name_of(path), format: format_of(file.format()), bytes });
            for (key, note) in file.notes() {
                notes.entry(key.clone()).or_insert_with(|| note.clone());
            }
            for (key, list) in file.lists() {
                lists.entry(key.clone()).or_insert_with(|| list.len());
            }
        }
        let folder = set.path().parent().unwrap_or(Path::new(""));
        let beside = NEIGHBOURS.into_iter().filter(|name| folder.join(name).is_file()).collect();
        let owned = |(name, tensor): (&str, &StoredTensor)| (name.to_owned(), tensor.clone());
        Ok(Self {
            path: set.path().to_path_buf(),
            files,
            tensors: set.tensors().map(owned).collect(),
            doubled: set.doubled().to_vec(),
            notes,
            lists,
            beside,
        })
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    /// Values of all tensors.
    pub(super) fn values(&self) -> u64 {
        self.tensors.values().map(StoredTensor::values).fold(0, u64::saturating_add)
    }

    /// What is stored in each type, most values first.
    pub(super) fn stored(&self) -> Vec<Stored> {
        let mut stored: Vec<Stored> = Vec::new();
        for tensor in self.tensors.values() {
            let values = tensor.values();
            match stored.iter_mut().find(|known| known.element == tensor.element) {
                Some(known) => {
                    known.tensors += 1;
                    known.values = known.values.saturating_add(values);
                }
                None => stored.push(Stored { element: tensor.element, tensors: 1, values }),
            }
        }
        stored.sort_by_key(|of| std::cmp::Reverse((of.values, of.tensors)));
        stored
    }

    /// All tensors in groups, each of one type, in the order of their patterns.
    pub(super) fn groups(&self) -> Vec<(Element, Group)> {
        let of_element = |of: &Stored| {
            let same = self.tensors.iter().filter(|(_, tensor)| tensor.element == of.element);
            Group::of_all(same).into_iter().map(|group| (of.element, group)).collect::<Vec<_>>()
        };
        let mut groups: Vec<_> = self.stored().iter().flat_map(of_element).collect();
        groups.sort_by(|(_, one), (_, other)| one.pattern.cmp(&other.pattern));
        groups
    }
}

/// The name of a file within its folder.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn format_of(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Safetensors => "safetensors",
        FileFormat::PyTorch => "PyTorch",
        FileFormat::Gguf => "GGUF",
    }
}
