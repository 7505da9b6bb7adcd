//! Encoded images, together.

use calico_image::Letterbox;
use candle_core::{Result, Tensor};

use super::EncodedImage;
use crate::correspondence::VisualSource;

/// Everything that the model keeps of a batch of `I` images.
#[derive(Debug, Clone)]
pub struct EncodedBatch {
    /// What the language model reads, `[I, Q, D]`.
    pub visual: Tensor,
    /// What the adapters ask, of all images.
    pub source: VisualSource,
    /// SAM's features, `[I, C, g, g]`.
    pub sam: Tensor,
    /// How each original lies in SAM's square.
    pub letterboxes: Vec<Letterbox>,
}

impl EncodedBatch {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.letterboxes.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.letterboxes.is_empty()
    }

    /// Image `index` alone.
    ///
    /// # Errors
    /// If there is no such image.
    pub fn one(&self, index: usize) -> Result<EncodedImage> {
        let Some(letterbox) = self.letterboxes.get(index) else {
            candle_core::bail!("there is no image {index} among {}", self.len());
        };
        Ok(EncodedImage {
            visual: self.visual.narrow(0, index, 1)?,
            source: self.source.select(&[index])?,
            sam: self.sam.narrow(0, index, 1)?,
            letterbox: *letterbox,
        })
    }
}
