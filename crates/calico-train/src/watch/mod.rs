//! What a training run writes for people to watch it.
//!
//! - [`MetricsFile`]: `metrics.jsonl`, a line per step and per validation, without any clock
//!   value, so that a resumed run has the bytes of one that was never stopped.
//! - [`TimingsFile`]: `timings.jsonl`, what the clock said; never compared.
//! - [`EventFile`]: the same numbers and sample pictures for `TensorBoard`.
//! - [`samples`]: a picture of a prediction beside the truth.
//! - [`report`]: `report.html` and the curves as SVG and PNG.
//!
//! Nothing here reads a clock: times arrive from the caller.

mod appended_file;
mod error;
mod event_file;
mod event_message;
mod json_lines;
mod metrics_file;
mod metrics_row;
mod record;
pub mod report;
pub mod samples;
mod timings_file;

pub use error::WatchError;
pub use event_file::EventFile;
pub use metrics_file::{METRICS_NAME, MetricsFile, read_metrics};
pub use metrics_row::{MetricsRow, TrainRow, ValidationRow};
pub use timings_file::{TIMINGS_NAME, TimingsFile, TimingsRow, read_timings};
