use serde::{Deserialize, Serialize};

/// How large a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleShape {
    /// Photographs.
    pub images: usize,
    /// Positions of the prompt that are text.
    pub text_tokens: usize,
    /// Tokens of the answer, without `</s>`.
    pub answer_tokens: usize,
    /// Masks.
    pub masks: usize,
    /// Rows of a photograph.
    pub height: usize,
    /// Columns of a photograph.
    pub width: usize,
}

impl Default for SampleShape {
    /// A typical question about a pair.
    fn default() -> Self {
        Self { images: 2, text_tokens: 200, answer_tokens: 120, masks: 8, height: 480, width: 640 }
    }
}
