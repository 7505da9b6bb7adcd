use super::opcode as op;
use super::{Problem, Value};

/// Reads a pickle from its beginning to its end.
pub(super) struct Cursor<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(whole: &'a [u8]) -> Self {
        Self { whole, rest: whole }
    }

    /// Bytes that were read.
    pub(super) fn at(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Problem> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Problem::broken(format!(
                "found {} bytes up to the end, expected {len}",
                self.rest.len()
            ));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// A little-endian number of so many bytes.
    pub(super) fn number(&mut self, width: u64) -> Result<u64, Problem> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Problem> {
        self.number(1).map(|byte| byte as u8)
    }

    /// What stands in front of the next line feed.
    pub(super) fn line(&mut self) -> Result<&'a str, Problem> {
        let len = self.rest.iter().position(|&byte| byte == b'\n').unwrap_or(self.rest.len());
        let line = text(self.take(len as u64)?)?;
        self.take(1)?;
        Ok(line)
    }

    /// The value that an instruction writes out, if it is one of those which do.
    pub(super) fn literal(&mut self, opcode: u8) -> Result<Option<Value<'a>>, Problem> {
        let value = match opcode {
            op::NONE => Value::None,
            op::NEWTRUE => Value::Bool(true),
            op::NEWFALSE => Value::Bool(false),
            op::BININT => Value::Int(i64::from(self.number(4)? as i32)),
            op::BININT1 => Value::Int(self.number(1)? as i64),
            op::BININT2 => Value::Int(self.number(2)? as i64),
            op::LONG1 => int(self.counted(1)?),
            op::BINFLOAT => Value::Float(f64::from_bits(self.number(8)?.swap_bytes())),
            op::SHORT_BINUNICODE => Value::Str(text(self.counted(1)?)?),
            op::BINUNICODE => Value::Str(text(self.counted(4)?)?),
            op::BINUNICODE8 => Value::Str(text(self.counted(8)?)?),
            op::SHORT_BINBYTES => Value::Bytes(Some(self.counted(1)?.len())),
            op::BINBYTES => Value::Bytes(Some(self.counted(4)?.len())),
            op::BINBYTES8 | op::BYTEARRAY8 => Value::Bytes(Some(self.counted(8)?.len())),
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    /// Bytes behind their number.
    fn counted(&mut self, width: u64) -> Result<&'a [u8], Problem> {
        let len = self.number(width)?;
        self.take(len)
    }
}

fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| Problem::Broken(format!("found a text, {error}")))
}

/// A little-endian two's complement.
fn int<'a>(bytes: &[u8]) -> Value<'a> {
    let mut long = [if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 }; 8];
    match long.get_mut(..bytes.len()) {
        Some(start) => {
            start.copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(long))
        }
        None => Value::LongInt,
    }
}
