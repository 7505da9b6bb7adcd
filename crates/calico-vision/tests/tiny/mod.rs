//! The tiny configuration: every structural feature of the real models at a small size.

use calico_vision::dinov2::{DinoConfig, Facet, FeedForwardKind, InputSize, PositionInterpolation};
use calico_vision::eva_clip::EvaConfig;
use calico_vision::qformer::QFormerConfig;
use calico_vision::sam::{ImageEncoderConfig, MaskDecoderConfig, PromptEncoderConfig, SamConfig};

pub(crate) fn eva() -> EvaConfig {
    EvaConfig {
        image_size: 56,
        patch_size: 14,
        width: 64,
        num_heads: 4,
        depth: 4,
        mlp_hidden: 279,
        ln_eps: 1e-6,
        stored_grid: None,
    }
}

pub(crate) fn qformer() -> QFormerConfig {
    QFormerConfig {
        width: 48,
        num_heads: 4,
        depth: 4,
        ffn_hidden: 96,
        num_queries: 5,
        encoder_width: 64,
        cross_attention_frequency: 2,
        ln_eps: 1e-12,
    }
}

/// With registers and the gated feed-forward layer.
pub(crate) fn dino() -> DinoConfig {
    DinoConfig {
        input_size: InputSize::Square(56),
        patch_size: 14,
        width: 48,
        num_heads: 3,
        depth: 3,
        ffn: FeedForwardKind::SwiGlu { hidden: 128 },
        num_register_tokens: 4,
        stored_grid: 4,
        pos_interp: PositionInterpolation::Offset,
        ln_eps: 1e-6,
        layer: -1,
        final_norm: true,
        facet: Facet::Token,
        keep_prefix_tokens: false,
    }
}

pub(crate) fn dino_gelu() -> DinoConfig {
    DinoConfig { ffn: FeedForwardKind::Gelu { hidden: 192 }, ..dino() }
}

pub(crate) fn sam() -> SamConfig {
    SamConfig {
        image_size: 128,
        patch_size: 16,
        width: 32,
        encoder: ImageEncoderConfig {
            width: 32,
            num_heads: 2,
            depth: 4,
            mlp_hidden: 128,
            window_size: 3,
            global_blocks: vec![1, 3],
            ln_eps: 1e-6,
            neck_ln_eps: 1e-6,
        },
        prompt: PromptEncoderConfig { mask_channels: 16 },
        decoder: MaskDecoderConfig {
            depth: 2,
            num_heads: 4,
            cross_width: 16,
            mlp_hidden: 64,
            iou_hidden: 32,
            num_mask_tokens: 4,
            ln_eps: 1e-5,
            final_ln_eps: 1e-5,
            upscaling_ln_eps: 1e-6,
        },
    }
}
