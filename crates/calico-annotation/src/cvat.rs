//! CVAT for images 1.1: one XML file.
//!
//! [`write()`] makes annotations to upload into a task whose images have the same names.
//! CVAT takes only labels that the task has, with their attributes: paste what [`labels_json`]
//! gives into the "Raw" view of the task's labels when it is made.
//! Masks are row-by-row run lengths within their boxes, beginning with background, which is not
//! COCO's code.
//! Links are attributes of each mask: `id`, `parent` (the `id` of its object), `kind` and `score`.
//! The group of a region is CVAT's `group_id`, its origin the `source`.
//!
//! [`read`] takes masks, polygons and boxes.
//! A shape that was drawn in CVAT and got no `id` is numbered anew.

mod labels;
mod reader;
mod shapes;
mod writer;
mod xml;

pub use labels::labels_json;
pub use reader::read;
pub use writer::write;

/// Names of attributes.
const ID: &str = "id";
const PARENT: &str = "parent";
const KIND: &str = "kind";
const SCORE: &str = "score";
