"""Steps of PyTorch's Muon, with its polynomial in f32 instead of bf16.

Writes `goldens/training/muon.safetensors`. The rate is matched to AdamW's, as our optimiser does.
"""

from unittest import mock

import torch

from common import synthetic, write

RATE, DECAY, STEPS = 0.02, 0.1, 3
SHAPES = {"square": (24, 24), "tall": (40, 16), "wide": (16, 40)}


def main():
    inputs, outputs = {}, {}
    # PyTorch rounds to bf16 before the polynomial, where it asks for `torch.bfloat16`.
    with torch.enable_grad(), mock.patch.object(torch, "bfloat16", torch.float32):
        for name, shape in SHAPES.items():
            value = torch.nn.Parameter(torch.from_numpy(synthetic(f"{name}.weight", shape)))
            optimiser = torch.optim.Muon(
                [value],
                lr=RATE,
                weight_decay=DECAY,
                momentum=0.95,
                nesterov=True,
                adjust_lr_fn="match_rms_adamw",
            )
            inputs[f"{name}.value"] = value.detach().clone().numpy()
            for step in range(1, STEPS + 1):
                gradient = synthetic(f"{name}.gradient{step}.weight", shape)
                inputs[f"{name}.gradient{step}"] = gradient
                value.grad = torch.from_numpy(gradient.copy())
                optimiser.step()
                outputs[f"{name}.step{step}"] = value.detach().clone().numpy()
    sentence = f"Muon, rate {RATE}, weight decay {DECAY}, {STEPS} steps, polynomial in f32"
    write(__file__, "training/muon", sentence, inputs, outputs)


if __name__ == "__main__":
    main()
