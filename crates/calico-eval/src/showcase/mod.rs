//! Pairs drawn at random with what a model answers, right or wrong: the paper's Figures 6 and 7.
//!
//! ```text
//! data set, its suite `context` ──► Choice::draw ──► Chosen ──► Showcase::ask ──► JSON, text, page
//! ```
//!
//! Figure 6 shows the three sub-tasks, Figure 7 one image with two partners.
//! Nothing is left out and nothing is sorted by its score: the order is that of the draw.

mod asked_model;
mod card;
mod choice;
mod chosen;
mod chosen_sample;
mod context_case;
mod context_tally;
mod exhibit;
mod exhibit_image;
mod page;
mod place;
mod showcase_document;
mod tally;
mod target_overlap;
mod terminal;
mod verdict;

pub use asked_model::AskedModel;
pub use choice::Choice;
pub use chosen::Chosen;
pub use chosen_sample::ChosenSample;
pub use context_case::ContextCase;
pub use context_tally::ContextTally;
pub use exhibit::Exhibit;
pub use exhibit_image::ExhibitImage;
pub use page::page;
pub use place::check_place;
pub use showcase_document::Showcase;
pub use tally::Tally;
pub use target_overlap::TargetOverlap;
pub use terminal::terminal;
pub use verdict::Verdict;

/// The name of the document in an output folder.
pub const DOCUMENT: &str = "gallery.json";
/// The name of the page.
pub const PAGE: &str = "index.html";
/// The name of the folder of pairs that were drawn for a showcase.
pub const DATA: &str = "data";
