use std::collections::BTreeMap;

use calico_image::Rle;
use calico_model::Calico;
use calico_model::model::{Conversation, EncodedBatch, ImageFeatures};
use calico_nn::losses::{binary_cross_entropy, cross_entropy, dice, focal};
use candle_core::{DType, Device, Tensor};

use super::GroundedConversation;
use crate::recipe::{LossConfig, MaskLoss};
use crate::{LossParts, Losses, TrainError};

/// Masks decoded to full size at once; each takes 12 bytes per pixel.
const MASKS_AT_ONCE: usize = 8;

/// Questions with their answers and the pictures that they are about.
#[derive(Debug, Clone)]
pub struct GroundedBatch {
    /// What the encoders say of all pictures of the batch.
    pub features: ImageFeatures,
    /// The conversations.
    pub conversations: Vec<GroundedConversation>,
}

/// The losses of a model on a batch (paper, implementation details; GLaMM's `model_forward`).
///
/// - Text: the mean cross-entropy of all tokens of all answers of the batch, `</s>` included.
/// - Masks: per mask the mean over the pixels of its picture at original size, and Dice; each
///   summed over all masks of the batch and divided by their number plus 1e-8.
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

    let masks = mask_losses(model, batch, &encoded, &states.seg_states()?, config)?;
    let mut total = (&text * config.text)?;
    if let Some(MaskLosses { pixels, dice, iou }) = &masks {
        total = ((total + (pixels * config.mask)?)? + (dice * config.dice)?)?;
        if let Some(iou) = iou {
            total = (total + (iou * config.iou)?)?;
        }
    }
    let scalar = |tensor: &Tensor| tensor.to_scalar::<f32>().map(f64::from);
    let of_masks = |part: fn(&MaskLosses) -> Option<&Tensor>| {
        masks.as_ref().and_then(part).map(scalar).transpose()
    };
    let parts = LossParts {
        total: scalar(&total)?,
        text: Some(scalar(&text)?),
        mask: of_masks(|losses| Some(&losses.pixels))?,
        dice: of_masks(|losses| Some(&losses.dice))?,
        iou: of_masks(|losses| losses.iou.as_ref())?,
        labels: None,
        tokens: targets.iter().flatten().count() as u64,
        masks: batch.conversations.iter().map(|c| c.masks.len() as u64).sum(),
        samples: batch.conversations.len() as u64,
    };
    Ok(Losses { total, parts })
}

/// Scalars, each a sum over all masks divided by their number plus 1e-8.
struct MaskLosses {
    /// Focal loss or binary cross-entropy.
    pixels: Tensor,
    dice: Tensor,
    /// Of the predicted overlaps; only where it has a weight.
    iou: Option<Tensor>,
}

/// `None` for a batch without masks.
fn mask_losses(
    model: &Calico,
    batch: &GroundedBatch,
    encoded: &EncodedBatch,
    segs: &Tensor,
    config: &LossConfig,
) -> Result<Option<MaskLosses>, TrainError> {
    let mut by_image: BTreeMap<usize, Vec<(u32, &Rle)>> = BTreeMap::new();
    let targets = batch.conversations.iter().flat_map(|c| &c.masks);
    for (row, target) in (0..segs.dim(0)? as u32).zip(targets) {
        by_image.entry(target.image).or_default().push((row, &target.mask));
    }
    if by_image.is_empty() {
        return Ok(None);
    }
    let prompts = model.project(segs)?; // [M, C]
    let (mut pixels, mut overlap, mut quality) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    for (image, masks) in by_image {
        let encoded = encoded.one(image)?;
        for masks in masks.chunks(MASKS_AT_ONCE) {
            let rows: Vec<u32> = masks.iter().map(|(row, _)| *row).collect();
            let rows = Tensor::new(rows, prompts.device())?;
            let predicted = model.decode_masks(&prompts.index_select(&rows, 0)?, &encoded)?;
            let logits = model.full_size(&predicted.logits, &encoded.letterbox)?; // [m, H, W]
            let logits = logits.to_dtype(DType::F32)?.flatten_from(1)?; // [m, H W]
            let truth = truths(masks, logits.dims(), logits.device())?;
            pixels.push(match config.mask_kind {
                MaskLoss::Focal => focal(&logits, &truth, config.focal_alpha, config.focal_gamma),
                MaskLoss::Bce => binary_cross_entropy(&logits, &truth),
            }?); // [m]
            overlap.push(dice(&logits, &truth)?); // [m]
            if config.iou > 0.0 {
                let error = (predicted.iou.to_dtype(DType::F32)? - ious(&logits, &truth)?)?;
                quality.push(error.sqr()?); // [m]
            }
            count += masks.len();
        }
    }
    let mean = |each: &[Tensor]| Tensor::cat(each, 0)?.sum_all()? / (count as f64 + 1e-8);
    let iou = (!quality.is_empty()).then(|| mean(&quality)).transpose()?;
    Ok(Some(MaskLosses { pixels: mean(&pixels)?, dice: mean(&overlap)?, iou }))
}

/// The overlap of each predicted mask with the true one, `[m]`; no gradient passes.
fn ious(logits: &Tensor, truth: &Tensor) -> Result<Tensor, TrainError> {
    let predicted = logits.detach().gt(0f32)?.to_dtype(DType::F32)?;
    let both = (&predicted * truth)?.sum(1)?;
    let any = ((predicted.sum(1)? + truth.sum(1)?)? - &both)?;
    Ok((both / any.maximum(1f32)?)?)
}

/// True masks as 0 and 1, `[m, H W]`.
fn truths(masks: &[(u32, &Rle)], shape: &[usize], device: &Device) -> Result<Tensor, TrainError> {
    let mut values = Vec::with_capacity(shape.iter().product());
    for (_, mask) in masks {
        let mask = mask.to_mask().map_err(|error| TrainError::Internal(error.to_string()))?;
        values.extend(mask.bits().iter().map(|&bit| f32::from(u8::from(bit))));
    }
    Ok(Tensor::from_vec(values, shape, device)?)
}
