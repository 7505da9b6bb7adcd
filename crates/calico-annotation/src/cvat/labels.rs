use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{ID, KIND, PARENT, SCORE};
use crate::{AnnotationError, Document, Kind, color};

/// A label of a CVAT task.
///
/// A label stands once for all kinds of its regions: CVAT refuses a name that comes twice.
#[derive(Debug, Serialize)]
pub(super) struct Label<'a> {
    pub(super) name: &'a str,
    pub(super) color: String,
    pub(super) attributes: [Attribute; 4],
}

/// What a region of a label carries.
#[derive(Debug, Serialize)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) mutable: bool,
    pub(super) input_type: &'static str,
    pub(super) default_value: &'static str,
    pub(super) values: Vec<&'static str>,
}

/// The labels of a document, for the "Raw" view of a task's labels.
pub fn labels_json(document: &Document) -> Result<String, AnnotationError> {
    document.check()?;
    serde_json::to_string_pretty(&labels(document))
        .map(|text| text + "\n")
        .map_err(|source| AnnotationError::Write { source: source.into() })
}

/// The labels of a document in alphabetical order.
pub(super) fn labels(document: &Document) -> Vec<Label<'_>> {
    let mut kinds: BTreeMap<&str, BTreeSet<Kind>> = BTreeMap::new();
    for region in document.regions() {
        kinds.entry(&region.label).or_default().insert(region.kind);
    }
    let numbered = kinds.into_iter().enumerate();
    numbered
        .map(|(position, (name, kinds))| {
            let usual = kinds.first().copied().unwrap_or_default();
            let kind = Attribute {
                name: KIND,
                mutable: false,
                input_type: "select",
                default_value: usual.name(),
                values: Kind::ALL.map(Kind::name).to_vec(),
            };
            let color = color::of_label(position);
            Label { name, color, attributes: [kind, text(ID), text(PARENT), text(SCORE)] }
        })
        .collect()
}

fn text(name: &'static str) -> Attribute {
    Attribute { name, mutable: false, input_type: "text", default_value: "", values: vec![""] }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::sample;

    #[test]
    fn a_label_of_objects_and_parts_stands_once() {
        let json: Value = serde_json::from_str(&labels_json(&sample::document()).unwrap()).unwrap();
        let names: Vec<_> = json.as_array().unwrap().iter().map(|label| &label["name"]).collect();
        assert_eq!(names, ["chair", "leg", "seat", "thing"]);
        assert_eq!(json[1]["attributes"][0]["default_value"], "object");
        assert_eq!(json[2]["attributes"][0]["default_value"], "common_part");
        assert_eq!(json[2]["attributes"][0]["values"].as_array().unwrap().len(), 5);
    }
}
