"""Goldens of EVA-ViT and ln_vision, from transformers' BLIP-2 vision model."""

import numpy as np

import upstream
from common import Capture, Weights, numbered, uniform, write

LN_VISION = "post_layernorm runs with LAVIS's ln_vision eps of 1e-5 (transformers: 1e-6)"


def run(module, pixels):
    """Every stage; `tokens` is the encoder's output, `ln_vision` the post_layernorm of it."""
    stages = {"embeddings": module.embeddings} | numbered("block", module.encoder.layers)
    with Capture(stages) as outputs:
        ln_vision = module(pixels, interpolate_pos_encoding=True).last_hidden_state
    patches = module.embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
    last = outputs[f"block.{len(module.encoder.layers) - 1}"]
    return {"patch_embed": patches, **outputs, "tokens": last, "ln_vision": ln_vision}


def main():
    rng = np.random.default_rng(1)

    pixels = uniform(rng, 2, 3, 56, 56)
    outputs = run(upstream.eva(Weights()), pixels)
    sentence = f"EVA, width 64, 4 heads, 4 blocks, MLP 279, image 56; {LN_VISION}."
    write(__file__, "eva/tiny", sentence, {"pixels": pixels}, outputs)

    pixels = uniform(rng, 1, 3, 56, 56)
    outputs = run(upstream.eva(Weights(), width=88), pixels)
    sentence = f"EVA, width 88, 4 heads of 22, 4 blocks, MLP 384, image 56; {LN_VISION}."
    write(__file__, "eva/head22", sentence, {"pixels": pixels}, outputs)

    pixels = uniform(rng, 1, 3, 84, 84)
    module = upstream.eva(Weights())
    outputs = run(module, pixels)
    tokens = outputs["embeddings"]
    outputs["pos_embed"] = module.embeddings.interpolate_pos_encoding(tokens, 84, 84)
    sentence = (
        "The 4x4 position table of eva/tiny at image 84 (6x6): bicubic, align_corners false, "
        f"not antialiased, the CLS row kept; {LN_VISION}."
    )
    write(__file__, "eva/interpolated", sentence, {"pixels": pixels}, outputs)

    tokens = uniform(rng, 1, 17, 64) / 256
    norm = upstream.eva(Weights()).post_layernorm
    outputs = {}
    for name, eps in [("eps_1e-5", 1e-5), ("eps_1e-6", 1e-6)]:
        norm.eps = eps
        outputs[name] = norm(tokens)
    sentence = "ln_vision alone with LAVIS's and transformers' eps, on tokens that tell them apart."
    write(__file__, "eva/ln_vision", sentence, {"tokens": tokens}, outputs)


if __name__ == "__main__":
    main()
