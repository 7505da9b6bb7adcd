//! COCO: one JSON file with images, categories and annotations.
//!
//! [`write()`] gives what pycocotools and everything built on it loads.
//! Parts get categories of their own, named `object:part`, so that a handle that is an object and
//! the handle of a cup stay apart; `supercategory` is the object.
//! Masks are compressed run lengths.
//!
//! Fields of ours, which other tools ignore and [`read`] understands:
//!
//! | Where | Field | Holds |
//! | --- | --- | --- |
//! | annotation | `parent_id` | the annotation of the object that a part belongs to, or null |
//! | annotation | `kind`, `group`, `origin` | as in [`Region`](crate::Region) |
//! | annotation | `score` | as in files of results |
//! | category | `label` | the label without the object |
//! | image | `key`, `notes` | the id in the data set; remarks |
//! | info | `notes` | remarks on the whole |
//!
//! [`read`] also takes files of others: masks in all three encodings, labels from the names of
//! the categories, parts from `parent_id` alone.

mod categories;
mod reader;
mod writer;

pub use reader::read;
pub use writer::write;
