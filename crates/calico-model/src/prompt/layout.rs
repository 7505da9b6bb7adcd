//! Where images, guidance and `[SEG]` states lie in an expanded sequence.
//!
//! Every image is one placeholder among the ids and `Q` positions in the sequence that the
//! language model reads. This is the one place that converts between the two.

use std::ops::Range;

/// One element of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptId {
    /// A token of the vocabulary.
    Token(u32),
    /// The next image.
    Image,
}

/// Positions in the expanded sequence of one prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptLayout {
    spans: Vec<Range<usize>>,
    len: usize,
}

impl PromptLayout {
    /// The layout of `ids` when every image takes `tokens_per_image` positions.
    pub fn new(ids: &[PromptId], tokens_per_image: usize) -> Self {
        let mut spans = Vec::new();
        let mut len = 0;
        for id in ids {
            match id {
                PromptId::Token(_) => len += 1,
                PromptId::Image => {
                    spans.push(len..len + tokens_per_image);
                    len += tokens_per_image;
                }
            }
        }
        Self { spans, len }
    }

    /// Positions of each image, in order.
    pub fn spans(&self) -> &[Range<usize>] {
        &self.spans
    }

    /// Positions of the whole prompt.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the prompt has no position.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Position of the token that instructs the adapters: the last of the prompt.
    pub fn guidance(&self) -> usize {
        self.len.saturating_sub(1)
    }

    /// Position of answer token `index`.
    pub fn answer_position(&self, index: usize) -> usize {
        self.len + index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PromptId::{Image, Token};

    #[test]
    fn spans_for_none_one_and_adjacent_images_first_and_last() {
        let check = |ids: &[PromptId], spans: &[Range<usize>], len: usize| {
            let layout = PromptLayout::new(ids, 5);
            assert_eq!((layout.spans(), layout.len()), (spans, len));
            assert_eq!(layout.guidance(), len - 1);
            assert_eq!(layout.answer_position(3), len + 3);
        };
        check(&[Token(1), Token(5)], &[], 2);
        check(&[Token(1), Image, Token(5)], std::slice::from_ref(&(1..6)), 7);
        check(&[Image, Image, Token(1)], &[0..5, 5..10], 11);
        check(&[Token(1), Image, Token(2), Image, Image], &[1..6, 7..12, 12..17], 17);
    }
}
