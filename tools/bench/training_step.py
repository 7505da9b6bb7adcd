"""Training steps (forward and backward, every parameter trained) here and in PyTorch.

    cargo build --release -p calico-nn --example training_step
    python tools/bench/training_step.py target/release/examples/training_step

The same networks, sizes and types (f32) on both sides, two threads, in turns in the same run: a
busy machine slows both. PyTorch runs eagerly, with its own fused attention where that is faster.
Prints a table, and with `--json FILE` writes all times. Ratios above 1 mean that we are faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F


class Decoder(nn.Module):
    """A decoder block as LLaMA's."""

    def __init__(self, width, hidden, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(width, 1e-6), nn.RMSNorm(width, 1e-6)
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(width, hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(hidden, width, bias=False)

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, cos, sin):
        normed = self.norm1(x)
        q = turn(self.split(self.q(normed)), cos, sin)
        k = turn(self.split(self.k(normed)), cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, self.split(self.v(normed)), is_causal=True)
        x = x + self.o(mixed.transpose(1, 2).flatten(2))
        normed = self.norm2(x)
        return x + self.down(F.silu(self.gate(normed)) * self.up(normed))


def turn(x, cos, sin):
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


class DecoderNetwork(nn.Module):
    def __init__(self, width, hidden, heads):
        super().__init__()
        self.blocks = nn.ModuleList(Decoder(width, hidden, heads) for _ in range(6))
        half = width // heads // 2
        steps = 1e4 ** (-torch.arange(half) / half)
        angles = torch.arange(128)[:, None] * steps
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, x):
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return x


class Encoder(nn.Module):
    """An encoder block as SAM's."""

    def __init__(self, width, heads, window, fused):
        super().__init__()
        self.heads, self.window, self.fused = heads, window, fused
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.lin1, self.lin2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        side = window or 32
        self.rel_pos_h = nn.Parameter(0.02 * torch.randn(2 * side - 1, width // heads))
        self.rel_pos_w = nn.Parameter(0.02 * torch.randn(2 * side - 1, width // heads))
        place = torch.arange(side)
        self.register_buffer("distance", place[:, None] - place[None, :] + side - 1)

    def attend(self, x):
        batch, h, w, width = x.shape
        qkv = self.qkv(x).reshape(batch, h * w, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, batch * self.heads, h * w, -1).unbind(0)
        grid = q.reshape(batch * self.heads, h, w, -1)
        rows = torch.einsum("bhwc,hkc->bhwk", grid, self.rel_pos_h[self.distance])
        columns = torch.einsum("bhwc,wkc->bhwk", grid, self.rel_pos_w[self.distance])
        bias = (rows[..., None] + columns[..., None, :]).reshape(-1, h * w, h * w)
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        else:
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1) + bias
            mixed = scores.softmax(-1) @ v
        mixed = mixed.view(batch, self.heads, h, w, -1).permute(0, 2, 3, 1, 4)
        return self.proj(mixed.reshape(batch, h, w, width))

    def forward(self, x):
        normed = self.norm1(x)
        if self.window:
            batch, h, w, width = x.shape
            side = self.window
            rows, columns = -(-h // side), -(-w // side)
            normed = F.pad(normed, (0, 0, 0, columns * side - w, 0, rows * side - h))
            normed = normed.view(batch, rows, side, columns, side, width).transpose(2, 3)
            mixed = self.attend(normed.reshape(-1, side, side, width))
            mixed = mixed.view(batch, rows, columns, side, side, width).transpose(2, 3)
            mixed = mixed.reshape(batch, rows * side, columns * side, width)[:, :h, :w]
        else:
            mixed = self.attend(normed)
        x = x + mixed
        return x + self.lin2(F.gelu(self.lin1(self.norm2(x))))


class EncoderNetwork(nn.Module):
    def __init__(self, fused):
        super().__init__()
        self.blocks = nn.Sequential(*(Encoder(256, 4, side, fused) for side in [14, 14, 14, None]))

    def forward(self, x):
        return self.blocks(x)


CASES = {
    "decoder-192": [(lambda: DecoderNetwork(192, 512, 6), (8, 128, 192))],
    "decoder-512": [(lambda: DecoderNetwork(512, 1376, 8), (8, 128, 512))],
    "encoder-256": [
        (lambda: EncoderNetwork(True), (2, 32, 32, 256)),
        (lambda: EncoderNetwork(False), (2, 32, 32, 256)),
    ],
}


def steps_of(network, x, steps):
    """Seconds of forward and backward of each step, after one that is not counted."""
    forwards, backwards = [], []
    for step in range(steps + 1):
        network.zero_grad(set_to_none=True)
        start = time.perf_counter()
        loss = network(x).square().mean()
        middle = time.perf_counter()
        loss.backward()
        if step:
            forwards.append(middle - start)
            backwards.append(time.perf_counter() - middle)
    return {"forward": forwards, "backward": backwards}


def total(times):
    return [a + b for a, b in zip(times["forward"], times["backward"])]


def extend(all_times, times):
    for part in ("forward", "backward"):
        all_times.setdefault(part, []).extend(times[part])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the built example training_step")
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="per round and side")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", help="where to write all times")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads)}
    results = []
    print("| Case | Here, s | PyTorch, s | Forward | Backward | Step |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in options.cases:
        forms = [(make(), torch.randn(shape)) for make, shape in CASES[case]]
        ours, theirs = {}, [{} for _ in forms]
        for _ in range(options.rounds):
            command = [options.program, case, str(options.steps)]
            extend(ours, json.loads(subprocess.check_output(command, env=environment)))
            for (network, x), times in zip(forms, theirs):
                extend(times, steps_of(network, x, options.steps))
        best = min(theirs, key=lambda times: statistics.median(total(times)))
        median = statistics.median
        ratio = {part: median(best[part]) / median(ours[part]) for part in ("forward", "backward")}
        ratio["step"] = median(total(best)) / median(total(ours))
        seconds = [median(total(ours)), median(total(best))]
        shown = [f"{value:.4f}" for value in seconds] + [f"{r:.2f}x" for r in ratio.values()]
        print(f"| {case} | {' | '.join(shown)} |", flush=True)
        results.append({"case": case, "ours": ours, "pytorch": theirs, "ratio": ratio})
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            head = {"threads": options.threads, "torch": torch.__version__}
            json.dump(head | {"results": results}, file)


if __name__ == "__main__":
    main()
