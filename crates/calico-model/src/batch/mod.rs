//! Many questions, one after the other: a list or a folder in, results and failures out.
//!
//! ```text
//! list.jsonl or folder ─► BatchList ─► BatchWork: one item after the other ─► BatchFolder
//! ```
//!
//! A faulty list is refused before any work, with all its faults. After that, an item that fails
//! is written down as a failure, and the others go on. What is on disk is never computed again:
//! [`calico_result::batch`] describes the folder.

mod batch_list;
mod batch_work;
mod error;
mod folder_entries;
mod item;
mod list_lines;

pub use batch_list::{BatchList, QuestionCheck};
pub use batch_work::{BatchObserver, BatchWork};
pub use error::{Fault, ListError, ListFault};
pub use item::BatchItem;
pub use list_lines::JSON_SCHEMA;
