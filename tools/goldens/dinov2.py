"""Goldens of DINOv2 with and without registers, from transformers."""

import numpy as np
import torch

import upstream
from common import Capture, Weights, numbered, uniform, write

CONFIG = "width 48, 3 heads, 3 blocks, native grid 4x4, sizes given as height x width"


def run(module, pixels):
    height, width = pixels.shape[2:]
    stages = {"embeddings": module.embeddings} | numbered("block", module.encoder.layer)
    with Capture(stages) as outputs:
        final = module(pixels).last_hidden_state
    patches = module.embeddings.patch_embeddings(pixels)
    tokens = torch.cat([module.embeddings.cls_token.expand(len(pixels), -1, -1), patches], dim=1)
    table = module.embeddings.interpolate_pos_encoding(tokens, height, width)
    return {"pos_embed": table, **outputs, "final": final}


def offset_table(embeddings):
    """The original repository's table: the scale factor (g + 0.1) / native, not antialiased."""

    def table(_tokens, height, width):
        stored = embeddings.position_embeddings
        side = int((stored.shape[1] - 1) ** 0.5)
        grid = stored[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        factors = ((height // 14 + 0.1) / side, (width // 14 + 0.1) / side)
        grid = torch.nn.functional.interpolate(grid, scale_factor=factors, mode="bicubic")
        return torch.cat([stored[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)

    return table


def case(name, module, pixels, sentence):
    write(__file__, f"dinov2/{name}", sentence, {"pixels": pixels}, run(module, pixels))


def main():
    rng = np.random.default_rng(3)
    native = uniform(rng, 2, 3, 56, 56)
    square = uniform(rng, 1, 3, 70, 70)
    tall = uniform(rng, 1, 3, 70, 56)

    module = upstream.dino(Weights())
    model = f"DINOv2 with 4 registers, SwiGLU hidden 128, {CONFIG}"
    resized = "position table resized to an explicit size, bicubic with antialias"
    case("reg_swiglu", module, native, f"{model}; 56x56.")
    case("reg_swiglu_70x70", module, square, f"{model}; 70x70, {resized}.")
    case("reg_swiglu_70x56", module, tall, f"{model}; 70x56, {resized}.")

    module = upstream.dino(Weights(), swiglu=False)
    case("reg_gelu", module, native, f"DINOv2 with 4 registers, GELU MLP 192, {CONFIG}; 56x56.")

    module = upstream.dino(Weights(), swiglu=False, registers=False)
    model = f"DINOv2 without registers, GELU MLP 192, {CONFIG}"
    case("plain_gelu", module, native, f"{model}; 56x56.")
    size = "mode size: bicubic to an explicit size, not antialiased (transformers)"
    case("plain_gelu_size_70x70", module, square, f"{model}; 70x70, {size}.")
    case("plain_gelu_size_70x56", module, tall, f"{model}; 70x56, {size}.")
    module.embeddings.interpolate_pos_encoding = offset_table(module.embeddings)
    offset = (
        "mode offset: the table is resized by the scale factor (g + 0.1) / native, bicubic, not "
        "antialiased (original repository), and replaces transformers' own"
    )
    case("plain_gelu_offset_70x70", module, square, f"{model}; 70x70, {offset}.")
    case("plain_gelu_offset_70x56", module, tall, f"{model}; 70x56, {offset}.")


if __name__ == "__main__":
    main()
