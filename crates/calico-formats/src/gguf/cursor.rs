use crate::source::Source;
use crate::{FormatError, limits};

/// Bytes that are fetched at once.
const PIECE: u64 = 256 << 10;

/// Reads a header from front to back, without knowing where it ends.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    source: &'a Source,
    /// Bytes of the file up to `fetched`, of which `at` are used.
    buffer: Vec<u8>,
    at: usize,
    fetched: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, buffer: Vec::new(), at: 0, fetched: 0 }
    }

    pub(super) fn source(&self) -> &'a Source {
        self.source
    }

    /// The byte of the file that comes next.
    pub(super) fn position(&self) -> u64 {
        self.fetched - (self.buffer.len() - self.at) as u64
    }

    /// Fails unless so many bytes can follow, so that memory for them may be taken. `what` names
    /// in errors to what they belong.
    pub(super) fn expect(&self, bytes: u64, what: &str) -> Result<(), FormatError> {
        let at = self.position();
        if !self.source.holds(at, bytes) {
            let reason = format!(
                "{what} needs {bytes} bytes from byte {at}, but the file has {}; it may be cut \
                 off: copy or download it again",
                self.source.len()
            );
            return Err(self.source.broken("header", reason));
        }
        if at + bytes > limits::HEADER_BYTES {
            let reason = format!(
                "{what} needs {bytes} bytes from byte {at}; expected a header of at most {} bytes",
                limits::HEADER_BYTES
            );
            return Err(self.source.refused("header", reason));
        }
        Ok(())
    }

    /// The next bytes.
    pub(super) fn take(&mut self, bytes: u64, what: &str) -> Result<&[u8], FormatError> {
        self.expect(bytes, what)?;
        let missing = bytes.saturating_sub((self.buffer.len() - self.at) as u64);
        if missing > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
            let piece = missing.max(PIECE).min(self.source.len() - self.fetched);
            self.buffer.extend(self.source.read(self.fetched, piece)?);
            self.fetched += piece;
        }
        let start = self.at;
        self.at += bytes as usize;
        Ok(self.buffer.get(start..self.at).unwrap_or_default())
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], FormatError> {
        let bytes = self.take(N as u64, what)?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N]))
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, FormatError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, FormatError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A length and as many bytes of UTF-8.
    pub(super) fn text(&mut self, what: &str, most: usize) -> Result<String, FormatError> {
        let length = self.u64(what)?;
        let start = self.position();
        self.expect(length, what)?;
        if length > most as u64 {
            let reason = format!("{what} takes {length} bytes; expected at most {most}");
            return Err(self.source.refused("header", reason));
        }
        let bytes = self.take(length, what)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                let at = start + error.valid_up_to() as u64;
                Err(self.source.broken("header", format!("{what} is no UTF-8 at byte {at}")))
            }
        }
    }
}
