//! Where the adapters sit in the language model.

use calico_language::LayerTap;
use calico_vision::qformer::QFormer;
use candle_core::{Result, Tensor};

use super::{CorrespondenceAdapter, VisualSource};
use crate::prompt::PromptLayout;

/// Applies the adapters to the image spans of one prompt, while it is read.
///
/// Only positions of images change, and only from the state at the last prompt position: answer
/// tokens never influence them, so reading a prompt with or without its answer is the same.
#[derive(Debug)]
pub struct CorrespondenceHook<'a> {
    /// Adapters with the 0-based layers before which they act.
    pub(crate) adapters: &'a [(usize, CorrespondenceAdapter)],
    /// Where the images and the guidance token lie.
    pub(crate) layout: &'a PromptLayout,
    /// What the adapters see, per image.
    pub(crate) sources: Vec<&'a VisualSource>,
    /// Queries of the first pass, `[1, Q, E]`.
    pub(crate) queries: &'a Tensor,
    /// Asked by the adapters.
    pub(crate) qformer: Option<&'a QFormer>,
    /// The language model's final norm, where the guidance passes through it.
    pub(crate) guidance_norm: Option<&'a calico_nn::RmsNorm>,
}

impl LayerTap for CorrespondenceHook<'_> {
    fn before_layer(&self, layer: usize, hidden: Tensor) -> Result<Tensor> {
        if self.sources.is_empty() {
            return Ok(hidden);
        }
        let mut hidden = hidden;
        for (_, adapter) in self.adapters.iter().filter(|(at, _)| *at == layer) {
            hidden = self.adapted(adapter, &hidden)?;
        }
        Ok(hidden)
    }
}

impl CorrespondenceHook<'_> {
    /// `hidden` `[1, T, D]` with the adapter's answer added at the image spans.
    fn adapted(&self, adapter: &CorrespondenceAdapter, hidden: &Tensor) -> Result<Tensor> {
        let guidance = hidden.narrow(1, self.layout.guidance(), 1)?; // [1, 1, D]
        let guidance = match self.guidance_norm {
            Some(norm) => norm.forward(&guidance)?,
            None => guidance,
        };
        let mut rows = Vec::new();
        let mut done = 0;
        for (span, source) in self.layout.spans().iter().zip(&self.sources) {
            if span.start > done {
                rows.push(hidden.narrow(1, done, span.start - done)?);
            }
            let added = adapter.forward(&guidance, self.queries, self.qformer, source)?;
            rows.push((hidden.narrow(1, span.start, span.len())? + added)?);
            done = span.end;
        }
        rows.push(hidden.narrow(1, done, hidden.dim(1)? - done)?);
        Tensor::cat(&rows, 1)
    }
}
