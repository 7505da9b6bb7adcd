//! Learning to answer in words and masks.

mod conversation;
mod lessons;
mod losses;
mod problems;

pub use conversation::{GroundedConversation, MaskTarget};
pub(crate) use lessons::{GroundingLessons, LessonSettings};
pub use losses::{GroundedBatch, grounding_losses};
pub(crate) use problems::problems;
