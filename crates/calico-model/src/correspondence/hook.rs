//! Where the adapters sit in the language model.

use calico_language::LayerTap;
use calico_vision::qformer::QFormer;
use candle_core::{Device, Result, Tensor};

use super::{CorrespondenceAdapter, VisualSource};

/// Applies the adapters to the spans of all images of a sequence, while it is read.
///
/// The sequence may hold several conversations one after the other; each image hears the
/// instruction of its own. Only positions of images change, and only from the state at the last
/// prompt position: answer tokens never influence them, so reading a prompt with or without its
/// answer is the same.
#[derive(Debug)]
pub struct CorrespondenceHook<'a> {
    /// Adapters with the 0-based layers before which they act.
    pub(crate) adapters: &'a [(usize, CorrespondenceAdapter)],
    /// Where images and instructions lie; `None` where there is no image.
    pub(crate) places: Option<ImagePlaces>,
    /// What the adapters see, in the order of the places.
    pub(crate) source: VisualSource,
    /// Queries of the first pass, `[1, Q, E]`.
    pub(crate) queries: &'a Tensor,
    /// Asked by the adapters.
    pub(crate) qformer: Option<&'a QFormer>,
    /// The language model's final norm, where the guidance passes through it.
    pub(crate) guidance_norm: Option<&'a calico_nn::RmsNorm>,
}

/// The rows of `U` images in a sequence.
#[derive(Debug)]
pub(crate) struct ImagePlaces {
    /// `[U]`: the row that instructs each image.
    guidance: Tensor,
    /// `[U Q]`: the rows of each image, image by image.
    rows: Tensor,
}

impl ImagePlaces {
    /// The places of images of `tokens_per_image` rows, given by the row that instructs each and
    /// the first of its own; `None` if there is no image.
    pub(crate) fn new(
        images: &[(usize, usize)],
        tokens_per_image: usize,
        device: &Device,
    ) -> Result<Option<Self>> {
        if images.is_empty() {
            return Ok(None);
        }
        let guidance: Vec<u32> = images.iter().map(|(guidance, _)| *guidance as u32).collect();
        let span = |first: usize| (first..first + tokens_per_image).map(|row| row as u32);
        let rows: Vec<u32> = images.iter().flat_map(|(_, first)| span(*first)).collect();
        Ok(Some(Self {
            guidance: Tensor::new(guidance, device)?,
            rows: Tensor::new(rows, device)?,
        }))
    }
}

impl LayerTap for CorrespondenceHook<'_> {
    fn before_layer(&self, layer: usize, hidden: Tensor) -> Result<Tensor> {
        let Some(places) = &self.places else {
            return Ok(hidden);
        };
        let mut here = self.adapters.iter().filter(|(at, _)| *at == layer);
        here.try_fold(hidden, |hidden, (_, adapter)| self.adapted(adapter, places, &hidden))
    }
}

impl CorrespondenceHook<'_> {
    /// `hidden` `[1, T, D]` with the adapter's answer added at the image spans.
    fn adapted(
        &self,
        adapter: &CorrespondenceAdapter,
        places: &ImagePlaces,
        hidden: &Tensor,
    ) -> Result<Tensor> {
        let rows = hidden.squeeze(0)?.contiguous()?; // [T, D]
        let guidance = rows.index_select(&places.guidance, 0)?.unsqueeze(1)?; // [U, 1, D]
        let guidance = match self.guidance_norm {
            Some(norm) => norm.forward(&guidance)?,
            None => guidance,
        };
        let added = adapter.forward(&guidance, self.queries, self.qformer, &self.source)?;
        let (_, queries, width) = added.dims3()?;
        let images = places.guidance.dim(0)?;
        let added = added.broadcast_as((images, queries, width))?.contiguous()?; // [U, Q, D]
        rows.index_add(&places.rows, &added.reshape(((), width))?, 0)?.unsqueeze(0)
    }
}
