//! SAM (Segment Anything, arXiv 2304.02643) with text prompts: pixels and prompts to masks.
//!
//! ```text
//! pixels ── image encoder ──────────┐ (once per image)
//! text embeddings ── prompt encoder ┴── mask decoder ── logits ── size of the original
//! ```
//!
//! The three parts are loaded apart: the encoder is frozen and large, the decoder is trained.

mod config;
mod image_encoder;
mod mask_decoder;
mod postprocess;
mod prompt_encoder;
mod relu_mlp;
mod two_way;
mod upscaling;

pub use config::{ImageEncoderConfig, MaskDecoderConfig, PromptEncoderConfig, SamConfig};
pub use image_encoder::{ImageEncoder, ImageEncoderBlock};
pub use mask_decoder::{MaskDecoder, MaskPrediction};
pub use postprocess::logits_in_original;
pub use prompt_encoder::{PROMPT_ENCODER_BUFFERS, PromptEncoder, Prompts};
pub use two_way::{Streams, TwoWayLayer, TwoWayTransformer};
