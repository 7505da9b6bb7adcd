//! The numbers of an evaluation, and how they are shown.

mod columns;
mod examples;
mod group;
mod html;
mod markdown;
mod pictures;
mod published;
mod report_document;
mod terminal;
mod write;

pub use group::Group;
pub use html::html;
pub use markdown::markdown;
pub use pictures::Pictures;
pub use published::{PUBLISHED, Published, PublishedRow, PublishedTask};
pub use report_document::Report;
pub use terminal::terminal;
pub use write::write;
