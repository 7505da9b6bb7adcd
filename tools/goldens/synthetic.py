"""Test vector for the synthetic weights: one tensor for each rule of README.md."""

import json

from common import GOLDENS, synthetic

SAMPLES = [
    ("dino.blocks.0.ls1.gamma", [48]),
    ("eva.blocks.0.norm1.weight", [64]),
    ("eva.blocks.0.attn.q_bias", [64]),
    ("sam.prompt.pe_layer.positional_encoding_gaussian_matrix", [2, 16]),
    ("lora.layers.3.q.a", [2, 64]),
    ("lora.layers.3.q.b", [64, 2]),
    ("eva.cls_token", [1, 1, 64]),
    ("eva.pos_embed", [1, 17, 64]),
    ("sam.encoder.blocks.0.attn.rel_pos_h", [5, 16]),
    ("llm.model.embed_tokens.weight", [266, 64]),
    ("sam.decoder.iou_token.weight", [1, 32]),
    ("sam.decoder.mask_tokens.weight", [4, 32]),
    ("sam.prompt.no_mask_embed.weight", [1, 32]),
    ("sam.prompt.not_a_point_embed.weight", [1, 32]),
    ("sam.prompt.point_embeddings.2.weight", [1, 32]),
    ("eva.patch_embed.proj.weight", [64, 3, 14, 14]),
    ("sam.decoder.output_upscaling.0.weight", [32, 8, 2, 2]),
    ("llm.lm_head.weight", [266, 64]),
]


def vector(name, shape):
    values = synthetic(name, shape).ravel()
    return {
        "name": name,
        "shape": shape,
        "first": [float(value) for value in values[:8]],
        "last": float(values[-1]),
    }


vectors = [vector(name, shape) for name, shape in SAMPLES]
text = "[\n" + ",\n".join("  " + json.dumps(entry) for entry in vectors) + "\n]\n"
print(text, end="")
(GOLDENS / "synthetic.json").write_text(text)
