//! The assembly: encoders, correspondence modules, language model and mask decoder.
//!
//! ```text
//! photograph ─┬─ EVA-CLIP ─ ln_vision ─┬─ Q-Former ─ f_image ──► visual tokens ──┐
//!             │                        └─ CEM ─ keys, values ──► CAM ─┐          ▼
//!             ├─ DINOv2 ──────────────────┘                           └─► LLaMA ─ words
//!             └─ SAM encoder ───────────────────────► mask decoder ◄─ projection ◄─ [SEG]
//! ```
//!
//! Inference encodes photographs one by one and reads one conversation ([`Calico::encode`],
//! [`Calico::forward`], [`Calico::prefill`]). Training works on batches, in stages of which each
//! can be kept: what the encoders say ([`Calico::features`]), what the modules that learn make of
//! it ([`Calico::relate`]), and many conversations as one sequence ([`Calico::forward_batch`]).
//! Both go through the same code.

mod batch_states;
mod conversation;
mod encode;
mod encoded_batch;
mod image_features;
mod image_parts;
mod load;
mod masks;
mod packing;
mod read;

pub use batch_states::{BatchStates, Prediction, SegState};
pub use conversation::Conversation;
pub use encode::{EncodedImage, Encoder};
pub use encoded_batch::EncodedBatch;
pub use image_features::ImageFeatures;
pub use read::GoesOn;

use calico_language::{Llama, SpecialTokens};
use calico_nn::{LayerNorm, Linear};
use calico_vision::dinov2::DinoV2;
use calico_vision::eva_clip::EvaClip;
use calico_vision::qformer::QFormer;
use calico_vision::sam::{ImageEncoder, MaskDecoder, PromptEncoder};
use candle_core::{Device, Tensor};

use crate::config::CalicoConfig;
use crate::correspondence::{CorrespondenceAdapter, CorrespondenceExtraction};
use crate::grounding::SegProjection;

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

impl Calico {
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
}
