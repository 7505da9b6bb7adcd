use std::sync::Arc;

use calico_model::Calico;
use calico_model::model::{Conversation, ImageFeatures};
use calico_nn::losses::cross_entropy;
use calico_nn::ops::embedding;
use candle_core::{DType, Tensor};

use super::{GroundedConversation, MaskTarget};
use crate::mask_losses::{Canvases, MaskLosses, scalar};
use crate::recipe::LossConfig;
use crate::{LossParts, Losses, TrainError};

/// Questions with their answers and the pictures that they are about.
#[derive(Debug, Clone)]
pub struct GroundedBatch {
    /// What the encoders say of all pictures of the batch.
    pub features: ImageFeatures,
    /// The conversations; their masks are large, so copies of a batch share them.
    pub conversations: Arc<[GroundedConversation]>,
    /// The prompts that an earlier stage learnt of labels, `[labels, C]`, if masks are to be asked
    /// for with them.
    pub label_prompts: Option<Tensor>,
}

/// The losses of a model on a batch (paper, implementation details; GLaMM's `model_forward`).
///
/// - Text: the mean cross-entropy of all tokens of all answers of the batch, `</s>` included.
/// - Masks: per mask the mean over the pixels of its picture at original size, and Dice; each
///   summed over all masks of the batch and divided by their number plus 1e-8.
/// - Prompts, where there are some of labels: the mean squared error of those of masks to those of
///   their labels, to which no gradient goes.
pub fn grounding_losses(
    model: &Calico,
    batch: &GroundedBatch,
    config: &LossConfig,
) -> Result<Losses, TrainError> {
    let encoded = model.relate(&batch.features)?;
    let conversations: Vec<Conversation<'_>> = batch
        .conversations
        .iter()
        .map(|c| Conversation { prompt: &c.prompt, answer: &c.answer, images: &c.images })
        .collect();
    let states = model.forward_batch(&conversations, &encoded)?;

    let end = model.tokens().eos;
    // What follows an answer that was cut is not known.
    let is_cut =
        |conversation: usize| batch.conversations.get(conversation).is_some_and(|c| !c.ends);
    let predictions = states.predictions().iter();
    let targets: Vec<Option<u32>> = predictions
        .map(|p| (p.target != end || !is_cut(p.conversation)).then_some(p.target))
        .collect();
    let logits = model.llm().logits(&states.predicting()?)?; // [A, vocabulary]
    let text = cross_entropy(&logits.to_dtype(DType::F32)?, &targets)?;

    let mut total = (&text * config.text)?;
    let mut parts = LossParts {
        text: Some(scalar(&text)?),
        tokens: targets.iter().flatten().count() as u64,
        masks: batch.conversations.iter().map(|c| c.masks.len() as u64).sum(),
        samples: batch.conversations.len() as u64,
        ..LossParts::default()
    };
    let masks: Vec<&MaskTarget> = batch.conversations.iter().flat_map(|c| &c.masks).collect();
    if !masks.is_empty() {
        let prompts = model.project(&states.seg_states()?)?; // [M, C]
        let canvases = Canvases { sam: &encoded.sam, letterboxes: &encoded.letterboxes };
        let truths: Vec<_> = masks.iter().map(|target| (target.image, &target.mask)).collect();
        if let Some(losses) = MaskLosses::of(model, &canvases, &prompts, &truths, config)? {
            losses.note(&mut parts)?;
            total = (total + losses.weighed(config)?)?;
        }
        if let Some(table) = &batch.label_prompts
            && let Some(loss) = prompt_loss(&prompts, &masks, table)?
        {
            parts.label_prompt = Some(scalar(&loss)?);
            total = (total + (loss * config.label_prompt)?)?;
        }
    }
    parts.total = scalar(&total)?;
    Ok(Losses { total, parts })
}

/// The mean squared error of prompts to those that were learnt of the labels of their masks;
/// `None` if no label has one.
fn prompt_loss(
    prompts: &Tensor,
    masks: &[&MaskTarget],
    table: &Tensor,
) -> candle_core::Result<Option<Tensor>> {
    let rows = (0u32..).zip(masks).filter_map(|(row, target)| Some((row, target.label?)));
    let (rows, labels): (Vec<u32>, Vec<u32>) = rows.unzip();
    if rows.is_empty() {
        return Ok(None);
    }
    let wanted = embedding(&table.detach(), &labels)?.to_dtype(DType::F32)?; // [m, C]
    let prompts = embedding(prompts, &rows)?.to_dtype(DType::F32)?; // [m, C]
    (prompts - wanted)?.sqr()?.mean_all().map(Some)
}

#[cfg(test)]
mod tests {
    use calico_image::{Rle, Size};
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn prompts_are_drawn_to_those_of_their_labels_which_stay() {
        let target = |label| MaskTarget { image: 0, mask: Rle::empty(Size::new(1, 1)), label };
        let prompts = [[0f32, 0.0], [1.0, 1.0], [5.0, 5.0]];
        let prompts = Var::new(&prompts, &Device::Cpu).unwrap();
        let table = Var::new(&[[2f32, 0.0], [1.0, -1.0]], &Device::Cpu).unwrap();
        let masks = [target(Some(1)), target(Some(0)), target(None)];
        let loss = |masks: &[&MaskTarget]| prompt_loss(&prompts, masks, &table).unwrap();
        let found = loss(&masks.iter().collect::<Vec<_>>()).unwrap();
        assert!((scalar(&found).unwrap() - 1.0).abs() < 1e-6);
        let gradients = found.backward().unwrap();
        assert!(gradients.get(&table).is_none());
        let moved = gradients.get(&prompts).unwrap().to_vec2::<f32>().unwrap();
        // Half of the difference; nothing is wanted of the third.
        assert_eq!(moved, [[-0.5, 0.5], [-0.5, 0.5], [0.0, 0.0]]);
        assert!(loss(&[&target(None)]).is_none());
    }
}
