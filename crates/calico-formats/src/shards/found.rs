use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::{SetError, name_of};
use crate::FormatError;

/// How the names of files of tensors end.
const ENDINGS: [&str; 5] = ["safetensors", "bin", "pth", "pt", "gguf"];
/// How the names of indexes end, behind that of the files that they list.
const INDEX_ENDING: &str = ".index.json";
const INDEXED: [&str; 2] = ["safetensors", "bin"];
/// Names that come before all others, in this order.
const PREFERRED: [(&str, &str); 2] = [("model", "safetensors"), ("pytorch_model", "bin")];
/// What trainings leave beside a model: how the names begin.
const LEFTOVERS: [&str; 7] = [
    "optimizer.",
    "scheduler.",
    "scaler.",
    "training_args.",
    "rng_state",
    "random_states",
    "openvino_model",
];
/// Digits of a number in the name of one of several files, at least and at most.
const DIGITS: RangeInclusive<usize> = 2..=9;
/// Files of one model; more are no model.
const MOST: usize = 99_999;

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A file that holds everything.
    Single(PathBuf),
    /// An index of files.
    Index(PathBuf),
    /// Files whose names count them.
    Numbered(Numbered),
}

/// Files like `model-00001-of-00003.safetensors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    /// One of them.
    path: PathBuf,
    stem: String,
    total: usize,
    ending: String,
    /// Digits of each number.
    digits: usize,
}

impl Found {
    /// What errors name.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Single(path) | Self::Index(path) => path,
            Self::Numbered(numbered) => &numbered.path,
        }
    }

    /// Whether the names of two files with one key say that they belong to one set.
    fn is_one_set_with(&self, other: &Self) -> bool {
        let total = |found: &Self| match found {
            Self::Numbered(numbered) => Some(numbered.total),
            Self::Single(_) | Self::Index(_) => None,
        };
        total(self).is_some_and(|count| total(other) == Some(count))
    }

    /// The name of the model without numbers and endings, and the ending of its files.
    fn key(&self) -> (String, String) {
        let name = name_of(self.path());
        let (stem, ending) = match self {
            Self::Numbered(numbered) => (numbered.stem.as_str(), numbered.ending.as_str()),
            Self::Single(_) => name.rsplit_once('.').unwrap_or((name, "")),
            Self::Index(_) => {
                let name = name.strip_suffix(INDEX_ENDING).unwrap_or(name);
                name.rsplit_once('.').unwrap_or((name, ""))
            }
        };
        (stem.to_owned(), ending.to_owned())
    }
}

impl Numbered {
    /// Takes the name of a file apart.
    fn of(path: &Path) -> Option<Self> {
        let (name, ending) = name_of(path).rsplit_once('.')?;
        let (rest, total) = name.rsplit_once("-of-")?;
        let (stem, at) = rest.rsplit_once('-')?;
        let number = |text: &str| {
            let is_plain =
                DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse::<usize>().ok()).flatten()
        };
        let digits = at.len();
        let is_even = digits == total.len();
        let (at, total) = (number(at)?, number(total)?);
        let (stem, ending) = (stem.to_owned(), ending.to_owned());
        let is_one = (0..=total).contains(&at) && ENDINGS.contains(&ending.as_str());
        let is_set = is_even && (1..=MOST).contains(&total);
        let of = || Self { path: path.to_path_buf(), stem, total, ending, digits };
        (is_one && is_set).then(of)
    }

    /// All files that belong together, whether they are there or not.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let Self { path, stem, total, ending, digits } = self;
        let name = |at: usize| format!("{stem}-{at:0digits$}-of-{total:0digits$}.{ending}");
        let file = |at: usize| path.with_file_name(name(at));
        // Most sets are counted from one, and some from zero.
        let first = usize::from(!file(0).exists());
        (first..first + total).map(file).collect()
    }
}

/// Finds what is to be read at a path.
pub(super) fn find(path: &Path) -> Result<Found, SetError> {
    let io = |source| FormatError::Io { path: path.to_path_buf(), source };
    if !std::fs::metadata(path).map_err(io)?.is_dir() {
        return Ok(of_file(path));
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    // A folder may be named like a file, and a link may lead nowhere.
    names.retain(|name| may_hold(name) && path.join(name).is_file());
    in_folder(path, &names)
}

/// What a file that was named stands for.
fn of_file(path: &Path) -> Found {
    if name_of(path).ends_with(INDEX_ENDING) {
        return Found::Index(path.to_path_buf());
    }
    match Numbered::of(path) {
        Some(numbered) => Found::Numbered(numbered),
        None => Found::Single(path.to_path_buf()),
    }
}

/// Whether a file may be a model or an index, by its name.
fn may_hold(name: &str) -> bool {
    let ending = |name: &str, endings: &[&str]| {
        name.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
    };
    match name.strip_suffix(INDEX_ENDING) {
        Some(indexed) => ending(indexed, &INDEXED),
        None => {
            ending(name, &ENDINGS) && !LEFTOVERS.iter().any(|leftover| name.starts_with(leftover))
        }
    }
}

/// The one model among the files of a folder.
fn in_folder(folder: &Path, names: &[String]) -> Result<Found, SetError> {
    let mut models: BTreeMap<(String, String), Vec<Found>> = BTreeMap::new();
    for name in names {
        let found = of_file(&folder.join(name));
        let models = models.entry(found.key()).or_default();
        // Files of one set are one model.
        if !models.iter().any(|known| known.is_one_set_with(&found)) {
            models.push(found);
        }
    }
    for models in models.values_mut() {
        if models.iter().any(|found| matches!(found, Found::Index(_))) {
            models.retain(|found| !matches!(found, Found::Numbered(_)));
        }
    }
    let preferred = PREFERRED
        .iter()
        .find_map(|(stem, ending)| models.remove(&((*stem).to_owned(), (*ending).to_owned())));
    let mut models = preferred.unwrap_or_else(|| models.into_values().flatten().collect());
    match (models.pop(), models.is_empty()) {
        (None, _) => Err(SetError::NoModel { folder: folder.to_path_buf() }),
        (Some(found), true) => Ok(found),
        (Some(last), false) => {
            models.push(last);
            let names = models.iter().map(|found| name_of(found.path()).to_owned()).collect();
            Err(SetError::Several { folder: folder.to_path_buf(), names })
        }
    }
}
