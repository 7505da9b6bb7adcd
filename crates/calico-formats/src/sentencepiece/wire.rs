//! Protocol buffers, as far as a `SentencePiece` model needs them.
//!
//! Written here and not derived with `prost`: reading stops at the piece that is too many, before
//! memory is taken for the others, and an error says at which byte it is. There is no recursion: a
//! message in a message is read by whoever asked for the field.

use super::fault::{Fault, shown};

/// The highest number that a field may have.
const LAST_FIELD: u64 = (1 << 29) - 1;

/// A message whose fields are read one after the other.
#[derive(Debug, Clone)]
pub(super) struct Message<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the file.
    at: usize,
}

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    /// Where it begins in the file.
    at: usize,
    value: Value<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    EightBytes,
    Bytes {
        bytes: &'a [u8],
        /// Where they begin in the file.
        at: usize,
    },
    FourBytes([u8; 4]),
}

impl<'a> Message<'a> {
    /// The whole file as a message.
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// The next field; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.at;
        let tag = self.varint("the tag of a field")?;
        let number = tag >> 3;
        if number == 0 || number > LAST_FIELD {
            let reason = format!("found field {number}, expected 1 to {LAST_FIELD}");
            return Err(broken(at, reason));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint("a number")?),
            1 => {
                self.take(8, "a value of eight bytes")?;
                Value::EightBytes
            }
            2 => {
                let length = self.varint("the length of a field")?;
                let (bytes, at) = self.take(length, "a field")?;
                Value::Bytes { bytes, at }
            }
            5 => {
                let (bytes, _) = self.take(4, "a value of four bytes")?;
                Value::FourBytes(bytes.first_chunk().copied().unwrap_or_default())
            }
            other => {
                let reason = format!("found a field of wire type {other}, expected 0, 1, 2 or 5");
                return Err(broken(at, reason));
            }
        };
        Ok(Some(Field { number: number as u32, at, value }))
    }

    /// A number in seven bits a byte, low ones first.
    fn varint(&mut self, what: &str) -> Result<u64, Fault> {
        let start = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (bytes, _) = self.take(1, what)?;
            let byte = bytes.first().copied().unwrap_or_default();
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(broken(start, format!("found {what} of more than 64 bits")))
    }

    /// The next `length` bytes, and where they begin in the file.
    fn take(&mut self, length: u64, what: &str) -> Result<(&'a [u8], usize), Fault> {
        let at = self.at;
        let split =
            usize::try_from(length).ok().and_then(|split| self.rest.split_at_checked(split));
        let Some((taken, rest)) = split else {
            let reason = format!(
                "{what} takes {length} bytes, but {} are left; the file may be cut off: copy or \
                 download it again",
                self.rest.len()
            );
            return Err(broken(at, reason));
        };
        self.rest = rest;
        self.at += taken.len();
        Ok((taken, at))
    }
}

impl<'a> Field<'a> {
    /// A message within the message.
    pub(super) fn message(&self) -> Result<Message<'a>, Fault> {
        match self.value {
            Value::Bytes { bytes, at } => Ok(Message { rest: bytes, at }),
            _ => Err(self.mistyped("a message")),
        }
    }

    /// Bytes.
    pub(super) fn bytes(&self) -> Result<&'a [u8], Fault> {
        match self.value {
            Value::Bytes { bytes, .. } => Ok(bytes),
            _ => Err(self.mistyped("bytes")),
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|error| {
            let start = bytes.get(..error.valid_up_to().min(40)).unwrap_or_default();
            let start = shown(&String::from_utf8_lossy(start));
            self.broken(format!("found a text that is no UTF-8 ({error}), after {start}"))
        })
    }

    /// A whole number.
    pub(super) fn number(&self) -> Result<i64, Fault> {
        match self.value {
            Value::Varint(value) => Ok(value as i64),
            _ => Err(self.mistyped("a whole number")),
        }
    }

    /// A switch.
    pub(super) fn switch(&self) -> Result<bool, Fault> {
        Ok(self.number()? != 0)
    }

    /// A number with a fraction.
    pub(super) fn float(&self) -> Result<f32, Fault> {
        match self.value {
            Value::FourBytes(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(self.mistyped("a number of four bytes")),
        }
    }

    /// The error that this field is wrong.
    pub(super) fn broken(&self, reason: impl Into<String>) -> Fault {
        broken(self.at, reason)
    }

    fn mistyped(&self, expected: &str) -> Fault {
        let found = match self.value {
            Value::Varint(_) => "a whole number",
            Value::EightBytes => "a value of eight bytes",
            Value::Bytes { .. } => "bytes",
            Value::FourBytes(_) => "a value of four bytes",
        };
        self.broken(format!("field {} is {found}, expected {expected}", self.number))
    }
}

fn broken(at: usize, reason: impl Into<String>) -> Fault {
    Fault::broken(format!("byte {at}"), reason)
}
