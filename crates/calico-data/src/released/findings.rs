use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What it is that was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// A file that the map does not name; it was not opened.
    File,
    /// A document or a list that the map names and that is not there.
    Absent,
    /// A key that the map does not name; its values were left alone.
    Key,
    /// An image that was left out.
    Image,
    /// An annotation or another mask that was left out, or mended.
    Mask,
    /// A category that was left out.
    Category,
    /// A sample that was refused.
    Sample,
}

/// Something that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotUnderstood {
    /// The document, by its path below the folder of the release.
    pub document: String,
    /// What it is.
    pub matter: Matter,
    /// The key, or what is wrong.
    pub what: String,
    /// Where it was first, or its first value.
    pub example: String,
    /// How often it was met.
    pub count: u64,
}

/// Why a record is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) what: String,
    pub(super) example: String,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>, example: impl Into<String>) -> Self {
        Self { what: what.into(), example: example.into() }
    }
}

/// Counts what was not understood; equal things are one entry.
#[derive(Debug, Default)]
pub(super) struct Findings {
    entries: BTreeMap<(String, Matter, String), (String, u64)>,
}

impl Findings {
    /// The most entries; what comes after them is counted by document and matter only.
    const MOST: usize = 2000;

    pub(super) fn add(&mut self, document: &str, matter: Matter, refusal: &Refusal) {
        self.add_times(document, matter, refusal, 1);
    }

    pub(super) fn add_times(
        &mut self,
        document: &str,
        matter: Matter,
        refusal: &Refusal,
        times: u64,
    ) {
        let what = cut(&refusal.what, 240);
        let mut key = (document.to_owned(), matter, what);
        if self.entries.len() >= Self::MOST && !self.entries.contains_key(&key) {
            "others, of which there are too many to list".clone_into(&mut key.2);
        }
        let entry = self.entries.entry(key).or_insert_with(|| (cut(&refusal.example, 80), 0));
        entry.1 += times;
    }

    pub(super) fn into_list(self) -> Vec<NotUnderstood> {
        let entry = |((document, matter, what), (example, count))| NotUnderstood {
            document,
            matter,
            what,
            example,
            count,
        };
        self.entries.into_iter().map(entry).collect()
    }
}

/// A value in a few words.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", cut(text, 60)),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(keys) => {
            let names: Vec<String> = keys.keys().take(6).map(|key| cut(key, 20)).collect();
            format!("an object with {} keys: {}", keys.len(), names.join(", "))
        }
        scalar => cut(&scalar.to_string(), 60),
    }
}

/// The start of a text, so that no file can make a message long.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_counted_and_never_long() {
        let mut findings = Findings::default();
        for number in 0..3 * Findings::MOST {
            let what = format!("{number} {}", "é".repeat(1000));
            findings.add("a.json", Matter::Key, &Refusal::new(what, "x".repeat(1000)));
        }
        let list = findings.into_list();
        assert_eq!(list.len(), Findings::MOST + 1);
        assert_eq!(list.iter().map(|entry| entry.count).sum::<u64>(), 3 * Findings::MOST as u64);
        assert!(list.iter().all(|it| it.what.len() < 500 && it.example.len() < 90));
    }
}
