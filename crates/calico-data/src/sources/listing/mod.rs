//! COCO-style JSON files, read as a stream.
//!
//! ```text
//! file ── GuardedReader: hash, limits ── serde_json ──► CocoListing: records, masks undecoded
//! ```

mod annotation;
mod category;
mod guarded_reader;
mod image;
mod scan;

use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::DataError;

pub use annotation::CocoAnnotation;
pub use category::CocoCategory;
pub use image::CocoImage;

pub(crate) use guarded_reader::GuardedReader;
pub(crate) use scan::RecordLimit;

/// The records of a COCO-style file, in the order of the file.
///
/// Keys may come in any order, unknown ones are read over, and masks are kept as they are written.
/// The records take a small multiple of the file's length; no single text or record can take more
/// than the limits allow, whatever is read over takes nothing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CocoListing {
    /// The images.
    pub images: Vec<CocoImage>,
    /// The annotations: objects, parts or both.
    pub annotations: Vec<CocoAnnotation>,
    /// The categories; empty where the file does not list them.
    #[serde(default)]
    pub categories: Vec<CocoCategory>,
    /// SHA-256 of the file.
    #[serde(skip)]
    pub sha256: [u8; 32],
}

impl CocoListing {
    /// The most bytes of a text, of a key too.
    pub const MAX_STRING_BYTES: u64 = 64 << 20;

    /// The most bytes of a record.
    pub const MAX_RECORD_BYTES: u64 = 128 << 20;

    /// The most lists and objects in each other.
    pub const MAX_DEPTH: u32 = 100;

    /// Reads a whole file; `path` is for the messages.
    ///
    /// `on_bytes` is told after every piece how many bytes were read so far, and answers whether
    /// to read on.
    ///
    /// # Errors
    /// - [`DataError::Json`] if the text is no JSON, has another shape or passes a limit
    /// - [`DataError::Read`] if the system refuses to read on
    /// - [`DataError::Stopped`] if `on_bytes` says so
    pub fn read(
        source: impl Read,
        path: &Path,
        on_bytes: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Self, DataError> {
        let mut source = GuardedReader::new(source, on_bytes);
        match Self::parse(&mut source) {
            Ok(listing) => Ok(Self { sha256: source.finish(), ..listing }),
            Err(error) => Err(source.explain(error, path)),
        }
    }

    fn parse(source: impl Read) -> Result<Self, serde_json::Error> {
        let mut text = serde_json::Deserializer::from_reader(source);
        let listing = Self::deserialize(&mut text)?;
        text.end()?;
        Ok(listing)
    }
}

#[cfg(test)]
mod tests;
