use serde_json::Value;

/// Terms under which a model may be used, as its card states them. Whether they are stated
/// correctly, only its authors know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The hub's name of it: `mit`, `apache-2.0`, `other`. Several have commas between.
    pub id: String,
    /// Name of a licence of its own, where `id` is `other`.
    pub name: Option<String>,
    /// Where its text is: an address, or a file of the repository.
    pub link: Option<String>,
}

/// Bytes of a card that are read; what is looked for is at its top.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

/// From the text of a card: the block between the first two lines of dashes. Of YAML, what the hub
/// itself writes there is understood: plain and quoted texts, and lists of them.
pub(crate) fn of_card(text: &str) -> Option<Licence> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let block: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
    let id = values(&block, "license").join(", ");
    let one = |key: &str| values(&block, key).into_iter().next();
    (!id.is_empty()).then(|| Licence { id, name: one("license_name"), link: one("license_link") })
}

/// What a key of the block says: one text, or several.
fn values(block: &[&str], key: &str) -> Vec<String> {
    let found = block.iter().enumerate();
    let mut found = found.filter_map(|(at, line)| Some((at, after_key(line, key)?)));
    let Some((at, value)) = found.next() else { return Vec::new() };
    let texts: Vec<&str> = if let Some(list) = value.strip_prefix('[') {
        list.split(']').next().unwrap_or_default().split(',').collect()
    } else if value.is_empty() || value.starts_with('#') {
        let rest = block[at + 1..].iter();
        rest.map_while(|line| line.trim_start().strip_prefix('-')).collect()
    } else {
        vec![value]
    };
    texts.into_iter().map(plain).filter(|text| !text.is_empty()).collect()
}

/// What follows a key and its colon on a line that begins with it.
fn after_key<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    Some(line.strip_prefix(key)?.trim_start().strip_prefix(':')?.trim())
}

/// A text without quotes, or without the comment that follows it.
fn plain(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default().to_owned();
        }
    }
    text.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

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

    fn id(text: &str) -> Option<String> {
        of_card(text).map(|licence| licence.id)
    }

    #[test]
    fn the_card_states_the_licence() {
        assert_eq!(id("---\nlanguage: en\nlicense: mit\n---\n# A model").as_deref(), Some("mit"));
        assert_eq!(
            id("---\r\nlicense: \"apache-2.0\" # yes\r\n---\r\n").as_deref(),
            Some("apache-2.0")
        );
        assert_eq!(
            id("---\nlicense:\n- mit\n- cc-by-4.0\ntags: x\n---").as_deref(),
            Some("mit, cc-by-4.0")
        );
        assert_eq!(id("---\nlicense: [mit, 'cc0-1.0']\n---").as_deref(), Some("mit, cc0-1.0"));
        let other = "---\nlicense: other\nlicense_name: llama2\nlicense_link: LICENSE\n---\n";
        let licence = of_card(other).unwrap();
        assert_eq!(
            (licence.name.as_deref(), licence.link.as_deref()),
            (Some("llama2"), Some("LICENSE"))
        );
    }

    #[test]
    fn a_card_that_states_none_is_not_guessed_about() {
        for text in
            ["", "# Title\nlicense: mit\n", "---\nlicenses: mit\n---\n", "---\nlicense:\n---\n"]
        {
            assert_eq!(id(text), None, "{text}");
        }
    }

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
