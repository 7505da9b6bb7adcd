//! What a segmentation returns: plain data, pictures and export formats.
//!
//! [`Segmentation`] is the content of `result.json`: the images, the answers, and per phrase and
//! image a [`Segment`] with its mask, its measures and its [`Scores`]. Everything else is made
//! from it: [`pictures`] draws the masks on the photographs, [`export`] writes the formats of
//! other tools, [`terminal`] prints an answer, [`html`] shows pairs of images on a page, and [`palette`] gives a phrase the same colour in
//! all of them. Files go through an [`OutputFolder`], complete or not at all; the results of many
//! questions go into a [`batch::BatchFolder`].

mod answer;
pub mod batch;
mod encoded_mask;
mod error;
pub mod export;
pub mod html;
mod json_schema;
pub mod markdown;
mod markup;
mod output_folder;
pub mod palette;
pub mod pictures;
mod png_file;
mod previous_files;
mod rounded;
#[cfg(test)]
mod sample;
mod scores;
mod scratch;
mod segment;
mod segmentation;
mod task;
pub mod terminal;
mod validation;
mod xml;

pub use answer::{Answer, Status};
pub use encoded_mask::EncodedMask;
pub use error::ResultError;
pub use export::ExportFormat;
pub use json_schema::JSON_SCHEMA;
pub use markup::plain_so_far;
pub use output_folder::{OutputFolder, create_output_folder};
pub use previous_files::{foreign_file, is_written_over};
pub use scores::Scores;
pub use scratch::Scratch;
pub use segment::{Role, Segment, SegmentOrigin, label_of};
pub use segmentation::{FILE_NAME, ImageEntry, Model, SCHEMA_ID, Segmentation};
pub use task::Task;
