//! The numbers of an evaluation, and how they are shown.

mod columns;
mod examples;
mod group;
mod html;
mod markdown;
mod published;
mod report_document;
mod terminal;

pub use group::Group;
pub use html::{PictureLinks, html};
pub use markdown::markdown;
pub use published::{PUBLISHED, Published, PublishedRow, PublishedTask};
pub use report_document::Report;
pub use terminal::terminal;
