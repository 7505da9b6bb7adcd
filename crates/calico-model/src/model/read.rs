//! Reading prompts and answers, one conversation or many at once.

use std::cell::{Cell, RefCell};

use calico_language::llama::NoTap;
use calico_language::{KvCache, LayerTap};
use candle_core::{Result, Tensor};

use super::packing::Packing;
use super::{BatchStates, Calico, Conversation, EncodedBatch, EncodedImage};
use crate::correspondence::{CorrespondenceHook, ImagePlaces, VisualSource};
use crate::prompt::{PromptId, PromptLayout};

/// Asked before every layer of the language model: whether the reading goes on.
pub type GoesOn<'a> = dyn FnMut() -> bool + 'a;

impl Calico {
    /// The adapters, bound to one prompt and its images.
    pub fn hook(
        &self,
        layout: &PromptLayout,
        images: &[EncodedImage],
    ) -> Result<CorrespondenceHook<'_>> {
        let spans = layout.spans().iter();
        let places: Vec<_> = spans.map(|span| (layout.guidance(), span.start)).collect();
        self.hook_at(&places, joined_sources(images)?)
    }

    /// The adapters, bound to images at the given rows: of the instruction, and the first of the
    /// image itself.
    fn hook_at(
        &self,
        places: &[(usize, usize)],
        source: VisualSource,
    ) -> Result<CorrespondenceHook<'_>> {
        Ok(CorrespondenceHook {
            adapters: &self.adapters,
            places: ImagePlaces::new(places, self.config.tokens_per_image(), &self.device)?,
            source,
            queries: &self.query_tokens,
            qformer: self.qformer.as_ref(),
            guidance_norm: self.config.cam.guidance_norm.then(|| self.llm.norm()),
        })
    }

    fn pack(&self, conversations: &[Conversation<'_>], image_count: usize) -> Result<Packing> {
        Packing::new(conversations, self.config.tokens_per_image(), image_count)
    }

    /// The embeddings of one conversation and the adapters that are bound to it.
    fn prepare(
        &self,
        prompt: &[PromptId],
        answer: &[u32],
        images: &[EncodedImage],
    ) -> Result<(Tensor, CorrespondenceHook<'_>)> {
        let embeddings = self.embed(prompt, answer, images)?;
        let layout = PromptLayout::new(prompt, self.config.tokens_per_image());
        Ok((embeddings, self.hook(&layout, images)?))
    }

    /// Text embeddings with the visual tokens of each image in their places.
    ///
    /// # Shapes
    /// - returns: `[1, S, D]`, the prompt followed by `answer`
    pub fn embed(
        &self,
        prompt: &[PromptId],
        answer: &[u32],
        images: &[EncodedImage],
    ) -> Result<Tensor> {
        let all: Vec<usize> = (0..images.len()).collect();
        let packing = self.pack(&[Conversation { prompt, answer, images: &all }], images.len())?;
        let visual: Vec<&Tensor> = images.iter().map(|image| &image.visual).collect();
        let visual = (!visual.is_empty()).then(|| Tensor::cat(&visual, 0)).transpose()?;
        packing.embeddings(visual.as_ref(), |ids| self.llm.embed(ids))
    }

    /// Reads a prompt and an answer in one pass; `None` if `goes_on` said no.
    ///
    /// # Shapes
    /// - returns: `[1, S, D]`, normed states of the expanded prompt and the answer
    pub fn forward(
        &self,
        prompt: &[PromptId],
        answer: &[u32],
        images: &[EncodedImage],
        goes_on: &mut GoesOn<'_>,
    ) -> Result<Option<Tensor>> {
        let (embeddings, hook) = self.prepare(prompt, answer, images)?;
        self.read_while(&embeddings, None, hook, goes_on)
    }

    /// Reads many conversations in one pass, without padding. Each is read as if it were alone;
    /// an image that several share was related once, and hears the instruction of each.
    ///
    /// # Errors
    /// If there is no conversation, one is longer than the context, or its images are not those
    /// of its placeholders.
    pub fn forward_batch(
        &self,
        conversations: &[Conversation<'_>],
        images: &EncodedBatch,
    ) -> Result<BatchStates> {
        let packing = self.pack(conversations, images.len())?;
        let visual = Some(&images.visual);
        let embeddings = packing.embeddings(visual, |ids| self.llm.embed(ids))?;
        let hook = self.hook_at(&packing.places, images.source.select(&packing.images)?)?;
        let hidden = self.llm.forward_packed(&embeddings, &packing.lengths, &hook)?;
        let position = self.config.seg_proj.position;
        Ok(BatchStates::new(hidden, conversations, packing.layouts, self.tokens, position))
    }

    /// Reads a prompt into an empty cache; `None` if `goes_on` said no, and the cache is of no use.
    ///
    /// The whole prompt at once: the adapters change its front from its end.
    pub fn prefill(
        &self,
        prompt: &[PromptId],
        images: &[EncodedImage],
        cache: &mut KvCache,
        goes_on: &mut GoesOn<'_>,
    ) -> Result<Option<Tensor>> {
        let (embeddings, hook) = self.prepare(prompt, &[], images)?;
        self.read_while(&embeddings, Some(cache), hook, goes_on)
    }

    fn read_while(
        &self,
        embeddings: &Tensor,
        cache: Option<&mut KvCache>,
        hook: CorrespondenceHook<'_>,
        goes_on: &mut GoesOn<'_>,
    ) -> Result<Option<Tensor>> {
        let tap = While { hook, goes_on: RefCell::new(goes_on), is_over: Cell::new(false) };
        match self.llm.forward(embeddings, cache, &tap) {
            Err(_) if tap.is_over.get() => Ok(None),
            hidden => hidden.map(Some),
        }
    }

    /// Reads one more token; the adapters have nothing to do here.
    ///
    /// # Shapes
    /// - returns: `[1, 1, D]`
    pub fn step(&self, token: u32, cache: &mut KvCache) -> Result<Tensor> {
        self.llm.forward(&self.llm.embed(&[token])?, Some(cache), &NoTap)
    }
}

/// The adapters, as long as the reading goes on.
struct While<'a, 'b> {
    hook: CorrespondenceHook<'a>,
    goes_on: RefCell<&'a mut GoesOn<'b>>,
    is_over: Cell<bool>,
}

impl LayerTap for While<'_, '_> {
    fn before_layer(&self, layer: usize, hidden: Tensor) -> Result<Tensor> {
        if !(self.goes_on.borrow_mut())() {
            self.is_over.set(true);
            candle_core::bail!("nobody waits for what is read");
        }
        self.hook.before_layer(layer, hidden)
    }
}

fn joined_sources(images: &[EncodedImage]) -> Result<VisualSource> {
    VisualSource::cat(&images.iter().map(|image| &image.source).collect::<Vec<_>>())
}
