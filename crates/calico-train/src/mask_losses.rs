//! What is minimised of masks, whatever they were asked for with.

use calico_image::{Letterbox, Rle};
use calico_model::Calico;
use calico_nn::losses::{binary_cross_entropy, dice, focal};
use calico_nn::ops::embedding;
use candle_core::{DType, Device, Tensor};

use crate::recipe::{LossConfig, MaskLoss};
use crate::{LossParts, TrainError};

/// Masks decoded at once, if their pictures are large …
const MASKS_AT_ONCE: usize = 8;
/// … or else as many as have so many pixels together; each takes 12 bytes per pixel.
const PIXELS_AT_ONCE: usize = 1 << 22;

/// Pictures as the mask decoder sees them.
pub(crate) struct Canvases<'a> {
    /// SAM's features, `[I, C, g, g]`.
    pub(crate) sam: &'a Tensor,
    /// How each original lies in SAM's square.
    pub(crate) letterboxes: &'a [Letterbox],
}

/// A mask to be drawn.
struct Target<'a> {
    /// The row of its prompt.
    row: u32,
    /// The row of its picture.
    image: u32,
    mask: &'a Rle,
}

/// Scalars, each a sum over all masks divided by their number plus 1e-8.
pub(crate) struct MaskLosses {
    /// Focal loss or binary cross-entropy.
    pixels: Tensor,
    dice: Tensor,
    /// Of the predicted overlaps; only where it has a weight.
    iou: Option<Tensor>,
}

impl MaskLosses {
    /// Per mask the mean over the pixels of its picture at original size, and Dice. `None` for no
    /// masks.
    ///
    /// # Shapes
    /// - `prompts`: `[M, C]`
    /// - `truths`: of each prompt the number of the picture, and the mask
    pub(crate) fn of(
        model: &Calico,
        canvases: &Canvases<'_>,
        prompts: &Tensor,
        truths: &[(usize, &Rle)],
        config: &LossConfig,
    ) -> Result<Option<Self>, TrainError> {
        // Pictures of one size are decoded together: many small calls take longer than their
        // arithmetic.
        let mut by_size: Vec<(Letterbox, Vec<Target<'_>>)> = Vec::new();
        for (row, (image, mask)) in (0..prompts.dim(0)? as u32).zip(truths) {
            let Some(letterbox) = canvases.letterboxes.get(*image) else {
                return Err(TrainError::Internal(format!("there is no picture {image}")));
            };
            let target = Target { row, image: *image as u32, mask };
            match by_size.iter_mut().find(|(size, _)| size == letterbox) {
                Some((_, targets)) => targets.push(target),
                None => by_size.push((*letterbox, vec![target])),
            }
        }
        if by_size.is_empty() {
            return Ok(None);
        }
        let (mut pixels, mut overlap, mut quality) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0;
        for (letterbox, targets) in by_size {
            for targets in targets.chunks(at_once(&letterbox)) {
                let rows: Vec<u32> = targets.iter().map(|target| target.row).collect();
                let images: Vec<u32> = targets.iter().map(|target| target.image).collect();
                let prompts = embedding(prompts, &rows)?; // [m, C]
                let predicted = model.masks_on_each(&prompts, canvases.sam, &images)?;
                let logits = model.full_size(&predicted.logits, &letterbox)?; // [m, H, W]
                let logits = logits.to_dtype(DType::F32)?.flatten_from(1)?; // [m, H W]
                let masks = targets.iter().map(|target| target.mask);
                let truth = pixels_of(masks, logits.dims(), logits.device())?;
                pixels.push(match config.mask_kind {
                    MaskLoss::Focal => {
                        focal(&logits, &truth, config.focal_alpha, config.focal_gamma)
                    }
                    MaskLoss::Bce => binary_cross_entropy(&logits, &truth),
                }?); // [m]
                overlap.push(dice(&logits, &truth)?); // [m]
                if config.iou > 0.0 {
                    let found = predicted.iou.to_dtype(DType::F32)?;
                    quality.push((found - ious(&logits, &truth)?)?.sqr()?); // [m]
                }
                count += rows.len();
            }
        }
        let mean = |each: &[Tensor]| Tensor::cat(each, 0)?.sum_all()? / (count as f64 + 1e-8);
        let iou = (!quality.is_empty()).then(|| mean(&quality)).transpose()?;
        Ok(Some(Self { pixels: mean(&pixels)?, dice: mean(&overlap)?, iou }))
    }

    /// Their weighted sum.
    pub(crate) fn weighed(&self, config: &LossConfig) -> candle_core::Result<Tensor> {
        let sum = ((&self.pixels * config.mask)? + (&self.dice * config.dice)?)?;
        match &self.iou {
            Some(iou) => sum + (iou * config.iou)?,
            None => Ok(sum),
        }
    }

    /// Writes them down.
    pub(crate) fn note(&self, parts: &mut LossParts) -> candle_core::Result<()> {
        parts.mask = Some(scalar(&self.pixels)?);
        parts.dice = Some(scalar(&self.dice)?);
        parts.iou = self.iou.as_ref().map(scalar).transpose()?;
        Ok(())
    }
}

/// How many masks of pictures of a size are decoded at once.
fn at_once(letterbox: &Letterbox) -> usize {
    let largest = letterbox.original.pixels().max(u64::from(letterbox.side).pow(2));
    (PIXELS_AT_ONCE / largest.max(1) as usize).max(MASKS_AT_ONCE)
}

/// The number in a scalar.
pub(crate) fn scalar(tensor: &Tensor) -> candle_core::Result<f64> {
    tensor.to_scalar::<f32>().map(f64::from)
}

/// The overlap of each predicted mask with the true one, `[m]`; no gradient passes.
///
/// # Shapes
/// - `logits`, `truth`: `[m, H W]`
pub(crate) fn ious(logits: &Tensor, truth: &Tensor) -> candle_core::Result<Tensor> {
    let predicted = logits.detach().gt(0f32)?.to_dtype(DType::F32)?;
    let both = (&predicted * truth)?.sum(1)?;
    let any = ((predicted.sum(1)? + truth.sum(1)?)? - &both)?;
    both / any.maximum(1f32)?
}

/// True masks as 0 and 1, `[m, H W]`.
pub(crate) fn pixels_of<'a>(
    masks: impl Iterator<Item = &'a Rle>,
    shape: &[usize],
    device: &Device,
) -> Result<Tensor, TrainError> {
    let mut values = Vec::with_capacity(shape.iter().product());
    for mask in masks {
        let mask = mask.to_mask().map_err(|error| TrainError::Internal(error.to_string()))?;
        values.extend(mask.bits().iter().map(|&bit| f32::from(u8::from(bit))));
    }
    Ok(Tensor::from_vec(values, shape, device)?)
}
