//! The results of many questions in one folder, which an interrupted run goes on with.
//!
//! | File | Holds |
//! | --- | --- |
//! | `batch.json` | a [`BatchIdentity`]: what the folder was begun with, and goes on with only |
//! | `results.jsonl` | a [`ResultLine`] per item that was answered |
//! | `failures.jsonl` | a [`FailureLine`] per item that was not |
//! | `items/` | a folder per item, where files of it were asked for |
//!
//! An item is in one of the two files or in none, and never twice: each line is on disk before
//! the next item begins, and a line that was cut is dropped by whoever opens the folder next. Of
//! a batch in parts, every [`Shard`] has files of its own, `results-1-of-4.jsonl` and so on, so
//! that one process per part can write into the same folder.

mod batch_folder;
mod error;
mod identity;
mod line_file;
mod lines;
mod shard;

pub use batch_folder::{BatchFolder, Progress};
pub use error::BatchError;
pub use identity::{BatchIdentity, IDENTITY_NAME};
pub use lines::{FailureLine, JSON_SCHEMA, ResultLine, SCHEMA_ID};
pub use shard::Shard;
