//! The three tables of a data set as files: Apache Parquet, or a JSON object per line.
//!
//! ```text
//! images/train.parquet                    ImageRecord
//! regions/train.parquet                   RegionRecord
//! samples/train-00000-of-00005.parquet    SampleRecord
//! ```
//!
//! Names end in `.jsonl` for JSON Lines; the fields are the same. Equal rows give equal bytes.

mod block;
mod columns;
mod columns_out;
mod image_rows;
mod json_lines;
mod parquet_file;
mod parquet_footer;
mod region_rows;
mod row;
mod sample_rows;
mod table;
mod table_error;
mod table_file;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use columns::Columns;
pub(crate) use row::{Picked, Row};
pub(crate) use sample_rows::task;
pub(crate) use table::Table;
pub(crate) use table_file::TableFile;

pub use table_error::TableError;
pub use write::{write_images, write_regions, write_samples};
