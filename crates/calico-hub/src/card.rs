use calico_formats::Licence;
use serde_json::Value;

/// From what the hub answers about a repository: its copy of the card, or else a tag.
pub(crate) fn of_answer(card: &Value, tags: &Value) -> Option<Licence> {
    let texts = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(several) => {
            several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    };
    let text = |key: &str| Some(card[key].as_str()?.to_owned());
    let stated = texts(&card["license"]);
    let id = if stated.is_empty() {
        let mut tags = tags.as_array()?.iter().filter_map(Value::as_str);
        tags.find_map(|tag| tag.strip_prefix("license:"))?.to_owned()
    } else {
        stated
    };
    Some(Licence { id, name: text("license_name"), link: text("license_link") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hub_knows_the_card_and_tags() {
        let of = |card: Value, tags: Value| of_answer(&card, &tags).map(|licence| licence.id);
        let tags = json!(["pytorch", "license:mit"]);
        assert_eq!(of(json!({ "license": "cc0-1.0" }), tags.clone()).as_deref(), Some("cc0-1.0"));
        assert_eq!(of(json!({ "license": ["a", "b"] }), Value::Null).as_deref(), Some("a, b"));
        assert_eq!(of(Value::Null, tags).as_deref(), Some("mit"));
        assert_eq!(of(json!({ "license": 7 }), json!("license:mit")), None);
    }
}
