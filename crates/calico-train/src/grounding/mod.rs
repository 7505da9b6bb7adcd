//! Learning to answer in words and masks.

mod conversation;
mod lessons;
mod losses;
mod problems;

pub use conversation::{GroundedConversation, MaskTarget};
pub(crate) use lessons::{GroundingLessons, LessonSettings};
pub(crate) use problems::problems;
pub use losses::{GroundedBatch, grounding_losses};
