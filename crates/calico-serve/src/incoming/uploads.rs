//! Pictures in requests: bytes, or addresses of bytes.

use std::borrow::Cow;

use axum::body::Bytes;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::MapAccess;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::unbuffered::{Structured, TextOr, few, of_map};
use crate::problem::{Kind, Problem};
use crate::settings::Limits;

/// Standard base64; not everybody pads it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Characters of a picture's name that are kept.
const NAME_CHARS: usize = 120;

/// A picture of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    /// What it is called in the result.
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// Where a picture is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Bytes(Bytes),
    /// On another machine.
    Address(String),
}

// Lists of them are read by `ImageInput::list`; the attribute is for the description.
/// A picture: text in base64, a data URI, or an object with one of these and a name.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(crate) enum ImageInput {
    /// The bytes of the file in base64, a `data:` URI of them or, where the service allows it, an
    /// `https:` address.
    Text(String),
    /// The same with a name.
    Named(NamedImage),
}

/// A picture with a name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedImage {
    /// The bytes of the file in base64, a `data:` URI of them or, where the service allows it, an
    /// `https:` address.
    #[schema(min_length = 1)]
    data: String,
    /// What the picture is called in the result.
    #[serde(default)]
    name: Option<String>,
}

impl<'de> Structured<'de> for NamedImage {
    const EXPECTED: &'static str = "a picture: text in base64, a data URI or an address, or an \
                                    object with such a text as data and, if wanted, a name";

    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        of_map(map)
    }
}

impl ImageInput {
    /// Reads a list of pictures.
    pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        let list: Vec<TextOr<NamedImage>> = few(deserializer)?;
        let one = |picture| match picture {
            TextOr::Text(text) => Self::Text(text),
            TextOr::Other(named) => Self::Named(named),
        };
        Ok(list.into_iter().map(one).collect())
    }

    /// The pictures with a name each, as many as a request may have.
    pub(crate) fn uploads(inputs: Vec<Self>, limits: &Limits) -> Result<Vec<Upload>, Problem> {
        check_count(inputs.len(), limits)?;
        let upload = |(number, input)| match input {
            Self::Text(text) => Upload::of_text(number, text, None),
            Self::Named(NamedImage { data, name }) => {
                Upload::of_text(number, data, name.as_deref())
            }
        };
        (1..).zip(inputs).map(upload).collect()
    }
}

/// Refuses too many pictures, or none.
pub(crate) fn check_count(images: usize, limits: &Limits) -> Result<(), Problem> {
    let most = limits.images;
    match images {
        0 => {
            let detail = "no image was sent; send at least one, and two or more to compare";
            Err(Problem::new(Kind::Question, detail))
        }
        found if found > most => {
            let detail = format!("{found} images were sent; this service takes at most {most}");
            Err(Problem::new(Kind::TooLarge, detail))
        }
        _ => Ok(()),
    }
}

impl Upload {
    /// A picture that came as bytes.
    pub(crate) fn of_bytes(number: usize, bytes: Bytes, name: Option<&str>) -> Self {
        Self { name: safe_name(name, number), source: Source::Bytes(bytes) }
    }

    /// A picture that came as text; `number` counts from 1.
    pub(crate) fn of_text(
        number: usize,
        text: String,
        name: Option<&str>,
    ) -> Result<Self, Problem> {
        let name = safe_name(name, number);
        let starts = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if starts("http:") || starts("https:") {
            return Ok(Self { name, source: Source::Address(text) });
        }
        let encoded = if starts("data:") { of_data_uri(&text, number)? } else { &text };
        let encoded = without_blanks(encoded);
        let bytes = BASE64.decode(encoded.as_bytes()).map_err(|error| {
            let detail = format!(
                "image {number} is not base64 ({error}); expected the bytes of a file in base64, \
                 or a data URI with them"
            );
            Problem::new(Kind::Image, detail)
        })?;
        Ok(Self { name, source: Source::Bytes(bytes.into()) })
    }
}

/// What stands after the comma of `data:image/png;base64,…`.
fn of_data_uri(uri: &str, number: usize) -> Result<&str, Problem> {
    let (head, data) = uri.split_once(',').unwrap_or((uri, ""));
    if head.to_ascii_lowercase().ends_with(";base64") {
        return Ok(data);
    }
    let detail = format!(
        "image {number} is a data URI that is not in base64; expected \
                          data:image/png;base64,…"
    );
    Err(Problem::new(Kind::Image, detail))
}

/// Some programs break base64 into lines.
fn without_blanks(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return text.split_ascii_whitespace().collect::<String>().into();
    }
    text.into()
}

/// The last part of a path without what drives terminals, or a number.
fn safe_name(name: Option<&str>, number: usize) -> String {
    let base = name.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let visible = base.chars().filter(|c| !c.is_control()).take(NAME_CHARS);
    let name: String = visible.collect();
    let name = name.trim();
    if name.is_empty() { format!("image{number}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Result<Vec<u8>, Problem> {
        match Upload::of_text(1, text.to_owned(), None)?.source {
            Source::Bytes(bytes) => Ok(bytes.to_vec()),
            Source::Address(address) => panic!("{address}"),
        }
    }

    #[test]
    fn base64_is_read_in_every_dress() {
        for text in ["aGk=", "aGk", "aG\nk=", "data:image/png;base64,aGk=", "DATA:;base64,aGk="] {
            assert_eq!(bytes(text).unwrap(), b"hi", "{text}");
        }
        for text in ["a?", "data:image/png,hi", "data:", "file:///etc/passwd"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_the_last_part_of_a_path_and_drives_no_terminal() {
        assert_eq!(safe_name(Some("../../etc/passwd"), 1), "passwd");
        assert_eq!(safe_name(Some(r"C:\a\b.png"), 1), "b.png");
        assert_eq!(safe_name(Some("\u{1b}[2Ja\u{7f}.png"), 1), "[2Ja.png");
        assert_eq!(safe_name(Some("folder/"), 2), "image2");
        assert_eq!(safe_name(None, 3), "image3");
        assert_eq!(safe_name(Some(&"é".repeat(500)), 1).chars().count(), NAME_CHARS);
    }

    #[test]
    fn addresses_are_told_from_data() {
        let upload = Upload::of_text(1, "HTTPS://example.org/a.png".into(), None).unwrap();
        assert_eq!(upload.source, Source::Address("HTTPS://example.org/a.png".into()));
    }
}
