//! JSON that may be one thing or another, read without keeping it in between: what serde derives
//! for such types holds everything that it meets in a form of many times its size.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Items of a list: more than any request has a use for.
const MOST_ITEMS: usize = 4096;

/// Reads a list, of which no more is kept than a request has a use for.
pub(crate) fn few<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(Few(PhantomData))
}

struct Few<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() == MOST_ITEMS {
                let message =
                    format!("more than {MOST_ITEMS} items, which no request has a use for");
                return Err(A::Error::custom(message));
            }
            list.push(item);
        }
        Ok(list)
    }
}

/// Text, or something with another form.
pub(crate) enum TextOr<T> {
    Text(String),
    Other(T),
}

/// What stands where text could: told apart by their forms, an object or a list.
pub(crate) trait Structured<'de>: Sized {
    /// What is expected, text included.
    const EXPECTED: &'static str;

    /// Reads an object.
    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let _ = map;
        Err(A::Error::custom(format!("an object; expected {}", Self::EXPECTED)))
    }

    /// Reads a list.
    fn of_seq<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        let _ = seq;
        Err(A::Error::custom(format!("a list; expected {}", Self::EXPECTED)))
    }
}

impl<'de, T: Structured<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrVisitor(PhantomData))
    }
}

struct TextOrVisitor<T>(PhantomData<T>);

impl<'de, T: Structured<'de>> Visitor<'de> for TextOrVisitor<T> {
    type Value = TextOr<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::of_map(map).map(TextOr::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::of_seq(seq).map(TextOr::Other)
    }
}

/// Reads an object as a type that serde derives.
pub(crate) fn of_map<'de, T, A>(map: A) -> Result<T, A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    T::deserialize(MapAccessDeserializer::new(map))
}

/// Reads a list as [`few`] does.
pub(crate) fn of_seq<'de, T, A>(seq: A) -> Result<Vec<T>, A::Error>
where
    T: Deserialize<'de>,
    A: SeqAccess<'de>,
{
    Few(PhantomData).visit_seq(seq)
}

/// What a value asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Null, false, 0, and what is empty.
    #[default]
    Nothing,
    /// The word `none` or `text`, alone, in a list or as a type: what some ask for that is there
    /// anyway.
    For(&'static str),
    /// All else.
    Something,
}

impl Asks {
    fn anything(asks: bool) -> Self {
        if asks { Self::Something } else { Self::Nothing }
    }

    /// What both ask for together.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, asks) | (asks, Self::Nothing) => asks,
            (one, other) if one == other => one,
            _ => Self::Something,
        }
    }
}

impl<'de> Deserialize<'de> for Asks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsksVisitor)
    }
}

struct AsksVisitor;

impl<'de> Visitor<'de> for AsksVisitor {
    type Value = Asks;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<Asks, E> {
        Ok(Asks::Nothing)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Asks, E> {
        Ok(Asks::anything(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Asks, E> {
        Ok(Asks::anything(value != 0))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Asks, E> {
        Ok(Asks::anything(value != 0))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Asks, E> {
        Ok(Asks::anything(value.abs() > 0.0))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Asks, E> {
        let known = ["none", "text"].into_iter().find(|known| *known == value);
        Ok(known.map_or(Asks::anything(!value.is_empty()), Asks::For))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Asks, A::Error> {
        let mut asks = Asks::Nothing;
        while let Some(one) = seq.next_element()? {
            asks = asks.and(one);
        }
        Ok(asks)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Asks, A::Error> {
        let mut asks = Asks::Nothing;
        while let Some(key) = map.next_key::<String>()? {
            asks = asks.and(if key == "type" {
                map.next_value()?
            } else {
                map.next_value::<IgnoredAny>()?;
                Asks::Something
            });
        }
        Ok(asks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_up_to_a_length() {
        let read = |count: usize| {
            let text = format!("[{}]", vec!["1"; count].join(","));
            few::<_, u8>(&mut serde_json::Deserializer::from_str(&text)).map(|list| list.len())
        };
        assert_eq!(read(MOST_ITEMS).unwrap(), MOST_ITEMS);
        assert!(read(MOST_ITEMS + 1).unwrap_err().to_string().contains("more than"));
    }

    #[test]
    fn what_asks_for_nothing_is_told_from_what_does() {
        let asks = |text: &str| serde_json::from_str::<Asks>(text).unwrap();
        for nothing in ["null", "false", "0", "0.0", "[]", "{}", r#""""#] {
            assert_eq!(asks(nothing), Asks::Nothing, "{nothing}");
        }
        for text in [r#""text""#, r#"["text"]"#, r#"{"type": "text"}"#] {
            assert_eq!(asks(text), Asks::For("text"), "{text}");
        }
        assert_eq!(asks(r#""none""#), Asks::For("none"));
        for something in [
            "true",
            "1",
            "-1",
            "0.5",
            r#""x""#,
            "[{\"a\": 1}]",
            r#"{"a": null}"#,
            r#"{"type": "json_object"}"#,
            r#"["text", "none"]"#,
            r#"{"type": "text", "a": 1}"#,
        ] {
            assert_eq!(asks(something), Asks::Something, "{something}");
        }
    }
}
