use serde::{Deserialize, Deserializer};

use crate::any_value::{self, AnyValue, Number};

/// A number or a text of a JSON file, as text: tools disagree on which of the two an id is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scalar(Option<String>);

impl Scalar {
    /// The text; empty if the value was missing or of another kind.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The text, if there is any.
    pub(crate) fn some(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The number, if it is one of 32 bits.
    pub(crate) fn number(&self) -> Option<u32> {
        self.some()?.parse().ok()
    }
}

impl AnyValue<'_> for Scalar {
    fn other(_: &'static str) -> Self {
        Self(None)
    }

    fn number(number: Number) -> Self {
        Self(Some(number.to_string()))
    }

    fn text(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any_value::read(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_numbers_and_as_texts() {
        let json = r#"[7, "7", "a7", -1, 1.5, null, true, [[7]], {"a": 7}]"#;
        let found: Vec<Scalar> = serde_json::from_str(json).unwrap();
        let texts: Vec<_> = found.iter().map(Scalar::as_str).collect();
        assert_eq!(texts, ["7", "7", "a7", "-1", "1.5", "", "", "", ""]);
        let numbers: Vec<_> = found.iter().map(Scalar::number).collect();
        assert_eq!(numbers[..4], [Some(7), Some(7), None, None]);
    }
}
