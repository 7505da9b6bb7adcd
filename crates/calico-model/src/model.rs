//! The assembly: encoders, correspondence modules, language model and mask decoder.
//!
//! ```text
//! photograph ─┬─ EVA-CLIP ─ ln_vision ─┬─ Q-Former ─ f_image ──► visual tokens ──┐
//!             │                        └─ CEM ─ keys, values ──► CAM ─┐          ▼
//!             ├─ DINOv2 ──────────────────┘                           └─► LLaMA ─ words
//!             └─ SAM encoder ───────────────────────► mask decoder ◄─ projection ◄─ [SEG]
//! ```

use calico_image::Letterbox;
use calico_language::llama::NoTap;
use calico_language::{KvCache, Llama, SpecialTokens};
use calico_nn::weights::Init;
use calico_nn::{LayerNorm, Linear, Weights};
use calico_vision::dinov2::DinoV2;
use calico_vision::eva_clip::EvaClip;
use calico_vision::qformer::QFormer;
use calico_vision::sam::{
    ImageEncoder, MaskDecoder, MaskPrediction, PromptEncoder, logits_in_original,
};
use candle_core::{Device, Result, Tensor};

use crate::config::CalicoConfig;
use crate::correspondence::{CemInput, CorrespondenceAdapter, CorrespondenceExtraction};
use crate::correspondence::{CorrespondenceHook, Projections, QuerySource, VisualSource};
use crate::grounding::SegProjection;
use crate::preprocess::ImageTensors;
use crate::prompt::{PromptId, PromptLayout};

/// Standard deviation of untrained queries (BERT's `initializer_range`).
const QUERY_STD: f64 = 0.02;

