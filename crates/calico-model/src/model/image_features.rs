//! What the encoders say about images.

use calico_image::Letterbox;
use candle_core::{Result, Tensor};

/// The features of a batch of `I` images: all that depends on the images and the encoders alone.
/// Where the encoders are frozen, this can be computed once and stored.
#[derive(Debug, Clone)]
pub struct ImageFeatures {
    /// EVA-CLIP tokens before `ln_vision`, `[I, P, V]`.
    pub raw: Tensor,
    /// EVA-CLIP tokens after `ln_vision`, `[I, P, V]`.
    pub normed: Tensor,
    /// DINOv2 patch tokens, where the config uses them, `[I, S, U]`.
    pub semantic: Option<Tensor>,
    /// SAM's features, `[I, C, g, g]`.
    pub sam: Tensor,
    /// How each original lies in SAM's square.
    pub letterboxes: Vec<Letterbox>,
}

impl ImageFeatures {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.letterboxes.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.letterboxes.is_empty()
    }

    /// Several batches as one.
    ///
    /// # Errors
    /// If there is none, or only some have DINOv2 tokens.
    pub fn cat(batches: &[&Self]) -> Result<Self> {
        let cat = |of: fn(&Self) -> &Tensor| {
            Tensor::cat(&batches.iter().map(|batch| of(batch)).collect::<Vec<_>>(), 0)
        };
        let semantic: Vec<&Tensor> =
            batches.iter().filter_map(|batch| batch.semantic.as_ref()).collect();
        if !semantic.is_empty() && semantic.len() != batches.len() {
            let (found, all) = (semantic.len(), batches.len());
            candle_core::bail!("{found} of {all} batches of images have DINOv2 tokens, not all");
        }
        let joined = (!semantic.is_empty()).then(|| Tensor::cat(&semantic, 0));
        Ok(Self {
            raw: cat(|batch| &batch.raw)?,
            normed: cat(|batch| &batch.normed)?,
            semantic: joined.transpose()?,
            sam: cat(|batch| &batch.sam)?,
            letterboxes: batches.iter().flat_map(|batch| batch.letterboxes.clone()).collect(),
        })
    }

    /// Image `index` alone, as views of this batch.
    ///
    /// # Errors
    /// If there is no such image.
    pub fn one(&self, index: usize) -> Result<Self> {
        let Some(letterbox) = self.letterboxes.get(index) else {
            candle_core::bail!("there is no image {index} among {}", self.len());
        };
        let own = |x: &Tensor| x.narrow(0, index, 1);
        Ok(Self {
            raw: own(&self.raw)?,
            normed: own(&self.normed)?,
            semantic: self.semantic.as_ref().map(own).transpose()?,
            sam: own(&self.sam)?,
            letterboxes: vec![*letterbox],
        })
    }
}
