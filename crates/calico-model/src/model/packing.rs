//! Conversations as one sequence for the language model.

use candle_core::{Result, Tensor};

use super::Conversation;
use crate::prompt::{PromptId, PromptLayout};

/// Where everything of a batch of conversations lies, when they stand one after the other.
#[derive(Debug)]
pub(super) struct Packing {
    /// All text tokens, in order.
    text: Vec<u32>,
    /// What stands at each position: a text token by its number, or, counted on from there, a
    /// row of the images.
    picks: Vec<u32>,
    /// Expanded length of each conversation, answer included.
    pub(super) lengths: Vec<usize>,
    /// The layout of each prompt, counted from the start of its conversation.
    pub(super) layouts: Vec<PromptLayout>,
    /// The image of each placeholder, by its index in the batch.
    pub(super) images: Vec<usize>,
    /// The row that instructs the image of each placeholder, and the first row of its own.
    pub(super) places: Vec<(usize, usize)>,
}

impl Packing {
    /// # Errors
    /// If a conversation has not as many images as placeholders, or names an image that is not
    /// among the first `image_count`.
    pub(super) fn new(
        conversations: &[Conversation<'_>],
        tokens_per_image: usize,
        image_count: usize,
    ) -> Result<Self> {
        let is_token = |id: &&PromptId| matches!(id, PromptId::Token(_));
        let text_len = conversations
            .iter()
            .map(|c| c.prompt.iter().filter(is_token).count() + c.answer.len())
            .sum::<usize>();
        let mut packing = Self {
            text: Vec::with_capacity(text_len),
            picks: Vec::new(),
            lengths: Vec::new(),
            layouts: Vec::new(),
            images: Vec::new(),
            places: Vec::new(),
        };
        for conversation in conversations {
            let start = packing.picks.len();
            let layout = PromptLayout::new(conversation.prompt, tokens_per_image);
            let (places, images) = (layout.spans().len(), conversation.images);
            if places != images.len() {
                candle_core::bail!("{places} image placeholders for {} images", images.len());
            }
            if let Some(missing) = images.iter().find(|image| **image >= image_count) {
                candle_core::bail!("there is no image {missing} among {image_count}");
            }
            for (span, image) in layout.spans().iter().zip(images) {
                packing.images.push(*image);
                packing.places.push((start + layout.guidance(), start + span.start));
            }
            let mut images = images.iter();
            for id in conversation.prompt {
                match id {
                    PromptId::Token(token) => packing.push_text(*token),
                    PromptId::Image => {
                        let first = images.next().map_or(0, |image| image * tokens_per_image);
                        let rows = text_len + first..text_len + first + tokens_per_image;
                        packing.picks.extend(rows.map(|row| row as u32));
                    }
                }
            }
            conversation.answer.iter().for_each(|token| packing.push_text(*token));
            packing.lengths.push(packing.picks.len() - start);
            packing.layouts.push(layout);
        }
        Ok(packing)
    }

    fn push_text(&mut self, token: u32) {
        self.picks.push(self.text.len() as u32);
        self.text.push(token);
    }

    /// The embeddings of the whole sequence.
    ///
    /// # Shapes
    /// - `visual`: `[I, Q, D]`, of the whole batch of images; `None` where there is none
    /// - `embed`: from `n` tokens to `[1, n, D]`
    /// - returns: `[1, ΣT, D]`
    pub(super) fn embeddings(
        &self,
        visual: Option<&Tensor>,
        embed: impl Fn(&[u32]) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let visual = visual.filter(|_| !self.places.is_empty());
        let visual = visual.map(|visual| visual.flatten(0, 1)).transpose()?; // [I Q, D]
        // One look-up and one selection for all: their gradients cost a table each.
        let rows = match (visual, self.text.is_empty()) {
            (None, _) => return embed(&self.text),
            (Some(visual), true) => visual.contiguous()?,
            (Some(visual), false) => Tensor::cat(&[embed(&self.text)?.squeeze(0)?, visual], 0)?,
        };
        let picks = Tensor::new(self.picks.as_slice(), rows.device())?;
        rows.index_select(&picks, 0)?.unsqueeze(0)
    }
}
