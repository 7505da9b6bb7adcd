//! The predictions file: how any system is scored.
//!
//! JSON Lines, one object per sample, described by `schemas/predictions.v1.schema.json`:
//!
//! ```json
//! {"sample_id": "…", "segments": [{"image": 1, "label": "handle",
//!   "mask": {"size": [480, 640], "counts": "…"}, "score": 0.9}], "answer": "They share …"}
//! ```
//!
//! `image` counts from 1. `mask` is a COCO `segmentation` in any of its three forms, at the size
//! of the stored image. `score` and `answer` may be left out. The order of `segments` is that of
//! the answer; in the mode `glamm` it decides which of two predictions is looked at first.
//!
//! The first line may tell where the predictions come from instead ([`Header`]).
//! Nothing is guessed: an unknown sample, one that comes twice, an image that does not exist and
//! a mask of another size stop the evaluation, with all of them listed. Samples without a line
//! count as empty predictions and are reported.

mod header;
mod line;
mod line_problem;
mod lines;
mod reader;
mod writer;

pub use header::{Composition, DataIdentity, Header, SCHEMA_ID};
pub use line_problem::{Fault, LineProblem};
pub use reader::PredictionReader;
pub use writer::{PredictionWriter, write_predictions};

/// The JSON Schema (draft 2020-12) of a line of a predictions file.
pub const JSON_SCHEMA: &str = include_str!("../../../../schemas/predictions.v1.schema.json");

/// Bytes of one line.
pub const MAX_LINE_BYTES: usize = 32 << 20;

/// Segments of one sample.
pub const MAX_SEGMENTS: usize = 4096;

/// Bytes of one label.
pub const MAX_LABEL_BYTES: usize = 1024;
