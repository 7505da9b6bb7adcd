//! From the states of `[SEG]` tokens to masks.

use calico_image::Letterbox;
use calico_nn::ops::embedding;
use calico_vision::sam::{MaskPrediction, logits_in_original};
use candle_core::{DType, Result, Tensor};

use super::{Calico, EncodedImage};

impl Calico {
    /// Prompts for the mask decoder.
    ///
    /// # Shapes
    /// - `states`: `[M, D]`, those of `[SEG]` tokens
    /// - returns: `[M, C]`
    pub fn project(&self, states: &Tensor) -> Result<Tensor> {
        self.seg_proj.forward(states)
    }

    /// Masks of one image for projected prompts, `[M, C]`.
    pub fn decode_masks(&self, prompts: &Tensor, image: &EncodedImage) -> Result<MaskPrediction> {
        self.masks_on(prompts, &image.sam)
    }

    /// As [`Calico::decode_masks`], of SAM's features of one image; the predicted overlaps are in
    /// f32.
    ///
    /// # Shapes
    /// - `prompts`: `[M, C]`
    /// - `sam`: `[1, C, g, g]`
    pub fn masks_on(&self, prompts: &Tensor, sam: &Tensor) -> Result<MaskPrediction> {
        let positions = self.sam_prompt.positions();
        let prompts = self.sam_prompt.forward(prompts)?;
        let masks = self.sam_decoder.forward(&sam.squeeze(0)?, positions, &prompts)?;
        Ok(MaskPrediction { iou: masks.iou.to_dtype(DType::F32)?, ..masks })
    }

    /// As [`Calico::masks_on`], of prompts on different images, all at once.
    ///
    /// # Shapes
    /// - `prompts`: `[M, C]`
    /// - `sam`: `[I, C, g, g]`
    /// - `images`: of each prompt the row of its image
    pub fn masks_on_each(
        &self,
        prompts: &Tensor,
        sam: &Tensor,
        images: &[u32],
    ) -> Result<MaskPrediction> {
        let (count, shape) = (sam.dim(0)?, sam.dims().to_vec());
        // A gather of rows, of which the gradient is cheap.
        let each = embedding(&sam.reshape((count, ()))?, images)?; // [M, C g g]
        let each = each.reshape([&[images.len()], &shape[1..]].concat())?; // [M, C, g, g]
        let positions = self.sam_prompt.positions();
        let prompts = self.sam_prompt.forward(prompts)?;
        let masks = self.sam_decoder.forward_each(&each, positions, &prompts)?;
        Ok(MaskPrediction { iou: masks.iou.to_dtype(DType::F32)?, ..masks })
    }

    /// Mask logits at the size of the original photograph, in f32.
    ///
    /// # Shapes
    /// - `logits`: `[M, 4 g, 4 g]`
    /// - returns: `[M, H, W]`
    pub fn full_size(&self, logits: &Tensor, letterbox: &Letterbox) -> Result<Tensor> {
        let pair = |size: calico_image::Size| [size.height as usize, size.width as usize];
        logits_in_original(
            &logits.to_dtype(DType::F32)?,
            letterbox.side as usize,
            pair(letterbox.resized),
            pair(letterbox.original),
        )
    }
}
