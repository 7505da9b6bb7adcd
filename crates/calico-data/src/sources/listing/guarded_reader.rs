use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::CocoListing;
use super::scan::{Excess, RecordLimit, Scan};
use crate::DataError;

/// Why a reader gave up.
enum Refusal {
    Excess(Excess),
    Stopped,
}

/// Hands bytes on, hashes them, and ends where one of the limits of [`CocoListing`] is passed.
pub(crate) struct GuardedReader<'a, R> {
    source: R,
    on_bytes: &'a mut dyn FnMut(u64) -> bool,
    hash: Sha256,
    scan: Scan,
    buffer: Vec<u8>,
    /// The part of the buffer that is not handed on yet.
    next: usize,
    end: usize,
    /// Number of bytes before the buffer.
    before: u64,
    refusal: Option<Refusal>,
}

impl<'a, R: Read> GuardedReader<'a, R> {
    const BUFFER: usize = 1 << 16;

    pub(crate) fn new(source: R, on_bytes: &'a mut dyn FnMut(u64) -> bool) -> Self {
        Self {
            source,
            on_bytes,
            hash: Sha256::new(),
            scan: Scan::default(),
            buffer: vec![0; Self::BUFFER],
            next: 0,
            end: 0,
            before: 0,
            refusal: None,
        }
    }

    /// Another limit for records than that of [`CocoListing`].
    pub(crate) fn with_record_limit(mut self, limit: RecordLimit) -> Self {
        self.scan.limit = limit;
        self
    }

    /// SHA-256 of all that was read.
    pub(crate) fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }

    /// What really went wrong when a parser could not go on.
    pub(crate) fn explain(&self, error: serde_json::Error, path: &Path) -> DataError {
        let reason = match self.refusal {
            Some(Refusal::Stopped) => return DataError::Stopped,
            Some(Refusal::Excess(excess)) if error.is_io() => describe(excess, self.scan.limit),
            _ if error.is_io() => return DataError::read(path, error.into()),
            // It may quote a text of the file at any length.
            _ => error.to_string().chars().take(300).collect(),
        };
        DataError::Json { path: path.to_owned(), offset: self.before + self.next as u64, reason }
    }

    fn refuse(&mut self, refusal: Refusal) -> io::Error {
        self.refusal = Some(refusal);
        // What the parser makes of it is replaced by `explain`.
        io::Error::other("refused")
    }

    /// Fills the buffer; the end of the file leaves it empty.
    fn fill(&mut self) -> io::Result<()> {
        if let Some(Refusal::Excess(excess)) = self.refusal {
            return Err(self.refuse(Refusal::Excess(excess)));
        }
        self.before += self.end as u64;
        (self.next, self.end) = (0, 0);
        let read = self.source.read(&mut self.buffer)?;
        self.end = read;
        self.hash.update(&self.buffer[..read]);
        if !(self.on_bytes)(self.before + read as u64) {
            return Err(self.refuse(Refusal::Stopped));
        }
        if let Err((sound, excess)) = self.scan.follow(&self.buffer[..read]) {
            // The parser may find something else in what is before it.
            (self.end, self.refusal) = (sound, Some(Refusal::Excess(excess)));
            if sound == 0 {
                return Err(self.refuse(Refusal::Excess(excess)));
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for GuardedReader<'_, R> {
    #[inline]
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.next == self.end {
            self.fill()?;
        }
        let length = target.len().min(self.end - self.next);
        target[..length].copy_from_slice(&self.buffer[self.next..self.next + length]);
        self.next += length;
        Ok(length)
    }
}

fn describe(excess: Excess, limit: RecordLimit) -> String {
    match excess {
        Excess::String => format!("a text of more than {} bytes", CocoListing::MAX_STRING_BYTES),
        Excess::Token => "a number of thousands of digits".to_owned(),
        Excess::Record => format!("a record of more than {} bytes", limit.bytes),
        Excess::Depth => {
            format!("lists and objects nested deeper than {} levels", CocoListing::MAX_DEPTH)
        }
    }
}
