use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a value stands in a record: keys, and positions in lists from 0, joined by dots.
///
/// `images.0.file_name` is the `file_name` of the first of the `images`; the empty path is the
/// record itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// The value at the path; `null` counts as absent.
    pub fn find<'a>(&self, record: &'a Value) -> Option<&'a Value> {
        let mut value = record;
        for step in &self.0 {
            value = match value {
                Value::Object(keys) => keys.get(step)?,
                Value::Array(list) => list.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value).filter(|value| !value.is_null())
    }

    pub(super) fn steps(&self) -> &[String] {
        &self.0
    }
}

impl From<String> for KeyPath {
    fn from(text: String) -> Self {
        Self(text.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect())
    }
}

impl From<KeyPath> for String {
    fn from(path: KeyPath) -> Self {
        path.0.join(".")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> KeyPath {
        KeyPath::from(text.to_owned())
    }

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let record = json!({"a": [{"b": 5}, null], "c": "text"});
        assert_eq!(path("a.0.b").find(&record), Some(&json!(5)));
        assert_eq!(path("").find(&record), Some(&record));
        for absent in ["a.1", "a.2", "a.b", "c.0", "d", "a.0.b.x"] {
            assert_eq!(path(absent).find(&record), None, "{absent}");
        }
    }
}
