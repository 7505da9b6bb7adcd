use std::collections::BTreeMap;

use super::cursor::Cursor;
use super::value::Kind;
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, check_alignment, of_key};
use crate::{FormatError, List};

/// Entries of the metadata.
const ENTRIES: u64 = 1 << 16;
/// Bytes of a key: what the format allows.
const KEY_BYTES: usize = (1 << 16) - 1;
/// Bytes of a text: templates of conversations take some thousands.
const TEXT_BYTES: usize = 16 << 20;
/// Values of all lists together: a vocabulary of 256 thousand pieces needs about 1.5 million.
const LISTED: u64 = 1 << 22;

/// The entries of a header.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Single values, as text.
    pub(super) notes: BTreeMap<String, String>,
    pub(super) lists: BTreeMap<String, List>,
    pub(super) alignment: u64,
}

impl Metadata {
    pub(super) fn read(cursor: &mut Cursor<'_>, entries: u64) -> Result<Self, FormatError> {
        if entries > ENTRIES {
            let reason = format!("it announces {entries} entries; expected at most {ENTRIES}");
            return Err(cursor.source().refused("header", reason));
        }
        let (notes, lists) = (BTreeMap::new(), BTreeMap::new());
        let mut metadata = Self { notes, lists, alignment: DEFAULT_ALIGNMENT };
        let mut listed = 0;
        for _ in 0..entries {
            let key = cursor.text("the key of an entry", KEY_BYTES)?;
            if metadata.notes.contains_key(&key) || metadata.lists.contains_key(&key) {
                return Err(cursor.source().broken(&of_key(&key), "it appears twice"));
            }
            metadata.entry(cursor, key, &mut listed)?;
        }
        Ok(metadata)
    }

    /// Reads the value of an entry.
    fn entry(
        &mut self,
        cursor: &mut Cursor<'_>,
        key: String,
        listed: &mut u64,
    ) -> Result<(), FormatError> {
        let place = of_key(&key);
        let kind = kind(cursor, &place)?;
        if key == ALIGNMENT_KEY {
            self.alignment = alignment(cursor, kind, &place)?;
            self.notes.insert(key, self.alignment.to_string());
        } else if kind == Kind::List {
            let list = list(cursor, &place, listed)?;
            self.lists.insert(key, list);
        } else {
            let text = match kind {
                Kind::Text => cursor.text(&place, TEXT_BYTES)?,
                _ => number(cursor, kind, &place)?.to_string(),
            };
            self.notes.insert(key, text);
        }
        Ok(())
    }
}

fn kind(cursor: &mut Cursor<'_>, place: &str) -> Result<Kind, FormatError> {
    let number = cursor.u32(place)?;
    Kind::of(number).ok_or_else(|| {
        cursor.source().broken(place, format!("found a value of type {number}, expected 0 to 12"))
    })
}

fn alignment(cursor: &mut Cursor<'_>, kind: Kind, place: &str) -> Result<u64, FormatError> {
    if kind != Kind::U32 {
        let reason = format!("found a value of type {kind:?}, expected U32");
        return Err(cursor.source().broken(place, reason));
    }
    let found = u64::from(cursor.u32(place)?);
    check_alignment(found).map_err(|reason| cursor.source().broken(place, reason))
}

/// A single value other than a text.
#[derive(Debug, Clone, Copy)]
enum Number {
    Int(i64),
    /// An integer that needs all 64 bits.
    Large(u64),
    F32(f32),
    F64(f64),
    Bool(bool),
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Large(value) => write!(f, "{value}"),
            Self::F32(value) => write!(f, "{value}"),
            Self::F64(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
        }
    }
}

fn number(cursor: &mut Cursor<'_>, kind: Kind, place: &str) -> Result<Number, FormatError> {
    Ok(match kind {
        Kind::U8 => Number::Int(u8::from_le_bytes(cursor.array(place)?).into()),
        Kind::I8 => Number::Int(i8::from_le_bytes(cursor.array(place)?).into()),
        Kind::U16 => Number::Int(u16::from_le_bytes(cursor.array(place)?).into()),
        Kind::I16 => Number::Int(i16::from_le_bytes(cursor.array(place)?).into()),
        Kind::U32 => Number::Int(cursor.u32(place)?.into()),
        Kind::I32 => Number::Int(i32::from_le_bytes(cursor.array(place)?).into()),
        Kind::I64 => Number::Int(i64::from_le_bytes(cursor.array(place)?)),
        Kind::U64 => {
            let value = cursor.u64(place)?;
            i64::try_from(value).map_or(Number::Large(value), Number::Int)
        }
        Kind::F32 => Number::F32(f32::from_le_bytes(cursor.array(place)?)),
        Kind::F64 => Number::F64(f64::from_le_bytes(cursor.array(place)?)),
        Kind::Bool => match cursor.array(place)? {
            [0] => Number::Bool(false),
            [1] => Number::Bool(true),
            [byte] => {
                let reason = format!("found the boolean {byte}, expected 0 or 1");
                return Err(cursor.source().broken(place, reason));
            }
        },
        Kind::Text | Kind::List => {
            return Err(cursor.source().broken(place, "found no number where one is expected"));
        }
    })
}

/// The type of a list's values, their number, and the values.
fn list(cursor: &mut Cursor<'_>, place: &str, listed: &mut u64) -> Result<List, FormatError> {
    let kind = kind(cursor, place)?;
    let count = cursor.u64(place)?;
    if kind == Kind::List {
        let reason = "found lists within a list; expected texts or numbers";
        return Err(cursor.source().refused(place, reason));
    }
    // A count that does not fit into the file must not ask for memory first.
    let least = count.saturating_mul(kind.least_bytes());
    cursor.expect(least, place)?;
    *listed = listed.saturating_add(count);
    if *listed > LISTED {
        let reason = format!("found {listed} values in lists so far; expected at most {LISTED}");
        return Err(cursor.source().refused(place, reason));
    }
    let values = 0..count;
    Ok(match kind {
        Kind::Text => {
            List::Texts(values.map(|_| cursor.text(place, TEXT_BYTES)).collect::<Result<_, _>>()?)
        }
        Kind::F32 => {
            let floats = values.map(|_| cursor.array(place).map(f32::from_le_bytes));
            List::Floats(floats.collect::<Result<_, _>>()?)
        }
        Kind::F64 => {
            let floats = values.map(|_| Ok(f64::from_le_bytes(cursor.array(place)?) as f32));
            List::Floats(floats.collect::<Result<_, _>>()?)
        }
        _ => List::Ints(values.map(|_| int(cursor, kind, place)).collect::<Result<_, _>>()?),
    })
}

fn int(cursor: &mut Cursor<'_>, kind: Kind, place: &str) -> Result<i64, FormatError> {
    match number(cursor, kind, place)? {
        Number::Int(value) => Ok(value),
        Number::Bool(value) => Ok(value.into()),
        other => {
            let reason = format!("found {other} in a list; expected at most {}", i64::MAX);
            Err(cursor.source().broken(place, reason))
        }
    }
}