/// The CALICO model.
#[derive(Debug)]
pub struct Calico {
    eva: EvaClip,
    ln_vision: LayerNorm,
    qformer: Option<QFormer>,
    /// `[1, Q, E]`
    query_tokens: Tensor,
    f_image: Linear,
    dino: Option<DinoV2>,
    extraction: Option<CorrespondenceExtraction>,
    adapters: Vec<(usize, CorrespondenceAdapter)>,
    llm: Llama,
    seg_proj: SegProjection,
    sam_encoder: ImageEncoder,
    sam_prompt: PromptEncoder,
    sam_decoder: MaskDecoder,
    tokens: SpecialTokens,
    config: CalicoConfig,
    device: Device,
}

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
    /// Reads all modules. `tokens` are the ids of the tokenizer that belongs to the weights.
    pub fn load(
        config: &CalicoConfig,
        tokens: SpecialTokens,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self> {
        let (eva_width, llm_width) = (config.eva.width, config.llm.width);
        let [queries, query_width] = config.queries();
        let with_qformer = config.qformer.enabled;
        let qformer = with_qformer.then(|| QFormer::load(&config.qformer, &weights.pp("qformer")));
        let query_tokens = if with_qformer {
            weights.get(&[1, queries, query_width], "query_tokens", Init::std(QUERY_STD))?
        } else {
            Tensor::zeros((1, queries, query_width), candle_core::DType::F32, device)?
        };
        let dino = config.uses_dino().then(|| DinoV2::load(&config.dino, &weights.pp("dino")));
        let extraction = config.uses_dino().then(|| {
            let semantic_width = config.dino.width;
            CorrespondenceExtraction::load(
                eva_width,
                semantic_width,
                &config.cem,
                &weights.pp("cem"),
            )
        });
        let lora = config.lora.as_ref().map(|lora| (lora, weights.pp("lora")));
        let sam = &config.sam;
        Ok(Self {
            eva: EvaClip::load(&config.eva, &weights.pp("eva"))?,
            ln_vision: LayerNorm::load(eva_width, config.ln_vision.eps, &weights.pp("ln_vision"))?,
            qformer: qformer.transpose()?,
            query_tokens,
            f_image: Linear::load(query_width, llm_width, &weights.pp("f_image"))?,
            dino: dino.transpose()?,
            extraction: extraction.transpose()?,
            adapters: load_adapters(config, weights)?,
            llm: Llama::load(
                &config.llm,
                &weights.pp("llm"),
                lora.as_ref().map(|(lora, weights)| (*lora, weights)),
            )?,
            seg_proj: SegProjection::load(
                llm_width,
                sam.width,
                config.seg_proj.kind,
                &weights.pp("seg_proj"),
            )?,
            sam_encoder: ImageEncoder::load(sam, &weights.pp("sam.encoder"))?,
            sam_prompt: PromptEncoder::load(sam, &weights.pp("sam.prompt"))?,
            sam_decoder: MaskDecoder::load(sam, &weights.pp("sam.decoder"))?,
            tokens,
            config: config.clone(),
            device: device.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &CalicoConfig {
        &self.config
    }

    /// Ids of the structural tokens.
    pub fn tokens(&self) -> SpecialTokens {
        self.tokens
    }

    /// The language model.
    pub fn llm(&self) -> &Llama {
        &self.llm
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// EVA-CLIP tokens before and after `ln_vision`.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, e, e]`
    /// - returns: `[B, P, V]` twice
    pub fn global_tokens(&self, pixels: &Tensor) -> Result<[Tensor; 2]> {
        let raw = self.eva.forward(pixels)?;
        let normed = self.ln_vision.forward(&raw)?;
        Ok([raw, normed])
    }

    /// DINOv2 patch tokens, where the config uses them.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, d, d]`
    /// - returns: `[B, S, U]`
    pub fn semantic_tokens(&self, pixels: &Tensor) -> Result<Option<Tensor>> {
        self.dino.as_ref().map(|dino| dino.forward(pixels)).transpose()
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

    /// Runs all encoders over one photograph; `on_encoder` hears which one begins.
    pub fn encode(
        &self,
        image: &ImageTensors,
        on_encoder: &mut dyn FnMut(Encoder),
    ) -> Result<EncodedImage> {
        on_encoder(Encoder::EvaClip);
        let global = self.global_tokens(&image.eva)?;
        let semantic = match &image.dino {
            Some(pixels) => {
                on_encoder(Encoder::Dino);
                self.semantic_tokens(pixels)?
            }
            None => None,
        };
        on_encoder(Encoder::Sam);
        let sam = self.encode_for_masks(&image.sam)?;
        on_encoder(Encoder::Correspondence);
        let visual = self.f_image.forward(&self.first_look(&global[1])?)?;
        let extracted = || self.extract(&global, semantic.as_ref());
        let source = match &self.qformer {
            Some(_) if !self.config.cem.enabled => VisualSource::QueriesOnly,
            Some(qformer) => VisualSource::Asked(qformer.keys_values(&extracted()?)?),
            None => VisualSource::Tokens(extracted()?),
        };
        Ok(EncodedImage { visual, source, sam, letterbox: image.letterbox })
    }

    /// SAM's features.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, s, s]`
    /// - returns: `[B, C, g, g]`
    pub fn encode_for_masks(&self, pixels: &Tensor) -> Result<Tensor> {
        self.sam_encoder.forward(pixels)
    }

    /// The adapters, bound to one prompt and its images.
    pub fn hook<'a>(
        &'a self,
        layout: &'a PromptLayout,
        images: &'a [EncodedImage],
    ) -> CorrespondenceHook<'a> {
        CorrespondenceHook {
            adapters: &self.adapters,
            layout,
            sources: images.iter().map(|image| &image.source).collect(),
            queries: &self.query_tokens,
            qformer: self.qformer.as_ref(),
            guidance_norm: self.config.cam.guidance_norm.then(|| self.llm.norm()),
        }
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
        let placeholders = prompt.iter().filter(|id| **id == PromptId::Image).count();
        if placeholders != images.len() {
            candle_core::bail!("{placeholders} image placeholders for {} images", images.len());
        }
        let mut images = images.iter();
        let mut pieces = Vec::new();
        for run in prompt.chunk_by(|a, b| *a != PromptId::Image && *b != PromptId::Image) {
            let tokens: Vec<u32> = run
                .iter()
                .filter_map(|id| match id {
                    PromptId::Token(token) => Some(*token),
                    PromptId::Image => None,
                })
                .collect();
            if tokens.is_empty() {
                pieces.extend(images.next().map(|image| image.visual.clone()));
            } else {
                pieces.push(self.llm.embed(&tokens)?);
            }
        }
        if !answer.is_empty() {
            pieces.push(self.llm.embed(answer)?);
        }
        Tensor::cat(&pieces, 1)
    }

    /// Reads a prompt and an answer in one pass.
    ///
    /// # Shapes
    /// - returns: `[1, S, D]`, normed states of the expanded prompt and the answer
    pub fn forward(
        &self,
        prompt: &[PromptId],
        answer: &[u32],
        images: &[EncodedImage],
    ) -> Result<Tensor> {
        let layout = PromptLayout::new(prompt, self.config.tokens_per_image());
        let embeddings = self.embed(prompt, answer, images)?;
        self.llm.forward(&embeddings, None, &self.hook(&layout, images))
    }

    /// Reads a prompt into an empty cache.
    ///
    /// The whole prompt at once: the adapters change its front from its end.
    pub fn prefill(
        &self,
        prompt: &[PromptId],
        images: &[EncodedImage],
        cache: &mut KvCache,
    ) -> Result<Tensor> {
        let layout = PromptLayout::new(prompt, self.config.tokens_per_image());
        let embeddings = self.embed(prompt, &[], images)?;
        self.llm.forward(&embeddings, Some(cache), &self.hook(&layout, images))
    }

    /// Reads one more token; the adapters have nothing to do here.
    ///
    /// # Shapes
    /// - returns: `[1, 1, D]`
    pub fn step(&self, token: u32, cache: &mut KvCache) -> Result<Tensor> {
        self.llm.forward(&self.llm.embed(&[token])?, Some(cache), &NoTap)
    }

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
        let positions = self.sam_prompt.positions();
        let prompts = self.sam_prompt.forward(prompts)?;
        self.sam_decoder.forward(&image.sam.squeeze(0)?, positions, &prompts)
    }

    /// Mask logits at the size of the original photograph.
    ///
    /// # Shapes
    /// - `logits`: `[M, 4 g, 4 g]`
    /// - returns: `[M, H, W]`
    pub fn full_size(&self, logits: &Tensor, letterbox: &Letterbox) -> Result<Tensor> {
        let pair = |size: calico_image::Size| [size.height as usize, size.width as usize];
        logits_in_original(
            logits,
            letterbox.side as usize,
            pair(letterbox.resized),
            pair(letterbox.original),
        )
    }
}

/// The adapters with the 0-based layers before which they act.
fn load_adapters(
    config: &CalicoConfig,
    weights: &Weights,
) -> Result<Vec<(usize, CorrespondenceAdapter)>> {
    if !config.cam.enabled {
        return Ok(Vec::new());
    }
    let cams = weights.pp("cams");
    let shared = config.cam.share_weights;
    let projections = |number| {
        let weights = cams.pp(number);
        Projections::load(config.llm.width, config.queries()[1], config.cam.init, &weights)
    };
    let first = shared.then(|| projections(0)).transpose()?;
    let load_at = |(number, layer)| {
        let projections = match &first {
            Some(first) => first.clone(),
            None => projections(number)?,
        };
        let queries = (config.cam.query_source == QuerySource::Copy).then(|| {
            let [count, width] = config.queries();
            cams.pp(number).get(&[1, count, width], "queries", Init::std(QUERY_STD))
        });
        let queries = queries.transpose()?;
        Ok((layer, CorrespondenceAdapter::new(projections, queries, config.cam.use_guidance)))
    };
    config.cam.layers_from_zero().into_iter().enumerate().map(load_at).collect()
}
