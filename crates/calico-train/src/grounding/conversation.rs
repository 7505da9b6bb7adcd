use calico_data::loader::{BadReason, Item};
use calico_image::Rle;
use calico_language::Tokenizer;
use calico_model::CalicoConfig;
use calico_model::prompt::{PromptId, PromptLayout, prompt_ids, user_message};

/// A question with its true answer, as the model reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundedConversation {
    /// The prompt, up to `ASSISTANT:`.
    pub prompt: Vec<PromptId>,
    /// The answer, without `</s>`.
    pub answer: Vec<u32>,
    /// Whether `</s>` is learnt, too: not where the answer was cut.
    pub ends: bool,
    /// Its images, as numbers of the batch from 0.
    pub images: Vec<usize>,
    /// The true mask of every `[SEG]`, in the order of the answer.
    pub masks: Vec<MaskTarget>,
}

/// A true mask.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskTarget {
    /// Its image, as a number of the batch from 0.
    pub image: usize,
    /// The mask at the size of its picture.
    pub mask: Rle,
    /// The number of its label among those that have a prompt, if it has one.
    pub label: Option<u32>,
}

impl GroundedConversation {
    /// The conversation of a sample whose images have these numbers in the batch.
    ///
    /// An answer that does not fit into the context is cut at its end, and the masks whose
    /// `[SEG]` falls off with it (`model_max_length` of GLaMM).
    ///
    /// # Errors
    /// If the sample cannot be asked: its prompt does not fit, or its `[SEG]` are not its masks.
    pub fn new(
        item: &Item,
        images: &[usize],
        config: &CalicoConfig,
        tokenizer: &Tokenizer,
    ) -> Result<Self, BadReason> {
        let other = |reason: String| BadReason::Other(reason);
        let sample = item.sample();
        let message = user_message(&sample.question, images.len())
            .map_err(|error| other(error.to_string()))?;
        let prompt = prompt_ids(&message, &config.prompt, tokenizer)
            .map_err(|error| other(error.to_string()))?;
        let mut answer =
            tokenizer.encode(sample.answer.trim()).map_err(|error| other(error.to_string()))?;
        let special = tokenizer.special();
        let segs = answer.iter().filter(|id| **id == special.seg).count();
        let masks = item.masks()?;
        if segs != masks.len() {
            let count = masks.len();
            return Err(other(format!("the answer has {segs} [SEG] for {count} masks")));
        }
        let layout = PromptLayout::new(&prompt, config.tokens_per_image());
        let context = config.llm.max_positions;
        let Some(room) = context.checked_sub(layout.len()).filter(|room| *room > 0) else {
            let needed = layout.len();
            return Err(other(format!(
                "the prompt takes {needed} positions, but the model's context has {context}"
            )));
        };
        let ends = answer.len() < room;
        answer.truncate(room);
        let kept = answer.iter().filter(|id| **id == special.seg).count();
        let masks = masks.into_iter().zip(&sample.image_index).take(kept);
        let masks = masks.filter_map(|(mask, number)| {
            let image = images.get(usize::from(*number).checked_sub(1)?)?;
            Some(MaskTarget { image: *image, mask, label: None })
        });
        Ok(Self { prompt, answer, ends, images: images.to_vec(), masks: masks.collect() })
    }
}
