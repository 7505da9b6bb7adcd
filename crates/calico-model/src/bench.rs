//! Workloads for measuring speed: one per module, each built alone so that a model larger than
//! the machine's memory can be measured module by module.
//!
//! There is no clock here; a caller times [`Prepared::run`].

use std::sync::Arc;

use calico_language::Llama;
use calico_language::llama::NoTap;
use calico_nn::Weights;
use calico_nn::process::kernels;
use calico_nn::quantized::{MatrixFormat, QuantizedMatrix};
use calico_nn::weights::{Init, Random, TensorSpec};
use calico_vision::dinov2::DinoV2;
use calico_vision::eva_clip::EvaClip;
use calico_vision::qformer::QFormer;
use calico_vision::sam::{ImageEncoder, MaskDecoder, PromptEncoder};
use candle_core::{Device, Error, Result, Tensor};
use rayon::prelude::*;

use crate::CalicoConfig;
use crate::budget::{Flops, Request, flops};
use crate::correspondence::CorrespondenceExtraction;
use crate::quantize::Quantization;

mod drawn;

use drawn::Drawn;

/// Side of the square matrices whose product is the yardstick.
pub const PEAK_SIDE: usize = 1024;

/// Memory whose reading is the other yardstick: more than caches hold.
const MEMORY_BYTES: usize = 1 << 29;

/// A part of the model that is measured on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// EVA-CLIP on one image.
    EvaClip,
    /// One pass of the Q-Former over one image, keys and values included.
    QFormer,
    /// DINOv2 on one image.
    Dino,
    /// The extraction module on one image.
    Extraction,
    /// The SAM image encoder on one image.
    SamEncoder,
    /// The language model reading the prompt of a request.
    Prefill,
    /// The language model writing one token behind that prompt.
    DecodeStep,
    /// The SAM mask decoder on the masks of a request.
    MaskDecoder,
    /// The product of two square f32 matrices: what the machine can do.
    MatrixPeak,
    /// The product of two square matrices of 8 bits.
    MatrixPeakOf8Bits,
    /// Reading memory that no cache holds.
    MemoryPeak,
}

/// A workload with its weights and inputs in memory.
pub struct Prepared {
    /// Arithmetic of one run, 2 per multiply-add.
    pub flops: f64,
    /// Bytes of weights that one run reads.
    pub weight_bytes: u64,
    work: Box<dyn FnMut() -> Result<()>>,
}

impl Prepared {
    /// Does the work once.
    pub fn run(&mut self) -> Result<()> {
        (self.work)()
    }

    fn new(flops: f64, work: impl FnMut() -> Result<()> + 'static) -> Self {
        Self { flops, weight_bytes: 0, work: Box::new(work) }
    }
}

