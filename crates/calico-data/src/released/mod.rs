//! The released MixedParts annotations, read by a map of their names (`docs/released.md`).
//!
//! ```text
//! document ── Outline: which keys ── unknown_keys ──► NotUnderstood
//!          ── stream: record by record ── Store: labels, images, masks
//!                                      └─ SampleReader: texts, regions ──► tables
//! ```
//!
//! Nobody here has seen the released files, so their names are data, a [`ReleasedMap`]; what it
//! does not name is listed and never guessed.

mod answer;
mod document;
mod findings;
mod import;
mod import_summary;
mod key_path;
mod outline;
mod release;
mod released_error;
mod released_map;
mod reports;
mod sample_reader;
mod split_writer;
mod store;
mod unknown_keys;

pub use findings::{Matter, NotUnderstood};
pub use import::{ReleasedInput, import};
pub use import_summary::{DocumentRecord, ImportCounts, ImportSummary};
pub use key_path::KeyPath;
pub use outline::Outline;
pub use released_error::ReleasedError;
pub use released_map::{
    AnnotationList, CategoryList, DocumentMap, ImageKeys, ImageList, LabelKeys, LabelMap, MaskList,
    ReleasedMap, Said, SampleList, Shape, SourceMap, TextMap, Texts,
};
