"""Goldens of the basic operations and losses, with all their gradients, from PyTorch.

A case holds its arguments, a weight for each value of the result (`in.grad`), the result (`out.y`)
and, for each argument that learns, the gradient of the weighted sum (`out.grad.<argument>`).
PyTorch computes in f64, so the goldens are the truth to the last digit of f32.
"""

import numpy as np
import torch
from torch.nn import functional

from common import uniform, write

SCALE = 0.5
EPS = 1e-5
IGNORED = -100


def double(value):
    return value.double() if value.is_floating_point() else value


def record(name, sentence, learning, function, fixed=None):
    """Writes one case: `function` of the arguments `learning`, then of the arguments `fixed`."""
    fixed = fixed or {}
    rng = np.random.default_rng(sum(name.encode()))
    leaves = {key: value.double().requires_grad_() for key, value in learning.items()}
    with torch.enable_grad():
        result = function(*leaves.values(), *map(double, fixed.values()))
        weights = uniform(rng, *result.shape) if result.shape else torch.tensor(1.25)
        gradients = torch.autograd.grad((result * weights.double()).sum(), list(leaves.values()))
    outputs = {"y": result.detach().float()}
    outputs |= {f"grad.{key}": grad.float() for key, grad in zip(leaves, gradients, strict=True)}
    write(__file__, f"operations/{name}", sentence, learning | fixed | {"grad": weights}, outputs)


def attention(q, k, v, bias=None):
    """softmax(scale q kT + bias) v, where several query heads may share a key head."""
    times = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(times, dim=1) for x in (k, v))
    scores = SCALE * q @ k.transpose(2, 3)
    return (scores if bias is None else scores + bias).softmax(-1) @ v


def causal(q, k, v):
    queries, keys = q.shape[2], k.shape[2]
    hidden = torch.ones(queries, keys).triu(keys - queries + 1).bool()
    return attention(q, k, v, torch.zeros(queries, keys).double().masked_fill(hidden, -torch.inf))


def packed(q, k, v, lengths):
    parts = zip(*(x.split(lengths.tolist(), dim=2) for x in (q, k, v)), strict=True)
    return torch.cat([causal(*part) for part in parts], dim=2)


def decomposed(q, k, v, rows, columns):
    bias = rows[..., :, None] + columns[..., None, :]
    return attention(q, k, v, bias.flatten(3))


def relative(q, k, v, rows, columns):
    """SAM's: the bias is the product of the query with an entry of a table for each distance."""
    height, width = (len(rows) + 1) // 2, (len(columns) + 1) // 2
    grid = q.unflatten(2, (height, width))

    def table(entries, side):
        places = torch.arange(side)
        return entries[places[:, None] - places[None, :] + side - 1]

    along_rows = torch.einsum("bnhwc,hkc->bnhwk", grid, table(rows, height)).flatten(2, 3)
    along_columns = torch.einsum("bnhwc,wkc->bnhwk", grid, table(columns, width)).flatten(2, 3)
    return decomposed(q, k, v, along_rows, along_columns)


