//! Documents, read record by record.

use std::fmt;
use std::fs::File;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::DataError;
use crate::sources::{GuardedReader, RecordLimit};

/// The most bytes of a record.
const MAX_RECORD_BYTES: u64 = 4 << 20;

/// Is told the list, the position and the value of each record.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&str, u64, Value);

/// Reads a document and hands over the records of some lists, in the order of the file; the empty
/// name is a document that is a list itself. A record with more than 4 MiB ends the reading.
pub(super) fn stream(
    path: &Path,
    lists: &[&str],
    on_bytes: &mut dyn FnMut(u64) -> bool,
    visit: Visit<'_>,
) -> Result<(), DataError> {
    let file = File::open(path).map_err(|error| DataError::read(path, error))?;
    let depth = if lists.contains(&"") { 2 } else { 3 };
    let limit = RecordLimit { depth, bytes: MAX_RECORD_BYTES };
    let mut source = GuardedReader::new(file, on_bytes).with_record_limit(limit);
    let mut text = serde_json::Deserializer::from_reader(&mut source);
    let read = text.deserialize_any(Document { lists, visit }).and_then(|()| text.end());
    read.map_err(|error| source.explain(error, path))
}

/// The whole document.
struct Document<'a> {
    lists: &'a [&'a str],
    visit: Visit<'a>,
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with lists of records, or a list of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if !key.is_empty() && self.lists.contains(&key.as_str()) {
                map.next_value_seed(List { name: &key, visit: &mut *self.visit })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        List { name: "", visit: self.visit }.visit_seq(seq)
    }
}

/// A list of records.
struct List<'a> {
    name: &'a str,
    visit: Visit<'a>,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0;
        while let Some(record) = seq.next_element::<Value>()? {
            (self.visit)(self.name, at, record);
            at += 1;
        }
        Ok(())
    }
}
