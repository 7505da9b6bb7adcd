//! The numbers of an evaluation, and how they are shown.

mod columns;
mod examples;
mod group;
mod html;
mod markdown;
mod nothing_group;
mod nothing_row;
mod pictures;
mod published;
mod report_document;
mod terminal;
mod write;

pub use group::Group;
pub use html::html;
pub use markdown::markdown;
pub use nothing_group::NothingGroup;
pub use nothing_row::NothingRow;
pub use pictures::Pictures;
pub use published::{PUBLISHED, Published, PublishedRow, PublishedTask};
pub use report_document::Report;
pub use terminal::terminal;
pub use write::write;
