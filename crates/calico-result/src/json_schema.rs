/// The JSON Schema (draft 2020-12) of `result.json`.
pub const JSON_SCHEMA: &str = include_str!("../../../schemas/result.v1.schema.json");

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sample;

    /// Checks the keywords that our schema uses, and panics on any other, so that a keyword added
    /// to the schema cannot pass unchecked.
    struct Validator {
        root: Value,
    }

    impl Validator {
        fn new() -> Self {
            Self { root: serde_json::from_str(JSON_SCHEMA).unwrap() }
        }

        fn check(&self, value: &Value) -> Result<(), String> {
            self.node(&self.root, value, "$")
        }

        fn node(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
            for (keyword, rule) in schema.as_object().unwrap() {
                let number = value.as_f64();
                let items = value.as_array();
                let length = items.map(Vec::len);
                let limit = rule.as_f64();
                let holds = match keyword.as_str() {
                    "$schema" | "$id" | "$defs" | "title" | "description" => true,
                    "$ref" => {
                        let target = rule.as_str().unwrap().trim_start_matches('#');
                        self.node(self.root.pointer(target).unwrap(), value, at)?;
                        true
                    }
                    "const" => rule == value,
                    "enum" => rule.as_array().unwrap().contains(value),
                    "type" => has_type(rule, value),
                    "minimum" => number.is_none_or(|number| number >= limit.unwrap()),
                    "maximum" => number.is_none_or(|number| number <= limit.unwrap()),
                    "minItems" => length.is_none_or(|length| length as f64 >= limit.unwrap()),
                    "maxItems" => length.is_none_or(|length| length as f64 <= limit.unwrap()),
                    "minLength" => value.as_str().is_none_or(|text| !text.is_empty()),
                    "pattern" => value.as_str().is_none_or(|text| !text.contains(['/', '\\'])),
                    "items" => {
                        for (index, item) in items.into_iter().flatten().enumerate() {
                            self.node(rule, item, &format!("{at}[{index}]"))?;
                        }
                        true
                    }
                    "required" => rule.as_array().unwrap().iter().all(|key| {
                        value.as_object().is_none_or(|o| o.contains_key(key.as_str().unwrap()))
                    }),
                    "additionalProperties" => value.as_object().is_none_or(|object| {
                        object.keys().all(|key| schema["properties"].get(key).is_some())
                    }),
                    "properties" => {
                        for (key, rule) in rule.as_object().unwrap() {
                            if let Some(child) = value.get(key) {
                                self.node(rule, child, &format!("{at}.{key}"))?;
                            }
                        }
                        true
                    }
                    other => panic!("the validator does not know {other}"),
                };
                if !holds {
                    return Err(format!("{at} breaks {keyword}: {value}"));
                }
            }
            Ok(())
        }
    }

    fn has_type(rule: &Value, value: &Value) -> bool {
        let is = |name: &Value| match name.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.is_u64() || value.is_i64(),
            "null" => value.is_null(),
            other => panic!("the validator does not know the type {other}"),
        };
        rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is))
    }

    #[test]
    fn a_result_validates() {
        let mut result = sample::segmentation();
        result.answers[0].task = None;
        let value: Value = serde_json::from_str(&result.to_json().unwrap()).unwrap();
        Validator::new().check(&value).unwrap();
    }

    #[test]
    fn every_field_is_required_and_no_other_is_allowed() {
        let validator = Validator::new();
        let whole: Value =
            serde_json::from_str(&sample::segmentation().to_json().unwrap()).unwrap();
        let objects = ["", "/model", "/images/0", "/answers/0", "/answers/0/segments/0"];
        let inner = ["/answers/0/segments/0/mask", "/answers/0/segments/0/scores"];
        for pointer in objects.into_iter().chain(inner) {
            let mut extended = whole.clone();
            extended.pointer_mut(pointer).unwrap()["surprise"] = json!(1);
            assert!(validator.check(&extended).is_err(), "{pointer} takes another field");
            for key in whole.pointer(pointer).unwrap().as_object().unwrap().keys() {
                let mut reduced = whole.clone();
                reduced.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
                let is_optional = pointer == "/model" && key != "name";
                assert_eq!(validator.check(&reduced).is_ok(), is_optional, "{pointer}/{key}");
            }
        }
    }

    #[test]
    fn wrong_values_do_not_validate() {
        let validator = Validator::new();
        let changes = [
            ("/schema", json!("calico.result/2")),
            ("/images/0/file_name", json!("a/b.png")),
            ("/answers/0/task", json!("parts")),
            ("/answers/0/segments/0/box", json!([1, 2, 3])),
            ("/answers/0/segments/0/area_ratio", json!(1.5)),
            ("/answers/0/segments/0/scores/predicted_iou", json!(null)),
        ];
        for (pointer, value) in changes {
            let text = sample::segmentation().to_json().unwrap();
            let mut result: Value = serde_json::from_str(&text).unwrap();
            *result.pointer_mut(pointer).unwrap() = value;
            assert!(validator.check(&result).is_err(), "{pointer}");
        }
    }
}
