use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::contents::shown;
use crate::limits;

/// The key of what is no tensor.
const METADATA: &str = "__metadata__";
/// Entries of the metadata.
const NOTES: usize = 1 << 16;
/// Characters of a reason.
const REASON: usize = 300;

/// The header of a file. Tensors come as a list, because JSON may repeat a key.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) notes: BTreeMap<String, String>,
    pub(super) tensors: Vec<(String, Info)>,
}

/// What a header says about a tensor.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Info {
    pub(super) dtype: String,
    #[serde(deserialize_with = "axes")]
    pub(super) shape: Vec<u64>,
    pub(super) data_offsets: (u64, u64),
}

impl Header {
    /// Reads JSON that blanks may follow.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("it is no UTF-8 from byte {}", error.valid_up_to()))?;
        serde_json::from_str(text).map_err(|error| {
            let reason = error.to_string();
            // The reason may quote what it found, however long that is.
            let Some((end, _)) = reason.char_indices().nth(REASON) else {
                return reason;
            };
            let start = reason.get(..end).unwrap_or_default();
            format!("{start}… at line {} column {}", error.line(), error.column())
        })
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                let mut has_notes = false;
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        if std::mem::replace(&mut has_notes, true) {
                            return Err(A::Error::custom(format!("`{METADATA}` appears twice")));
                        }
                        header.notes = map.next_value::<Option<Notes>>()?.unwrap_or_default().0;
                    } else if header.tensors.len() >= limits::TENSORS {
                        let most = limits::TENSORS;
                        return Err(A::Error::custom(format!("found more than {most} tensors")));
                    } else {
                        let info = map.next_value().map_err(|error| {
                            A::Error::custom(format!("tensor `{}`: {error}", shown(&name)))
                        })?;
                        header.tensors.push((name, info));
                    }
                }
                Ok(header)
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// Texts by key, each key once.
#[derive(Debug, Default)]
struct Notes(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Notes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Notes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Notes, A::Error> {
                let mut notes = BTreeMap::new();
                while let Some((key, text)) = map.next_entry::<String, String>()? {
                    if notes.len() >= NOTES {
                        let reason = format!("found more than {NOTES} entries in `{METADATA}`");
                        return Err(A::Error::custom(reason));
                    }
                    let shown = shown(&key);
                    if notes.insert(key, text).is_some() {
                        let reason = format!("`{shown}` appears twice in `{METADATA}`");
                        return Err(A::Error::custom(reason));
                    }
                }
                Ok(Notes(notes))
            }
        }

        deserializer.deserialize_map(Texts)
    }
}

/// The lengths of axes, without keeping more than a tensor may have.
fn axes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    struct Axes;

    impl<'de> Visitor<'de> for Axes {
        type Value = Vec<u64>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an array of the lengths of axes")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Vec<u64>, A::Error> {
            let mut axes = Vec::new();
            while let Some(axis) = values.next_element()? {
                if axes.len() >= limits::AXES {
                    let most = limits::AXES;
                    return Err(A::Error::custom(format!("found more than {most} axes")));
                }
                axes.push(axis);
            }
            Ok(axes)
        }
    }

    deserializer.deserialize_seq(Axes)
}
