//! Models in one file or several.

mod found;
mod index;
mod problem;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use self::found::{Found, find};
use self::index::Index;
use crate::{FileFormat, FormatError, StoredTensor, TensorFile, limits};

pub use self::problem::{Problem, SetError};

/// Files of a set; each stays open.
const SHARDS: usize = 512;
/// The entry of GGUF in which a part says how many there are.
const PARTS_KEY: &str = "split.count";

/// The files that hold a model together, opened.
#[derive(Debug)]
pub struct ShardedFiles {
    path: PathBuf,
    files: Vec<TensorFile>,
    /// Which of the files holds a tensor.
    places: BTreeMap<String, usize>,
    doubled: Vec<String>,
}

impl ShardedFiles {
    /// Opens a model and reads the headers of all its files.
    ///
    /// `path` is one of these:
    ///
    /// - a file of tensors. If its name says that it is one of several
    ///   (`model-00001-of-00003.safetensors`), all of them are read;
    /// - an index, `*.index.json`: the files that its `weight_map` names;
    /// - a folder with one of the above. `model.safetensors`, whole or in several files, comes
    ///   before `pytorch_model.bin`, and that before any other name, as in the library that gave
    ///   them these names. What trainings leave beside a model, such as `optimizer.pt`, is passed
    ///   over.
    ///
    /// An index names files of its own folder only. Links of the folder itself are followed: the
    /// caches of model hubs consist of them.
    ///
    /// # Errors
    /// If a folder holds no model or several, or with all that is wrong with a set: files that are
    /// missing or broken, tensors that do not lie where the index says.
    pub fn open(path: &Path) -> Result<Self, SetError> {
        let found = find(path)?;
        let mut problems = Vec::new();
        let (files, index) = match &found {
            Found::Single(file) => (vec![TensorFile::open(file)?], None),
            Found::Numbered(numbered) => (open_all(&numbered.files(), &mut problems), None),
            Found::Index(path) => {
                let index = Index::read(path)?;
                let names = index.files(&mut problems);
                let paths: Vec<_> = names.iter().map(|name| path.with_file_name(name)).collect();
                (open_all(&paths, &mut problems), Some(index))
            }
        };
        let path = found.path().to_path_buf();
        let mut set = Self { path, files, places: BTreeMap::new(), doubled: Vec::new() };
        set.place(index.as_ref());
        set.check(index.as_ref(), &mut problems);
        if problems.is_empty() {
            return Ok(set);
        }
        Err(SetError::Set { path: set.path, problems })
    }

    /// The file or index that was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files, in the order of their names.
    pub fn files(&self) -> &[TensorFile] {
        &self.files
    }

    /// All tensors, in the order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &StoredTensor)> {
        self.places.keys().filter_map(|name| Some((name.as_str(), self.tensor(name)?)))
    }

    /// What is known of a tensor.
    pub fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.file_of(name)?.tensors().get(name)
    }

    /// The file that holds a tensor.
    pub fn file_of(&self, name: &str) -> Option<&TensorFile> {
        self.files.get(*self.places.get(name)?)
    }

    /// Names that several tensors have, in one file or in two.
    pub fn doubled(&self) -> &[String] {
        &self.doubled
    }

    /// The bytes of a tensor, row-major without gaps, little-endian. Of a doubled name, those in
    /// the file that the index names, or else in the first.
    ///
    /// # Errors
    /// If there is no such tensor, or its file cannot be read any more.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, FormatError> {
        let Some(file) = self.file_of(name) else {
            return Err(FormatError::NoTensor { path: self.path.clone(), name: name.to_owned() });
        };
        file.read(name)
    }

    /// Notes which file holds which tensor.
    fn place(&mut self, index: Option<&Index>) {
        let mut doubled = BTreeSet::new();
        for (number, file) in self.files.iter().enumerate() {
            doubled.extend(file.doubled().iter().cloned());
            let file_name = name_of(file.path());
            for name in file.tensors().keys() {
                let Some(before) = self.places.get_mut(name) else {
                    self.places.insert(name.clone(), number);
                    continue;
                };
                doubled.insert(name.clone());
                if index.and_then(|index| index.file_of(name)) == Some(file_name) {
                    *before = number;
                }
            }
        }
        self.doubled = doubled.into_iter().collect();
    }

    /// Adds what the index and the headers say differently.
    fn check(&self, index: Option<&Index>, problems: &mut Vec<Problem>) {
        for file in self.files.iter().filter(|file| file.format() == FileFormat::Gguf) {
            // Parts that were joined again say that there are none.
            let announced = file.notes().get(PARTS_KEY).filter(|parts| *parts != "0");
            let parts = announced.and_then(|parts| parts.parse().ok()).unwrap_or(1);
            if parts != self.files.len() {
                let (file, found) = (name_of(file.path()).to_owned(), self.files.len());
                problems.push(Problem::Parts { file, announced: parts, found });
            }
        }
        let Some(index) = index else {
            return;
        };
        let opened: BTreeMap<&str, &TensorFile> =
            self.files.iter().map(|file| (name_of(file.path()), file)).collect();
        for (tensor, expected) in index.entries() {
            let Some(file) = opened.get(expected) else {
                continue;
            };
            if file.tensors().contains_key(tensor) {
                continue;
            }
            let found = self.file_of(tensor).map(|file| name_of(file.path()).to_owned());
            let (tensor, expected) = (tensor.to_owned(), expected.to_owned());
            problems.push(Problem::Misplaced { tensor, expected, found });
        }
    }
}

/// The files that can be opened. All of their headers together are no larger than one may be.
fn open_all(paths: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<TensorFile> {
    if paths.len() > SHARDS {
        problems.push(Problem::TooMany { found: paths.len(), most: SHARDS });
        return Vec::new();
    }
    let (mut files, mut header_bytes, mut tensors) = (Vec::new(), 0, 0);
    for path in paths {
        match TensorFile::open(path) {
            Ok(file) => {
                header_bytes += file.header_bytes();
                tensors += file.tensors().len();
                files.push(file);
            }
            Err(FormatError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                problems.push(Problem::Missing { file: name_of(path).to_owned() });
            }
            Err(error) => problems.push(Problem::Unreadable { error }),
        }
        if header_bytes > limits::HEADER_BYTES || tensors > limits::TENSORS {
            problems.push(Problem::TooLarge { header_bytes, tensors });
            break;
        }
    }
    files
}

/// The name of a file within its folder.
fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
