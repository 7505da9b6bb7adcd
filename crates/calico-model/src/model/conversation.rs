//! One question, its answer and its images.

use crate::prompt::PromptId;

/// A prompt with its answer and its images, to be read together with others.
#[derive(Debug, Clone, Copy)]
pub struct Conversation<'a> {
    /// The prompt, with a placeholder for every image.
    pub prompt: &'a [PromptId],
    /// The answer, without `</s>`; it may be empty.
    pub answer: &'a [u32],
    /// The images of the placeholders, in order, by their index in the batch. Conversations may
    /// share an image.
    pub images: &'a [usize],
}