impl Workload {
    /// All workloads, the yardsticks first.
    pub const ALL: [Self; 11] = [
        Self::MatrixPeak,
        Self::MatrixPeakOf8Bits,
        Self::MemoryPeak,
        Self::EvaClip,
        Self::QFormer,
        Self::Dino,
        Self::Extraction,
        Self::SamEncoder,
        Self::Prefill,
        Self::DecodeStep,
        Self::MaskDecoder,
    ];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::EvaClip => "eva_clip",
            Self::QFormer => "qformer",
            Self::Dino => "dinov2",
            Self::Extraction => "extraction",
            Self::SamEncoder => "sam_encoder",
            Self::Prefill => "llm_prefill",
            Self::DecodeStep => "llm_decode_step",
            Self::MaskDecoder => "mask_decoder",
            Self::MatrixPeak => "matrix_peak",
            Self::MatrixPeakOf8Bits => "matrix_peak_8_bits",
            Self::MemoryPeak => "memory_peak",
        }
    }

    /// Whether the workload measures the machine, not a part of the model.
    pub fn is_yardstick(self) -> bool {
        matches!(self, Self::MatrixPeak | Self::MatrixPeakOf8Bits | Self::MemoryPeak)
    }

    /// Whether the workload runs the language model.
    pub fn is_language(self) -> bool {
        matches!(self, Self::Prefill | Self::DecodeStep)
    }

    /// Draws the weights of this part alone, from seed 0, in the given formats, and its inputs.
    pub fn prepare(
        self,
        config: &CalicoConfig,
        request: Request,
        quantization: Quantization,
    ) -> Result<Prepared> {
        let cost = flops(config, request);
        let drawn = Arc::new(Drawn::new(quantization));
        let weights = |prefix: &str| Weights::new(Arc::clone(&drawn) as _).pp(prefix);
        let mut prepared = self.prepare_with(config, request, &cost, weights)?;
        // Of the table of words one row is read for each token.
        let table = size_of::<f32>() * config.llm.vocab_size * config.llm.width;
        let unread = if self.is_language() { table as u64 } else { 0 };
        prepared.weight_bytes += drawn.bytes().saturating_sub(unread);
        Ok(prepared)
    }

    fn prepare_with(
        self,
        config: &CalicoConfig,
        request: Request,
        cost: &Flops,
        weights: impl Fn(&str) -> Weights,
    ) -> Result<Prepared> {
        match self {
            Self::EvaClip => {
                let eva = EvaClip::load(&config.eva, &weights("eva"))?;
                let side = config.eva.image_size;
                let pixels = input(&[1, 3, side, side])?;
                Ok(Prepared::new(cost.eva, move || eva.forward(&pixels).map(drop)))
            }
            Self::QFormer => {
                let qformer = QFormer::load(&config.qformer, &weights("qformer"))?;
                let tokens = input(&[1, config.eva.num_tokens(), config.qformer.encoder_width])?;
                let queries = input(&[1, config.qformer.num_queries, config.qformer.width])?;
                Ok(Prepared::new(cost.qformer_keys_values + cost.qformer_pass, move || {
                    qformer.forward(&queries, &qformer.keys_values(&tokens)?).map(drop)
                }))
            }
            Self::Dino => {
                let dino = DinoV2::load(&config.dino, &weights("dino"))?;
                let [height, width] = config.dino.input_size.height_width();
                let pixels = input(&[1, 3, height, width])?;
                Ok(Prepared::new(cost.dino, move || dino.forward(&pixels).map(drop)))
            }
            Self::Extraction => {
                let (wide, semantic_width) = (config.eva.width, config.dino.width);
                let cem = &config.cem;
                let extraction =
                    CorrespondenceExtraction::load(wide, semantic_width, cem, &weights("cem"))?;
                let global = input(&[1, config.eva.num_tokens(), wide])?;
                let patches = config.dino.grid().iter().product();
                let semantic = input(&[1, patches, semantic_width])?;
                let work = move || extraction.forward(&global, &semantic).map(drop);
                Ok(Prepared::new(cost.cem, work))
            }
            Self::SamEncoder => {
                let encoder = ImageEncoder::load(&config.sam, &weights("sam.encoder"))?;
                let side = config.sam.image_size;
                let pixels = input(&[1, 3, side, side])?;
                Ok(Prepared::new(cost.sam_encoder, move || encoder.forward(&pixels).map(drop)))
            }
            Self::Prefill => prefill(config, request, &weights("llm"), cost.prefill + cost.head),
            Self::DecodeStep => decode_step(config, request, &weights("llm")),
            Self::MaskDecoder => mask_decoder(config, request, &weights("sam"), cost.sam_decoder),
            Self::MatrixPeak => {
                let (a, b) = (input(&[PEAK_SIDE, PEAK_SIDE])?, input(&[PEAK_SIDE, PEAK_SIDE])?);
                Ok(Prepared::new(2.0 * (PEAK_SIDE as f64).powi(3), move || a.matmul(&b).map(drop)))
            }
            Self::MatrixPeakOf8Bits => {
                let (x, shape) = (values(&[PEAK_SIDE, PEAK_SIDE]), [PEAK_SIDE, PEAK_SIDE]);
                let matrix =
                    QuantizedMatrix::quantize(kernels(), MatrixFormat::Q8, shape, x.clone());
                let matrix = matrix.map_err(Error::wrap)?;
                let mut y = vec![0.0; x.len()];
                Ok(Prepared::new(2.0 * (PEAK_SIDE as f64).powi(3), move || {
                    matrix.multiply(kernels(), &x, None, &mut y).map_err(Error::wrap)
                }))
            }
            Self::MemoryPeak => {
                let memory = vec![1u64; MEMORY_BYTES / size_of::<u64>()];
                let read = move || {
                    let of_piece = |piece: &[u64]| piece.iter().fold(0, |all, word| all ^ word);
                    let all = memory.par_chunks(1 << 14).map(of_piece).reduce(|| 0, |a, b| a ^ b);
                    std::hint::black_box(all);
                    Ok(())
                };
                let weight_bytes = MEMORY_BYTES as u64;
                Ok(Prepared { weight_bytes, ..Prepared::new(0.0, read) })
            }
        }
    }
}

