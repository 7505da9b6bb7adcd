//! MixedParts: readers of its sources, building, tables, checking, loading.
//!
//! ```text
//! PACO-LVIS, PartImageNet, ADE20K-Part-234, own data
//!        │ sources: read, decode, check          → SourceImage
//!        ▼
//! build: filter, split, pair, ask and answer     → ImageRecord, RegionRecord, SampleRecord
//!        │ tables: Parquet or JSON Lines
//!        ▼
//! Dataset: validate, statistics, view, loader
//! ```
//!
//! [`wording`] writes the questions and answers, also for those who make samples elsewhere.
//!
//! A *region* is the union of all masks of one label in one image: of an object, or of a part of
//! an object. One region is one mask is one `[SEG]`.

pub mod answer_text;
pub mod build;
mod config;
mod dataset;
mod draw;
mod error;
#[cfg(test)]
mod example;
pub mod exchange;
pub mod loader;
mod problem;
mod record;
pub mod released;
pub mod sources;
mod split;
pub mod statistics;
pub mod tables;
pub mod validate;
pub mod view;
mod vocabulary;
pub mod wording;

pub use config::{
    AnswerLimits, BuildConfig, DevTarget, HeldOut, ImageCheck, ImageLimits, ObjectLimits,
    PairLimits, PartImageNetMasks, PartImageNetObjects, PartImageNetParts, PartLimits,
    ProblemLimits, SampleTarget, TableFormat, Tables,
};
pub use dataset::{Dataset, ImageTable, Region, RegionTable, SplitTables};
pub use draw::{Permutation, Stream};
pub use error::DataError;
pub use problem::{Code, Level, Problem};
pub use record::{ImageRecord, RegionRecord, SampleRecord, Templates};
pub use split::Split;
pub use tables::TableError;
pub use vocabulary::{ClassId, ComparablePair, ObjectClass, PartId, Vocabulary};
