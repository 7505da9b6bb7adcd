use serde::{Deserialize, Serialize};

use crate::Segmentation;

/// The identifier of the form of a batch's files.
pub const SCHEMA_ID: &str = "calico.batch/1";

/// The JSON Schema (draft 2020-12) of a line of `results.jsonl` and of `failures.jsonl`.
pub const JSON_SCHEMA: &str = include_str!("../../../../schemas/batch.v1.schema.json");

/// An item that was answered: a line of `results.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultLine {
    /// The item.
    pub id: String,
    /// The line of the list that asked for it, or its number in a folder, from 1.
    pub line: usize,
    /// Its images, as the list names them.
    pub images: Vec<String>,
    /// What `result.json` would hold.
    pub result: Segmentation,
}

/// An item without an answer: a line of `failures.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureLine {
    /// The item.
    pub id: String,
    /// The line of the list that asked for it, or its number in a folder, from 1.
    pub line: usize,
    /// Its images, as the list names them.
    pub images: Vec<String>,
    /// Number of the image that is at fault, from 1; `None` if it is none alone.
    pub image: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::sample;

    /// The keys that the schema requires and allows for a kind of line.
    fn keys(kind: &str) -> [Vec<String>; 2] {
        let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
        assert_eq!(schema["$id"], SCHEMA_ID);
        let kind = &schema["$defs"][kind];
        assert_eq!(kind["additionalProperties"], false);
        let mut required: Vec<String> = serde_json::from_value(kind["required"].clone()).unwrap();
        required.sort();
        [required, kind["properties"].as_object().unwrap().keys().cloned().collect()]
    }

    fn written(line: &impl Serialize) -> Vec<String> {
        let value = serde_json::to_value(line).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_schema_has_the_fields_that_are_written() {
        let (id, images) = (String::from("a"), vec![String::from("x.png")]);
        let failure = FailureLine {
            id: id.clone(),
            line: 1,
            images: images.clone(),
            image: None,
            message: String::new(),
        };
        let result = ResultLine { id, line: 1, images, result: sample::segmentation() };
        assert_eq!(keys("result"), [written(&result), written(&result)]);
        assert_eq!(keys("failure"), [written(&failure), written(&failure)]);
    }
}
