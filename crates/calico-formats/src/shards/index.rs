use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::Problem;
use crate::source::Source;
use crate::{FormatError, limits};

/// Bytes of an index: that of a model of ten billion parameters takes some ten thousand.
const INDEX_BYTES: u64 = 32 << 20;
/// Characters of a reason.
const REASON: usize = 300;

/// Which file holds which tensor, as a model's publisher says.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// File by tensor.
    files: BTreeMap<String, String>,
    /// Tensors that are named more than once.
    twice: BTreeSet<String>,
}

impl Index {
    pub(super) fn read(path: &Path) -> Result<Self, FormatError> {
        let source = Source::open(path)?;
        if source.len() > INDEX_BYTES {
            let (len, most) = (source.len(), INDEX_BYTES);
            let reason = format!("it takes {len} bytes; expected at most {most}");
            return Err(source.refused("index", reason));
        }
        let bytes = source.read(0, source.len())?;
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| {
            let reason: String = error.to_string().chars().take(REASON).collect();
            source.broken("index", reason)
        })?;
        Ok(document.weight_map)
    }

    /// The file that should hold a tensor.
    pub(super) fn file_of(&self, tensor: &str) -> Option<&str> {
        self.files.get(tensor).map(String::as_str)
    }

    /// Tensors, and the file that should hold each.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(tensor, file)| (tensor.as_str(), file.as_str()))
    }

    /// The names of all files, in order. What the index says that cannot be is added to
    /// `problems`.
    pub(super) fn files(&self, problems: &mut Vec<Problem>) -> Vec<String> {
        problems.extend(self.twice.iter().map(|tensor| Problem::Twice { tensor: tensor.clone() }));
        let mut first_of_file = BTreeMap::new();
        for (tensor, file) in &self.files {
            first_of_file.entry(file).or_insert(tensor);
        }
        let (inside, outside): (Vec<_>, Vec<_>) =
            first_of_file.into_iter().partition(|(file, _)| is_plain(file));
        problems.extend(
            outside.into_iter().map(|(file, tensor)| Problem::Outside {
                tensor: tensor.clone(),
                file: file.clone(),
            }),
        );
        if inside.is_empty() && problems.is_empty() {
            problems.push(Problem::NoFiles);
        }
        inside.into_iter().map(|(file, _)| file.clone()).collect()
    }
}

/// Whether a name stands for a file of the same folder, on every system.
fn is_plain(file: &str) -> bool {
    let mut components = Path::new(file).components();
    let only = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
    only && !file.contains(['/', '\\', ':', '\0'])
}

/// An index as a file.
struct Document {
    weight_map: Index,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Document;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with a `weight_map`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut weight_map = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "weight_map" {
                        map.next_value::<IgnoredAny>()?;
                    } else if weight_map.is_some() {
                        return Err(A::Error::custom("`weight_map` appears twice"));
                    } else {
                        weight_map = Some(map.next_value()?);
                    }
                }
                let weight_map = weight_map.ok_or_else(|| {
                    A::Error::custom("expected an object `weight_map` from tensors to files")
                })?;
                Ok(Document { weight_map })
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Files;

        impl<'de> Visitor<'de> for Files {
            type Value = Index;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object from tensors to files")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Index, A::Error> {
                let mut index = Index::default();
                while let Some((tensor, file)) = map.next_entry::<String, String>()? {
                    if index.files.len() >= limits::TENSORS {
                        let reason = format!("found more than {} tensors", limits::TENSORS);
                        return Err(A::Error::custom(reason));
                    }
                    match index.files.entry(tensor) {
                        Entry::Vacant(place) => {
                            place.insert(file);
                        }
                        Entry::Occupied(place) => {
                            index.twice.insert(place.key().clone());
                        }
                    }
                }
                Ok(index)
            }
        }

        deserializer.deserialize_map(Files)
    }
}
