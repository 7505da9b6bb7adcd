//! The weights of all modules.

use calico_language::{Learning, Llama, SpecialTokens};
use calico_nn::weights::Init;
use calico_nn::{LayerNorm, Linear, Weights};
use calico_vision::dinov2::DinoV2;
use calico_vision::eva_clip::EvaClip;
use calico_vision::qformer::QFormer;
use calico_vision::sam::{ImageEncoder, MaskDecoder, PromptEncoder};
use candle_core::{Device, Result, Tensor};

use super::Calico;
use crate::config::CalicoConfig;
use crate::correspondence::{
    CorrespondenceAdapter, CorrespondenceExtraction, Projections, QuerySource,
};
use crate::grounding::SegProjection;

/// Standard deviation of untrained queries (BERT's `initializer_range`).
const QUERY_STD: f64 = 0.02;

impl Calico {
    /// Reads all modules. `tokens` are the ids of the tokenizer that belongs to the weights.
    pub fn load(
        config: &CalicoConfig,
        tokens: SpecialTokens,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self> {
        Self::load_learning(config, tokens, weights, device, &Learning::default())
    }

    /// As [`Calico::load`], for a model that learns.
    ///
    /// Tables that are resized and biases that are joined at load are computed here, so that
    /// gradients reach what they are made of; after a step of the optimiser the model is
    /// therefore loaded anew. Nothing large is copied.
    pub fn load_learning(
        config: &CalicoConfig,
        tokens: SpecialTokens,
        weights: &Weights,
        device: &Device,
        learning: &Learning,
    ) -> Result<Self> {
        let (eva_width, llm_width) = (config.eva.width, config.llm.width);
        let [queries, query_width] = config.queries();
        let with_qformer = config.qformer.enabled;
        let qformer = with_qformer.then(|| QFormer::load(&config.qformer, &weights.pp("qformer")));
        let shape = [1, queries, query_width];
        let query_tokens = with_qformer
            .then(|| weights.get(&shape, "query_tokens", Init::std(QUERY_STD)))
            .transpose()?;
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
        let eva = EvaClip::load(&config.eva, &weights.pp("eva"))?;
        let ln_vision = LayerNorm::load(eva_width, config.ln_vision.eps, &weights.pp("ln_vision"))?;
        let f_image = Linear::load(query_width, llm_width, &weights.pp("f_image"))?;
        let adapters = load_adapters(config, weights)?;
        let llm = Llama::load_learning(
            &config.llm,
            &weights.pp("llm"),
            lora.as_ref().map(|(lora, weights)| (*lora, weights)),
            learning,
        )?;
        let query_tokens = match query_tokens {
            Some(tokens) => tokens,
            None => Tensor::zeros(&shape, llm.dtype(), device)?,
        };
        let sam = &config.sam;
        Ok(Self {
            eva,
            ln_vision,
            qformer: qformer.transpose()?,
            query_tokens,
            f_image,
            dino: dino.transpose()?,
            extraction: extraction.transpose()?,
            adapters,
            llm,
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
