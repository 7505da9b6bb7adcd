"""Goldens of SAM's encoder, mask decoder and post-processing, from transformers and PyTorch."""

import numpy as np
import torch

import upstream
from common import Capture, Weights, numbered, uniform, write

IMAGE_SIZE = 128
EPS_STAGES = ("layer.0.tokens", "layer.1.tokens", "tokens", "low_res", "scores")


def resized(height, width):
    """The size of an image whose longest side became IMAGE_SIZE."""
    scale = IMAGE_SIZE / max(height, width)
    return int(height * scale + 0.5), int(width * scale + 0.5)


def postprocess(low_res, size):
    """Low-resolution logits [M, h, w] to logits at the original `size`: two bilinear steps."""
    height, width = resized(*size)
    bilinear = {"mode": "bilinear", "align_corners": False}
    full = torch.nn.functional.interpolate(low_res[None], (IMAGE_SIZE, IMAGE_SIZE), **bilinear)
    cropped = full[..., :height, :width]
    return torch.nn.functional.interpolate(cropped, tuple(size), **bilinear)[0]


def decode(module, embedding, prompts):
    """All four masks [M, 4, h, w] and scores [M, 4] of an embedding [C, g, g], prompts [M, 1, C].

    Single-mask output is index 0, multi-mask output the other three.
    """
    _, dense = module.prompt_encoder(None, None, None, None)
    inputs = {
        "image_embeddings": embedding[None],
        "image_positional_embeddings": module.get_image_wide_positional_embeddings(),
        "sparse_prompt_embeddings": prompts[None],
        "dense_prompt_embeddings": dense,
    }
    single = module.mask_decoder(**inputs, multimask_output=False)
    multi = module.mask_decoder(**inputs, multimask_output=True)
    masks, scores = (torch.cat(pair, dim=2)[0] for pair in zip(single, multi))
    return masks, scores


def encoder(rng):
    module = upstream.sam(Weights()).vision_encoder
    pixels = uniform(rng, 1, 3, IMAGE_SIZE, IMAGE_SIZE)
    with Capture(numbered("block", module.layers)) as outputs:
        outputs["neck"] = module(pixels).last_hidden_state
    sentence = (
        "SAM encoder, image 128, patch 16, width 32, 2 heads, 4 blocks, window 3 (8 padded to 9), "
        "global blocks 1 and 3, neck 32; blocks are channels-last, the neck is channels-first."
    )
    write(__file__, "sam/encoder", sentence, {"pixels": pixels}, outputs)


def decoder_stages(module, embedding, prompts):
    """Every stage of the mask decoder, in order."""
    decoder = module.mask_decoder
    modules = numbered("layer", decoder.transformer.layers)
    modules |= {"transformer": decoder.transformer, "upscale_conv2": decoder.upscale_conv2}
    with Capture(modules) as captured:
        masks, scores = decode(module, embedding, prompts)
    outputs = {"dense_pe": module.get_image_wide_positional_embeddings()[0]}
    for index in range(len(decoder.transformer.layers)):
        tokens, keys, _ = captured[f"layer.{index}"]
        outputs |= {f"layer.{index}.tokens": tokens[0], f"layer.{index}.keys": keys[:, 0]}
    outputs["tokens"] = captured["transformer"][0][0]
    outputs["upscaled"] = decoder.activation(captured["upscale_conv2"])
    return outputs | {"masks": masks, "low_res": masks[:, :1], "scores": scores}


def decoder(rng):
    inputs = {"embedding": uniform(rng, 32, 8, 8), "prompts": uniform(rng, 3, 1, 32)}
    for name, eps in [("decoder", 1e-5), ("decoder_eps_1e-6", 1e-6), ("decoder_eps_1e-3", 1e-3)]:
        outputs = decoder_stages(upstream.sam(Weights(), decoder_eps=eps), **inputs)
        if name != "decoder":
            outputs = {key: outputs[key] for key in EPS_STAGES}
        sentence = (
            "SAM mask decoder, width 32, depth 2, 4 heads (cross-attention width 16), MLP 64, "
            "three prompts of one token for one image, no_mask_embed as dense prompt; masks holds "
            f"all four, low_res index 0; norm1..4 with eps {eps} (original 1e-5, "
            "transformers 1e-6), norm_final_attn always 1e-5, upscaling norm 1e-6."
        )
        write(__file__, f"sam/{name}", sentence, inputs, outputs)


def postprocessing(rng):
    low_res = uniform(rng, 3, 32, 32)
    inputs = {"low_res": low_res}
    outputs = {}
    for name, size, count in [
        ("landscape", (75, 100), 3),
        ("portrait", (128, 96), 2),
        ("large", (150, 190), 1),
    ]:
        inputs[f"{name}.size"] = torch.tensor(size)
        inputs[f"{name}.resized"] = torch.tensor(resized(*size))
        outputs[name] = postprocess(low_res[:count], size)
    sentence = (
        "Logits 32x32 to 128x128, cropped to `resized`, to `size` (height, width): two bilinear "
        "steps, align_corners false, no antialias; portrait has the first 2 masks, large the first."
    )
    write(__file__, "sam/postprocess", sentence, inputs, outputs)


def main():
    rng = np.random.default_rng(5)
    encoder(rng)
    decoder(rng)
    postprocessing(rng)


if __name__ == "__main__":
    main()
