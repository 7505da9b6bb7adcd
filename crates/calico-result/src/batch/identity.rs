use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BatchError;
use crate::OutputFolder;

/// The name of the identity in a batch's folder.
pub const IDENTITY_NAME: &str = "batch.json";

/// The longest identity that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What a batch was begun with: everything that changes its results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchIdentity {
    /// Always [`SCHEMA_ID`](super::SCHEMA_ID).
    pub schema: String,
    /// Number of items of the whole list.
    pub items: usize,
    /// Digest of the items.
    pub list_digest: String,
    /// The folder from which the paths of the list lead; none where all paths begin at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Name of the model.
    pub model: String,
    /// Digest of the model.
    pub model_digest: String,
    /// Everything else, by the name under which a user knows it.
    pub settings: BTreeMap<String, Value>,
    /// Into how many parts the items are dealt out.
    pub shards: u32,
}

impl BatchIdentity {
    /// In what a batch that was begun differs from this one; empty if in nothing.
    fn differences(&self, begun: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if begun.schema != self.schema {
            found.push(format!("it is of the form {:?}, not {:?}", begun.schema, self.schema));
        }
        if begun.items != self.items {
            found.push(format!("its list has {} items, and yours {}", begun.items, self.items));
        } else if begun.list_digest != self.list_digest {
            found.push("its list has other items than yours".to_owned());
        }
        if begun.folder != self.folder {
            let shown = |folder: &Option<String>| match folder {
                Some(folder) => format!("from {folder:?}"),
                None => "from the root".to_owned(),
            };
            let (then, now) = (shown(&begun.folder), shown(&self.folder));
            found.push(format!("the paths of its list lead {then}, not {now}"));
        }
        if begun.model != self.model {
            found.push(format!("its model is {:?}, not {:?}", begun.model, self.model));
        } else if begun.model_digest != self.model_digest {
            found.push(format!("its model {:?} had other contents", begun.model));
        }
        let of_both: BTreeSet<&String> =
            begun.settings.keys().chain(self.settings.keys()).collect();
        for name in of_both {
            let (then, now) = (begun.settings.get(name), self.settings.get(name));
            if then != now {
                let shown = |value: Option<&Value>| {
                    value.map_or_else(|| "nothing".to_owned(), ToString::to_string)
                };
                found.push(format!("its {name} is {}, not {}", shown(then), shown(now)));
            }
        }
        if begun.shards != self.shards {
            let parts = |count: u32| match count {
                1 => "as a whole".to_owned(),
                count => format!("in {count} parts"),
            };
            found.push(format!("it goes {}, not {}", parts(begun.shards), parts(self.shards)));
        }
        found
    }

    /// Compares the identity of a folder with this one, or gives the folder this one. Several
    /// processes may do so at once.
    pub(super) fn settle(
        &self,
        folder: &OutputFolder,
        is_result: fn(&str) -> bool,
    ) -> Result<(), BatchError> {
        let path = folder.path().join(IDENTITY_NAME);
        if !path.exists() {
            if let Some(name) = first_file(folder.path(), is_result)? {
                return Err(BatchError::NoBatch { path: folder.path().to_owned(), found: name });
            }
            let unwritable = |error| BatchError::Write { path: path.clone(), source: error };
            let text = serde_json::to_string_pretty(self).map_err(|e| unwritable(e.into()))?;
            if folder.write_new(IDENTITY_NAME, format!("{text}\n").as_bytes())? {
                return Ok(());
            }
        }
        let begun = read(&path)?;
        let differences = self.differences(&begun);
        if differences.is_empty() {
            return Ok(());
        }
        Err(BatchError::OtherBatch { path: folder.path().to_owned(), differences })
    }
}

/// The first file of a folder, by its name, that is of a kind.
fn first_file(folder: &Path, is_one: fn(&str) -> bool) -> Result<Option<String>, BatchError> {
    let unreadable = |source| BatchError::Read { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.extend(entry.map_err(unreadable)?.file_name().into_string());
    }
    Ok(names.into_iter().filter(|name| is_one(name)).min())
}

fn read(path: &Path) -> Result<BatchIdentity, BatchError> {
    let unreadable = |source| BatchError::Read { path: path.to_owned(), source };
    let damaged = |reason| BatchError::Identity { path: path.to_owned(), reason };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_BYTES {
        return Err(damaged(format!("it has {length} bytes")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))
}