def rotary(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def focal(logits, targets, alpha, gamma):
    p = logits.sigmoid()
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    right = p * targets + (1 - p) * (1 - targets)
    weight = alpha * targets + (1 - alpha) * (1 - targets) if alpha >= 0 else 1.0
    return (weight * (1 - right) ** gamma * entropy).flatten(1).mean(1)


def entropy(logits, targets):
    loss = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return loss.flatten(1).mean(1)


def dice(logits, targets):
    p, t = logits.sigmoid().flatten(1), targets.flatten(1)
    above = 2 * (p * t).sum(1) / 1000 + 1e-6
    return 1 - above / (p.sum(1) / 1000 + t.sum(1) / 1000 + 1e-6)


def record_attention(rng):
    def heads(q, k, **others):
        shapes = {"q": q, "k": k, "v": k} | others
        return {key: uniform(rng, *shape) for key, shape in shapes.items()}

    note = f"softmax({SCALE} q kT + bias) v"
    whole = heads((2, 3, 5, 8), (2, 3, 7, 8))
    record("attention", f"{note}, no bias.", whole, attention)
    record("attention_causal", f"{note}, the last 5 of 7 positions ask.", whole, causal)
    full = whole | {"bias": uniform(rng, 2, 3, 5, 7)}
    record("attention_full", f"{note}, one bias per score.", full, attention)
    grouped = heads((2, 4, 3, 8), (2, 2, 5, 8))
    record("attention_grouped", f"{note}, causal, 2 of 4 heads share keys.", grouped, causal)
    one = heads((1, 2, 11, 8), (1, 2, 11, 8))
    lengths = {"lengths": torch.tensor([4, 1, 6])}
    record("attention_packed", f"{note}, causal within each of 3 sequences.", one, packed, lengths)
    grid = heads((2, 2, 6, 4), (2, 2, 6, 4), rows=(2, 2, 6, 2), columns=(2, 2, 6, 3))
    record("attention_decomposed", f"{note} of rows and columns of 2 x 3 keys.", grid, decomposed)
    tables = heads((2, 2, 6, 4), (2, 2, 6, 4), rows=(3, 4), columns=(5, 4))
    record("attention_relative", f"{note} from tables of distances on 2 x 3.", tables, relative)


def record_rows(rng):
    x, other = uniform(rng, 2, 5, 18), uniform(rng, 2, 5, 18)
    weight, bias = uniform(rng, 18), uniform(rng, 18)
    matrix = {"x": x, "weight": uniform(rng, 7, 18), "bias": uniform(rng, 7)}
    record("linear", "x wT + b.", matrix, functional.linear)
    record(
        "layer_norm",
        f"Over the last axis, eps {EPS}.",
        {"x": x, "weight": weight, "bias": bias},
        lambda x, weight, bias: functional.layer_norm(x, (18,), weight, bias, EPS),
    )
    record(
        "rms_norm",
        f"Over the last axis, eps {EPS}.",
        {"x": x, "weight": weight},
        lambda x, weight: functional.rms_norm(x, (18,), weight, EPS),
    )
    record("softmax", "Over the last axis.", {"x": 3 * x}, lambda x: x.softmax(-1))
    record("gelu", "The exact form.", {"x": 2 * x}, functional.gelu)
    gated = {"gate": 2 * x, "up": other}
    record("swiglu", "silu(gate) up.", gated, lambda gate, up: functional.silu(gate) * up)
    angles = torch.arange(5)[:, None] * 10000.0 ** (-torch.arange(4) / 4)[None, :]
    record(
        "rotary",
        "Channel j turns with channel j + K/2, theta 10000.",
        {"x": uniform(rng, 2, 3, 5, 8)},
        rotary,
        {"cos": angles.cos(), "sin": angles.sin()},
    )
    record(
        "embedding",
        "Rows of a table; some ids repeat, some rows are never looked up.",
        {"table": uniform(rng, 9, 6)},
        lambda table, ids: functional.embedding(ids, table),
        {"ids": torch.tensor([3, 0, 3, 8, 5, 3, 0])},
    )


def record_pictures(rng):
    record(
        "convolution",
        "Kernels of 3 x 3, padding 1, stride 1.",
        {"x": uniform(rng, 2, 3, 6, 5), "weight": uniform(rng, 4, 3, 3, 3)},
        lambda x, weight: functional.conv2d(x, weight, padding=1),
    )
    for name, size in {"up": (12, 14), "down": (3, 4), "mixed": (9, 5)}.items():
        record(
            f"bilinear_{name}",
            f"From 6 x 7 to {size[0]} x {size[1]}, corners not aligned, no antialias.",
            {"x": uniform(rng, 2, 3, 6, 7)},
            lambda x, size=size: functional.interpolate(
                x, size=size, mode="bilinear", align_corners=False
            ),
        )


def record_losses(rng):
    record(
        "cross_entropy",
        f"Mean over the targets that are not {IGNORED}.",
        {"logits": 3 * uniform(rng, 6, 11)},
        lambda logits, targets: functional.cross_entropy(logits, targets, ignore_index=IGNORED),
        {"targets": torch.tensor([4, IGNORED, 0, 10, IGNORED, 4])},
    )
    shares = rng.integers(0, 5, (6, 8)) / 1.0
    shares[[1, 4]] = 0.0
    shares = torch.from_numpy(shares / np.maximum(shares.sum(1, keepdims=True), 1.0)).float()
    counted = shares.sum(1) > 0
    record(
        "soft_cross_entropy",
        "Mean over the rows whose targets sum to 1; those of rows 1 and 4 are zero.",
        {"logits": 3 * uniform(rng, 6, 8)},
        lambda logits, targets: functional.cross_entropy(logits[counted], targets[counted]),
        {"targets": shares},
    )
    logits = {"logits": 3 * uniform(rng, 3, 6, 5)}
    targets = {"targets": torch.from_numpy(rng.integers(0, 2, (3, 6, 5)).astype(np.float32))}
    targets["targets"][2] = 0.0
    note = "Mean over the pixels of each mask, the last one empty"
    record("binary_cross_entropy", f"{note}.", logits, entropy, targets)
    for name, alpha, gamma in [("focal", 0.25, 2.0), ("focal_plain", -1.0, 1.5)]:
        record(
            name,
            f"{note}; alpha {alpha}, gamma {gamma}.",
            logits,
            lambda x, t, alpha=alpha, gamma=gamma: focal(x, t, alpha, gamma),
            targets,
        )
    record("dice", "Sums over 1000, eps 1e-6; the last mask is empty.", logits, dice, targets)


def main():
    rng = np.random.default_rng(21)
    record_attention(rng)
    record_rows(rng)
    record_pictures(rng)
    record_losses(rng)


if __name__ == "__main__":
    main()
