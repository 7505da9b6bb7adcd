//! What the modules ask of a checkpoint: as many tensors and values as the published models hold.

use calico_nn::weights::TensorSpec;
use calico_testkit::{parameters, record};
use calico_vision::dinov2::{DinoConfig, DinoV2, FeedForwardKind, InputSize};
use calico_vision::eva_clip::{EvaClip, EvaConfig};
use calico_vision::qformer::{QFormer, QFormerConfig};
use calico_vision::sam::{
    ImageEncoder, ImageEncoderConfig, MaskDecoder, MaskDecoderConfig, PROMPT_ENCODER_BUFFERS,
    PromptEncoder, PromptEncoderConfig, SamConfig,
};

mod tiny;

fn eva_vit_g() -> EvaConfig {
    EvaConfig {
        image_size: 224,
        width: 1408,
        num_heads: 16,
        depth: 39,
        mlp_hidden: 6144,
        ..tiny::eva()
    }
}

fn blip2_qformer() -> QFormerConfig {
    QFormerConfig {
        width: 768,
        num_heads: 12,
        depth: 12,
        ffn_hidden: 3072,
        num_queries: 32,
        encoder_width: 1408,
        ..tiny::qformer()
    }
}

fn dino(width: usize, num_heads: usize, depth: usize, ffn: FeedForwardKind) -> DinoConfig {
    DinoConfig {
        input_size: InputSize::Square(518),
        width,
        num_heads,
        depth,
        ffn,
        stored_grid: 37,
        ..tiny::dino()
    }
}

fn sam_vit_h() -> SamConfig {
    let tiny = tiny::sam();
    SamConfig {
        image_size: 1024,
        width: 256,
        encoder: ImageEncoderConfig {
            width: 1280,
            num_heads: 16,
            depth: 32,
            mlp_hidden: 5120,
            window_size: 14,
            global_blocks: vec![7, 15, 23, 31],
            ..tiny.encoder
        },
        prompt: PromptEncoderConfig { mask_channels: 16 },
        decoder: MaskDecoderConfig {
            num_heads: 8,
            cross_width: 128,
            mlp_hidden: 2048,
            iou_hidden: 256,
            ..tiny.decoder
        },
        ..tiny
    }
}

/// The tensors of the prompt encoder: parameters, and buffers.
fn prompt_encoder(config: &SamConfig) -> (Vec<TensorSpec>, Vec<TensorSpec>) {
    let specs = record(|weights| PromptEncoder::load(config, weights));
    let is_buffer = |spec: &TensorSpec| PROMPT_ENCODER_BUFFERS.contains(&spec.name.as_str());
    let (buffers, specs) = specs.into_iter().partition(is_buffer);
    (specs, buffers)
}

#[test]
fn eva_clip_holds_what_the_published_model_holds() {
    let full = record(|weights| EvaClip::load(&eva_vit_g(), weights));
    assert_eq!((full.len(), parameters(&full)), (511, 985_894_528));
    let tiny = record(|weights| EvaClip::load(&tiny::eva(), weights));
    assert_eq!(parameters(&tiny), 250_396);
}

#[test]
fn the_qformer_holds_what_the_published_query_path_holds() {
    let full = record(|weights| QFormer::load(&blip2_qformer(), weights));
    assert_eq!((full.len(), parameters(&full)), (254, 105_137_664));
    let tiny = record(|weights| QFormer::load(&tiny::qformer(), weights));
    assert_eq!(parameters(&tiny), 98_016);
}

#[test]
fn dinov2_holds_what_the_published_models_hold() {
    let gelu = |hidden| FeedForwardKind::Gelu { hidden };
    let swiglu = |hidden| FeedForwardKind::SwiGlu { hidden };
    for (config, expected) in [
        (dino(1536, 24, 40, swiglu(4096)), 1_136_486_912),
        (dino(1024, 16, 24, gelu(4096)), 304_372_736),
        (dino(768, 12, 12, gelu(3072)), 86_583_552),
        (dino(384, 6, 12, gelu(1536)), 22_058_112),
        (tiny::dino(), 114_768),
        (tiny::dino_gelu(), 114_576),
    ] {
        let specs = record(|weights| DinoV2::load(&config, weights));
        assert_eq!(parameters(&specs), expected, "width {}", config.width);
    }
}

#[test]
fn the_sam_encoder_holds_what_the_published_model_holds() {
    let full = record(|weights| ImageEncoder::load(&sam_vit_h(), weights));
    assert_eq!((full.len(), parameters(&full)), (457, 637_026_048));
    let tiny = record(|weights| ImageEncoder::load(&tiny::sam(), weights));
    assert_eq!(parameters(&tiny), 89_120);
}

#[test]
fn the_prompt_encoder_holds_what_the_published_model_holds() {
    let (full, buffers) = prompt_encoder(&sam_vit_h());
    assert_eq!((parameters(&full), parameters(&buffers)), (6_220, 256));
    let (tiny, buffers) = prompt_encoder(&tiny::sam());
    assert_eq!((parameters(&tiny), parameters(&buffers)), (1_068, 32));
}

#[test]
fn the_mask_decoder_holds_what_the_published_model_holds() {
    let full = record(|weights| MaskDecoder::load(&sam_vit_h(), weights));
    assert_eq!((full.len(), parameters(&full)), (120, 4_058_340));
    let tiny = record(|weights| MaskDecoder::load(&tiny::sam(), weights));
    assert_eq!(parameters(&tiny), 40_608);
}

#[test]
fn no_name_is_asked_for_twice() {
    let everything = record(|weights| {
        EvaClip::load(&tiny::eva(), &weights.pp("eva"))?;
        QFormer::load(&tiny::qformer(), &weights.pp("qformer"))?;
        DinoV2::load(&tiny::dino(), &weights.pp("dino"))?;
        ImageEncoder::load(&tiny::sam(), &weights.pp("sam.encoder"))?;
        PromptEncoder::load(&tiny::sam(), &weights.pp("sam.prompt"))?;
        MaskDecoder::load(&tiny::sam(), &weights.pp("sam.decoder"))
    });
    let names: std::collections::BTreeSet<_> = everything.iter().map(|spec| &spec.name).collect();
    assert_eq!(names.len(), everything.len());
}
