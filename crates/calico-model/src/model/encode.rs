//! From photographs to what the language model and the mask decoder read of them.

use std::ops::ControlFlow;

use calico_image::Letterbox;
use candle_core::{Result, Tensor};

use super::{Calico, EncodedBatch, ImageFeatures};
use crate::correspondence::{CemInput, VisualSource};
use crate::preprocess::ImageTensors;

/// A step of encoding an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// EVA-CLIP and its norm.
    EvaClip,
    /// DINOv2.
    Dino,
    /// The SAM image encoder.
    Sam,
    /// Q-Former and extraction module.
    Correspondence,
}

/// Everything that the model keeps of one image.
#[derive(Debug, Clone)]
pub struct EncodedImage {
    /// What the language model reads, `[1, Q, D]`.
    pub visual: Tensor,
    /// What the adapters ask.
    pub source: VisualSource,
    /// SAM's features, `[1, C, g, g]`.
    pub sam: Tensor,
    /// How the original lies in SAM's square.
    pub letterbox: Letterbox,
}

impl Calico {
    /// EVA-CLIP tokens before and after `ln_vision`.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, e, e]`
    /// - returns: `[B, P, V]` twice
    pub fn global_tokens(&self, pixels: &Tensor) -> Result<[Tensor; 2]> {
        let raw = self.eva.forward(&self.own_type(pixels)?)?;
        let normed = self.ln_vision.forward(&raw)?;
        Ok([raw, normed])
    }

    /// DINOv2 patch tokens, where the config uses them.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, d, d]`
    /// - returns: `[B, S, U]`
    pub fn semantic_tokens(&self, pixels: &Tensor) -> Result<Option<Tensor>> {
        self.dino.as_ref().map(|dino| dino.forward(&self.own_type(pixels)?)).transpose()
    }

    /// SAM's features.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, s, s]`
    /// - returns: `[B, C, g, g]`
    pub fn encode_for_masks(&self, pixels: &Tensor) -> Result<Tensor> {
        self.sam_encoder.forward(&self.own_type(pixels)?)
    }

    /// `X'_global`: what the adapters see.
    ///
    /// # Shapes
    /// - `global`: `[B, P, V]` before and after `ln_vision`
    /// - `semantic`: `[B, S, U]`
    /// - returns: `[B, P, V]`
    pub fn extract(&self, global: &[Tensor; 2], semantic: Option<&Tensor>) -> Result<Tensor> {
        let [raw, normed] = global;
        let input = match self.config.cem.input {
            CemInput::PostLn => normed,
            CemInput::PreLn => raw,
        };
        match (&self.extraction, semantic) {
            (Some(extraction), Some(semantic)) => extraction.forward(input, semantic),
            _ => Ok(normed.clone()),
        }
    }

    /// The first look at the images: the answer of the Q-Former to its own queries.
    ///
    /// # Shapes
    /// - `normed`: `[B, P, V]`, after `ln_vision`
    /// - returns: `[B, Q, E]`
    pub fn first_look(&self, normed: &Tensor) -> Result<Tensor> {
        match &self.qformer {
            Some(qformer) => qformer.forward(&self.query_tokens, &qformer.keys_values(normed)?),
            None => Ok(normed.clone()),
        }
    }

    /// Runs all encoders over a batch of images; what they say does not depend on the modules
    /// that learn by default.
    ///
    /// # Errors
    /// If there is no image, or only some of them are prepared for DINOv2.
    pub fn features(&self, images: &[ImageTensors]) -> Result<ImageFeatures> {
        let features = self.observed_features(images, &mut |_| ControlFlow::Continue(()))?;
        features.ok_or_else(|| candle_core::Error::msg("the encoders were stopped"))
    }

    /// As [`Calico::features`]; `on_encoder` hears which encoder begins, and may end it here.
    fn observed_features(
        &self,
        images: &[ImageTensors],
        on_encoder: &mut dyn FnMut(Encoder) -> ControlFlow<()>,
    ) -> Result<Option<ImageFeatures>> {
        let stack = |of: fn(&ImageTensors) -> &Tensor| {
            Tensor::cat(&images.iter().map(of).collect::<Vec<_>>(), 0)
        };
        if on_encoder(Encoder::EvaClip).is_break() {
            return Ok(None);
        }
        let [raw, normed] = self.global_tokens(&stack(|image| &image.eva)?)?;
        let dino: Vec<&Tensor> = images.iter().filter_map(|image| image.dino.as_ref()).collect();
        let semantic = match dino.len() {
            0 => None,
            count if count == images.len() => {
                if on_encoder(Encoder::Dino).is_break() {
                    return Ok(None);
                }
                self.semantic_tokens(&Tensor::cat(&dino, 0)?)?
            }
            count => {
                let all = images.len();
                candle_core::bail!("{count} of {all} images are prepared for DINOv2, not all");
            }
        };
        if on_encoder(Encoder::Sam).is_break() {
            return Ok(None);
        }
        let sam = self.encode_for_masks(&stack(|image| &image.sam)?)?;
        let letterboxes = images.iter().map(|image| image.letterbox).collect();
        Ok(Some(ImageFeatures { raw, normed, semantic, sam, letterboxes }))
    }

    /// What the language model reads of images and what the adapters ask, from the features of
    /// the encoders: the first look, the extraction module, keys and values.
    ///
    /// Features of another type, from a store, are brought to that of the weights.
    pub fn relate(&self, features: &ImageFeatures) -> Result<EncodedBatch> {
        let own = |x: &Tensor| self.own_type(x);
        let global = [own(&features.raw)?, own(&features.normed)?];
        let semantic = features.semantic.as_ref().map(own).transpose()?;
        let visual = self.f_image.forward(&self.first_look(&global[1])?)?;
        let extracted = || self.extract(&global, semantic.as_ref());
        let source = match &self.qformer {
            Some(_) if !self.config.cem.enabled => VisualSource::QueriesOnly,
            Some(qformer) => VisualSource::Asked(qformer.keys_values(&extracted()?)?),
            None => VisualSource::Tokens(extracted()?),
        };
        let letterboxes = features.letterboxes.clone();
        Ok(EncodedBatch { visual, source, sam: own(&features.sam)?, letterboxes })
    }

    /// A batch of no image, for conversations about none.
    pub fn no_images(&self) -> Result<EncodedBatch> {
        let (dtype, device) = (self.llm.dtype(), self.device());
        let [queries, width] = [self.config.tokens_per_image(), self.config.llm.width];
        let sam = &self.config.sam;
        Ok(EncodedBatch {
            visual: Tensor::zeros((0, queries, width), dtype, device)?,
            source: VisualSource::QueriesOnly,
            sam: Tensor::zeros((0, sam.width, sam.grid(), sam.grid()), dtype, device)?,
            letterboxes: Vec::new(),
        })
    }

    /// Runs everything that looks at one photograph; `on_encoder` hears what begins. Where it says
    /// `Break`, the work ends and there is no image.
    pub fn encode(
        &self,
        image: &ImageTensors,
        on_encoder: &mut dyn FnMut(Encoder) -> ControlFlow<()>,
    ) -> Result<Option<EncodedImage>> {
        let Some(features) = self.observed_features(std::slice::from_ref(image), on_encoder)?
        else {
            return Ok(None);
        };
        if on_encoder(Encoder::Correspondence).is_break() {
            return Ok(None);
        }
        self.relate(&features)?.one(0).map(Some)
    }

    /// `x` in the type of the weights.
    fn own_type(&self, x: &Tensor) -> Result<Tensor> {
        x.to_dtype(self.llm.dtype())
    }
}
