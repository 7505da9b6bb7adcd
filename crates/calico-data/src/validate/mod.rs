//! Is a data set what it claims to be? Every rule of the format, row by row.
//!
//! ```text
//! images of all splits ─► identities across splits
//! per split: regions ─► facts about each region ─► samples ─► counts over the split
//! pictures, if asked for
//! ```
//!
//! Masks and samples are looked at block by block, on all threads; in memory are the images, 24
//! bytes a region and 16 bytes a sample. Findings come in the order of the tables, whatever the
//! number of threads.

mod finding;
mod findings;
mod identities;
mod image_rules;
mod known_labels;
mod nothing_rules;
mod options;
mod pictures;
mod progress;
mod question;
mod region_facts;
mod region_rules;
mod report;
mod rule;
mod run;
mod sample_rules;
mod split_images;
mod subtask_rules;
mod tally;

pub use finding::Finding;
pub use options::{PictureRules, ValidateOptions};
pub use report::{CheckedRows, Report};
pub use rule::Rule;
pub use run::validate;

#[cfg(test)]
mod tests;
