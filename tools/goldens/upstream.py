"""The upstream modules in the tiny configuration, filled with synthetic weights.

Each table maps a transformers parameter name (a regular expression) to its source: the
canonical name, or a function that cuts the parameter out of a fused canonical tensor.
Every parameter must find a source, and the attention is always the eager one.
"""

import re

import torch
from transformers import (
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Blip2VisionConfig,
    Blip2VisionModel,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    LlamaConfig,
    LlamaForCausalLM,
    SamConfig,
    SamModel,
)

LORA_RANK = 2
LORA_ALPHA = 4
QUERIES = 5


def fused(name, index, count):
    """Part `index` of `count` equal row blocks of the canonical tensor `name`."""

    def source(weights, match, shape):
        whole = [count * shape[0], *shape[1:]]
        return weights.tensor(match.expand(name), whole).chunk(count)[index]

    return source


def query_and_value_bias(weights, match, shape):
    """EVA stores two biases; transformers wants one, whose key third is zero."""
    third = [shape[0] // 3]
    block = match.expand(r"eva.blocks.\1.attn")
    query = weights.tensor(f"{block}.q_bias", third)
    value = weights.tensor(f"{block}.v_bias", third)
    return torch.cat([query, torch.zeros(third), value])


EVA = [
    (r"embeddings\.class_embedding", "eva.cls_token"),
    (r"embeddings\.position_embedding", "eva.pos_embed"),
    (r"embeddings\.patch_embedding\.(\w+)", r"eva.patch_embed.proj.\1"),
    (r"encoder\.layers\.(\d+)\.layer_norm([12])\.(\w+)", r"eva.blocks.\1.norm\2.\3"),
    (r"encoder\.layers\.(\d+)\.self_attn\.qkv\.weight", r"eva.blocks.\1.attn.qkv.weight"),
    (r"encoder\.layers\.(\d+)\.self_attn\.qkv\.bias", query_and_value_bias),
    (r"encoder\.layers\.(\d+)\.self_attn\.projection\.(\w+)", r"eva.blocks.\1.attn.proj.\2"),
    (r"encoder\.layers\.(\d+)\.mlp\.(.+)", r"eva.blocks.\1.mlp.\2"),
    (r"post_layernorm\.(\w+)", r"ln_vision.\1"),
]

QFORMER = [
    (r"layernorm\.(\w+)", r"qformer.bert.embeddings.LayerNorm.\1"),
    (
        r"encoder\.layer\.(\d+)\.(attention|crossattention)\.attention\.(.+)",
        r"qformer.bert.encoder.layer.\1.\2.self.\3",
    ),
    (r"encoder\.layer\.(\d+)\.(.+)", r"qformer.bert.encoder.layer.\1.\2"),
]

DINO = [
    (r"embeddings\.(cls_token|mask_token|register_tokens)", r"dino.\1"),
    (r"embeddings\.position_embeddings", "dino.pos_embed"),
    (r"embeddings\.patch_embeddings\.projection\.(\w+)", r"dino.patch_embed.proj.\1"),
    (r"encoder\.layer\.(\d+)\.norm([12])\.(\w+)", r"dino.blocks.\1.norm\2.\3"),
    (
        r"encoder\.layer\.(\d+)\.attention\.q_proj\.(\w+)",
        fused(r"dino.blocks.\1.attn.qkv.\2", 0, 3),
    ),
    (
        r"encoder\.layer\.(\d+)\.attention\.k_proj\.(\w+)",
        fused(r"dino.blocks.\1.attn.qkv.\2", 1, 3),
    ),
    (
        r"encoder\.layer\.(\d+)\.attention\.v_proj\.(\w+)",
        fused(r"dino.blocks.\1.attn.qkv.\2", 2, 3),
    ),
    (r"encoder\.layer\.(\d+)\.attention\.o_proj\.(\w+)", r"dino.blocks.\1.attn.proj.\2"),
    (r"encoder\.layer\.(\d+)\.layer_scale([12])\.lambda1", r"dino.blocks.\1.ls\2.gamma"),
    (r"encoder\.layer\.(\d+)\.mlp\.gate_proj\.(\w+)", fused(r"dino.blocks.\1.mlp.w12.\2", 0, 2)),
    (r"encoder\.layer\.(\d+)\.mlp\.up_proj\.(\w+)", fused(r"dino.blocks.\1.mlp.w12.\2", 1, 2)),
    (r"encoder\.layer\.(\d+)\.mlp\.down_proj\.(\w+)", r"dino.blocks.\1.mlp.w3.\2"),
    (r"encoder\.layer\.(\d+)\.mlp\.(fc[12])\.(\w+)", r"dino.blocks.\1.mlp.\2.\3"),
    (r"layernorm\.(\w+)", r"dino.norm.\1"),
]

LLAMA = [(r"(.+)", r"llm.\1")]

SAM = [
    (
        r"(?:shared_image_embedding|prompt_encoder\.shared_embedding)\.positional_embedding",
        "sam.prompt.pe_layer.positional_encoding_gaussian_matrix",
    ),
    (r"vision_encoder\.pos_embed", "sam.encoder.pos_embed"),
    (r"vision_encoder\.patch_embed\.projection\.(\w+)", r"sam.encoder.patch_embed.proj.\1"),
    (r"vision_encoder\.layers\.(\d+)\.layer_norm([12])\.(\w+)", r"sam.encoder.blocks.\1.norm\2.\3"),
    (r"vision_encoder\.layers\.(\d+)\.(.+)", r"sam.encoder.blocks.\1.\2"),
    (r"vision_encoder\.neck\.conv1\.(\w+)", r"sam.encoder.neck.0.\1"),
    (r"vision_encoder\.neck\.layer_norm1\.(\w+)", r"sam.encoder.neck.1.\1"),
    (r"vision_encoder\.neck\.conv2\.(\w+)", r"sam.encoder.neck.2.\1"),
    (r"vision_encoder\.neck\.layer_norm2\.(\w+)", r"sam.encoder.neck.3.\1"),
    (r"prompt_encoder\.point_embed\.(\d)\.(\w+)", r"sam.prompt.point_embeddings.\1.\2"),
    (r"prompt_encoder\.(not_a_point_embed|no_mask_embed)\.(\w+)", r"sam.prompt.\1.\2"),
    (r"prompt_encoder\.mask_embed\.conv1\.(\w+)", r"sam.prompt.mask_downscaling.0.\1"),
    (r"prompt_encoder\.mask_embed\.layer_norm1\.(\w+)", r"sam.prompt.mask_downscaling.1.\1"),
    (r"prompt_encoder\.mask_embed\.conv2\.(\w+)", r"sam.prompt.mask_downscaling.3.\1"),
    (r"prompt_encoder\.mask_embed\.layer_norm2\.(\w+)", r"sam.prompt.mask_downscaling.4.\1"),
    (r"prompt_encoder\.mask_embed\.conv3\.(\w+)", r"sam.prompt.mask_downscaling.6.\1"),
    (
        r"mask_decoder\.transformer\.(.+\.)?layer_norm([1-4]|_final_attn)\.(\w+)",
        r"sam.decoder.transformer.\1norm\2.\3",
    ),
    (r"mask_decoder\.upscale_conv1\.(\w+)", r"sam.decoder.output_upscaling.0.\1"),
    (r"mask_decoder\.upscale_layer_norm\.(\w+)", r"sam.decoder.output_upscaling.1.\1"),
    (r"mask_decoder\.upscale_conv2\.(\w+)", r"sam.decoder.output_upscaling.3.\1"),
    (r"mask_decoder\.(.+)\.proj_in\.(\w+)", r"sam.decoder.\1.layers.0.\2"),
    (
        r"mask_decoder\.(iou_prediction_head|output_hypernetworks_mlps\.\d)\.layers\.0\.(\w+)",
        r"sam.decoder.\1.layers.1.\2",
    ),
    (
        r"mask_decoder\.(iou_prediction_head|output_hypernetworks_mlps\.\d)\.proj_out\.(\w+)",
        r"sam.decoder.\1.layers.2.\2",
    ),
    (r"mask_decoder\.(.+)", r"sam.decoder.\1"),
]


def source(weights, key, shape, table):
    """The value of the transformers parameter `key`; the first pattern that fits decides."""
    for pattern, target in table:
        match = re.fullmatch(pattern, key)
        if match and callable(target):
            return target(weights, match, shape)
        if match:
            return weights.tensor(match.expand(target), shape)
    raise KeyError(key)


def build(model, config, weights, table):
    """Instantiates `model` and fills every parameter through `table`."""
    module = model._from_config(config, attn_implementation="eager")
    state = module.state_dict()
    filled = {key: source(weights, key, list(value.shape), table) for key, value in state.items()}
    module.load_state_dict(filled, strict=True)
    return module.eval()


def eva(weights, width=64):
    """EVA and, as its `post_layernorm`, ln_vision with LAVIS's eps of 1e-5 instead of 1e-6."""
    config = Blip2VisionConfig(
        hidden_size=width,
        intermediate_size=int(width * 4.3637),
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=56,
        patch_size=14,
        layer_norm_eps=1e-6,
    )
    module = build(Blip2VisionModel, config, weights, EVA)
    module.post_layernorm.eps = 1e-5
    return module


def qformer(weights):
    config = Blip2QFormerConfig(
        hidden_size=48,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=96,
        encoder_hidden_size=64,
        cross_attention_frequency=2,
        layer_norm_eps=1e-12,
    )
    return build(Blip2QFormerModel, config, weights, QFORMER)


def query_tokens(weights):
    return weights.tensor("query_tokens", [1, QUERIES, 48])


def dino(weights, swiglu=True, registers=True):
    size = {
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "mlp_ratio": 4,
        "image_size": 56,
        "patch_size": 14,
        "layer_norm_eps": 1e-6,
        "use_swiglu_ffn": swiglu,
    }
    if registers:
        config = Dinov2WithRegistersConfig(num_register_tokens=4, **size)
        return build(Dinov2WithRegistersModel, config, weights, DINO)
    return build(Dinov2Model, Dinov2Config(**size), weights, DINO)


def llama(weights, kv_heads=4, lora=False):
    """LLaMA; with `lora`, W + (alpha / r) B A is merged in f32 into q_proj and v_proj."""
    config = LlamaConfig(
        vocab_size=266,
        hidden_size=64,
        intermediate_size=112,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=kv_heads,
        max_position_embeddings=2048,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=False,
        pad_token_id=0,
    )
    module = build(LlamaForCausalLM, config, weights, LLAMA)
    if lora:
        for index, layer in enumerate(module.model.layers):
            merge_lora(weights, layer.self_attn.q_proj, f"lora.layers.{index}.q")
            merge_lora(weights, layer.self_attn.v_proj, f"lora.layers.{index}.v")
    return module


def merge_lora(weights, linear, name):
    outputs, inputs = linear.weight.shape
    a = weights.tensor(f"{name}.a", [LORA_RANK, inputs])
    b = weights.tensor(f"{name}.b", [outputs, LORA_RANK])
    linear.weight += LORA_ALPHA / LORA_RANK * (b @ a)


def sam(weights, decoder_eps=1e-5):
    """SAM; `decoder_eps` is that of norm1..4 in the two-way transformer (transformers: 1e-6)."""
    vision = {
        "hidden_size": 32,
        "output_channels": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "image_size": 128,
        "patch_size": 16,
        "mlp_ratio": 4.0,
        "window_size": 3,
        "global_attn_indexes": [1, 3],
        "num_pos_feats": 16,
        "layer_norm_eps": 1e-6,
    }
    prompt = {"hidden_size": 32, "image_size": 128, "patch_size": 16, "mask_input_channels": 16}
    decoder = {
        "hidden_size": 32,
        "mlp_dim": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "attention_downsample_rate": 2,
        "iou_head_hidden_dim": 32,
        "layer_norm_eps": decoder_eps,
    }
    config = SamConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    return build(SamModel, config, weights, SAM)


def cem(weights):
    """The CEM's attention: queries of width 64, keys and values of width 48, 4 heads."""
    module = torch.nn.MultiheadAttention(64, 4, kdim=48, vdim=48, batch_first=True)
    module.q_proj_weight.copy_(weights.tensor("cem.q.weight", [64, 64]))
    module.k_proj_weight.copy_(weights.tensor("cem.k.weight", [64, 48]))
    module.v_proj_weight.copy_(weights.tensor("cem.v.weight", [64, 48]))
    biases = [weights.tensor(f"cem.{name}.bias", [64]) for name in "qkv"]
    module.in_proj_bias.copy_(torch.cat(biases))
    module.out_proj.weight.copy_(weights.tensor("cem.out.weight", [64, 64]))
    module.out_proj.bias.copy_(weights.tensor("cem.out.bias", [64]))
    return module.eval()
