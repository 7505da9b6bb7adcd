//! Samples for training and evaluation, in an order that can be repeated, shared and continued.
//!
//! ```text
//! SampleStore: files, images, regions, which rows are selected
//!     │ loader(options): epoch, shard, where to begin
//!     ▼
//! Loader ── Item: a sample, its images, its masks when they are asked for
//! ```
//!
//! A build writes samples in random order. So an epoch takes the *blocks* of the files (4,096
//! rows each) in an order of its own, puts 16 of them at a time into a *window*, and shuffles the
//! rows of the window. No more than a window is in memory, and any position of an epoch is found
//! without reading what comes before it. A data set of less than 65,536 samples is one window,
//! hence shuffled as a whole.
//!
//! Shard `k` of `n` takes the positions `k`, `k + n`, `k + 2n`, …: together the shards have each
//! sample once, and the order of a step over all of them does not depend on their number.

mod bad_sample;
mod item;
mod limits;
mod options;
mod order;
mod reading;
mod sample_store;
mod selection;

pub use bad_sample::{BadReason, BadSample};
pub use item::{Item, open_picture};
pub use limits::BadLimits;
pub use options::{Check, LoaderOptions, Position, Shard};
pub use reading::Loader;
pub use sample_store::SampleStore;
pub use selection::Selection;

#[cfg(test)]
mod tests;