fn prefill(
    config: &CalicoConfig,
    request: Request,
    weights: &Weights,
    flops: f64,
) -> Result<Prepared> {
    let llm = Llama::load(&config.llm, weights, None)?;
    let prompt = input(&[1, prompt_len(config, request), config.llm.width])?;
    Ok(Prepared::new(flops, move || {
        let hidden = llm.forward(&prompt, Some(&mut llm.cache()), &NoTap)?;
        llm.logits(&hidden.narrow(1, hidden.dim(1)? - 1, 1)?).map(drop)
    }))
}

fn decode_step(config: &CalicoConfig, request: Request, weights: &Weights) -> Result<Prepared> {
    let llm = Llama::load(&config.llm, weights, None)?;
    let prompt = prompt_len(config, request);
    let embeddings = input(&[1, prompt, config.llm.width])?;
    let one = Request { answer_tokens: 1, ..request };
    let start = move |llm: &Llama| {
        let mut cache = llm.cache();
        llm.forward(&embeddings, Some(&mut cache), &NoTap)?;
        Result::Ok(cache)
    };
    let mut cache = start(&llm)?;
    let context = config.llm.max_positions;
    Ok(Prepared::new(flops(config, one).decode, move || {
        if cache.len() == context {
            cache = start(&llm)?;
        }
        let hidden = llm.forward(&llm.embed(&[1])?, Some(&mut cache), &NoTap)?;
        llm.logits(&hidden).map(drop)
    }))
}

fn mask_decoder(
    config: &CalicoConfig,
    request: Request,
    weights: &Weights,
    flops_each: f64,
) -> Result<Prepared> {
    let sam = &config.sam;
    let prompt_encoder = PromptEncoder::load(sam, &weights.pp("prompt"))?;
    let decoder = MaskDecoder::load(sam, &weights.pp("decoder"))?;
    let embedding = input(&[sam.width, sam.grid(), sam.grid()])?;
    let prompts = prompt_encoder.forward(&input(&[request.masks, sam.width])?)?;
    Ok(Prepared::new(request.masks as f64 * flops_each, move || {
        decoder.forward(&embedding, prompt_encoder.positions(), &prompts).map(drop)
    }))
}

/// Positions of the prompt of a request.
pub fn prompt_len(config: &CalicoConfig, request: Request) -> usize {
    request.text_tokens + request.images * config.tokens_per_image()
}

fn input(shape: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(values(shape), shape, &Device::Cpu)
}

/// Values in ±1.
fn values(shape: &[usize]) -> Vec<f32> {
    let init = Init::Uniform(1.0);
    let spec = TensorSpec { name: "input".into(), shape: shape.to_vec(), init };
    Random::new(0, Device::Cpu).values(&spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    #[test]
    fn every_workload_of_the_tiny_model_runs_and_has_arithmetic() {
        let config = Preset::Tiny.config().unwrap();
        let fewer = Quantization { llm: Some(MatrixFormat::Q8), vision: Some(MatrixFormat::Q8) };
        for workload in Workload::ALL {
            for quantization in [Quantization::default(), fewer] {
                let prepared = workload.prepare(&config, Request::default(), quantization);
                let mut prepared = prepared.unwrap();
                let work = prepared.flops + prepared.weight_bytes as f64;
                assert!(work > 0.0, "{}", workload.name());
                prepared.run().unwrap();
                prepared.run().unwrap();
            }
        }
    }
}
