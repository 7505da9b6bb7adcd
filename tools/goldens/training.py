"""Goldens of training: one micro-batch through the whole model, back, and into the parameters.

The model is that of `calico.py`, the losses are those of LISA and GLaMM with the focal loss of the
paper, and PyTorch differentiates, clips and steps (`clip_grad_norm_`, `AdamW`).
"""

import json
import math
import re
import tomllib

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

from calico import IMAGE, SEG, picture
from common import GOLDENS, synthetic, write
from conversations import Conversation, Vocabulary
from differentiable import Leaves, Model, adapters, dice_loss, everything, focal_loss

CLIP_NORM = 1.0
LEARNING_RATE, BETAS, EPS = 4e-4, (0.9, 0.95), 1e-8
WARM_UP, TOTAL_STEPS = 2, 10
SAMPLED = 512

OPTIMISER = (
    "total = text + 2 focal + 0.5 dice; gradients scaled by min(1, 1 / (norm + 1e-6)), norm over "
    "all trained tensors; AdamW, betas 0.9 and 0.95, eps 1e-8, decoupled weight decay"
)
BATCH = (
    "Two conversations, a and b, as one micro-batch: text is the mean cross-entropy of all "
    "supervised tokens of both (answer and </s>, each predicted one position earlier), focal "
    "(alpha 0.25, gamma 2, mean over pixels) and Dice (sums / 1000, eps 1e-6) are summed over all "
    "masks and divided by (their number + 1e-8), at original resolution. ids: prompt_length of "
    "them are the prompt, -200 stands for an image; mask k belongs to the k-th [SEG], on image "
    "seg_image[k]. The model is that of calico/pair with LoRA beside its matrices. batch.json has "
    "the texts."
)

TEXTS = {
    "a": (
        "The <image> (IMAGE1) and <image> (IMAGE2) provide an overview of the pictures.\n"
        "Which object do they show?",
        "Both show <p> the dog </p> [SEG] (IMAGE1) [SEG] (IMAGE2).",
    ),
    "b": (
        "See <image> (IMAGE1) and <image> (IMAGE2). What do they share, and what is unique?",
        "They share <p> a cup </p> [SEG] (IMAGE2) [SEG] (IMAGE1), and <p> a lid </p> [SEG] "
        "(IMAGE2) is unique.",
    ),
}


def configuration():
    """The preset `tiny`, with those defaults of the program that it does not state."""
    path = GOLDENS.parent / "crates" / "calico-model" / "presets" / "tiny.toml"
    config = tomllib.loads(path.read_text())
    config["seg_proj"] = {}
    config["dino"].setdefault("ln_eps", 1e-6)
    config["sam"]["encoder"].setdefault("ln_eps", 1e-6)
    config["sam"]["decoder"].setdefault("num_mask_tokens", 4)
    return config


def target(rng, size):
    """A disc and a rectangle."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    row, column = rng.integers(0, height), rng.integers(0, width)
    radius = rng.integers(min(size) // 6, min(size) // 3)
    mask = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
    mask[top : top + height // 4, left : left + width // 3] = True
    return mask.astype(np.uint8)


def conversation(rng, text, sizes, seg_image):
    images = [Image.fromarray(picture(rng, *size)) for size in sizes]
    masks = [target(rng, sizes[index]) for index in seg_image]
    vocabulary = Vocabulary(configuration()["llm"]["vocab_size"])
    return Conversation.of(vocabulary, *text, images, seg_image, masks)


def micro_batch():
    rng = np.random.default_rng(9)
    return {
        "a": conversation(rng, TEXTS["a"], [(60, 80), (96, 72)], [0, 1]),
        "b": conversation(rng, TEXTS["b"], [(48, 64), (100, 70)], [1, 0, 1]),
    }


def inputs_of(batch):
    inputs = {}
    for name, sample in batch.items():
        inputs |= {
            f"{name}.ids": np.array(sample.ids),
            f"{name}.prompt_length": np.array([sample.prompt_length]),
            f"{name}.seg_image": np.array(sample.seg_image),
        }
        for index, image in enumerate(sample.images):
            inputs[f"{name}.image{index + 1}"] = np.array(image)
        for index, mask in enumerate(sample.masks):
            inputs[f"{name}.mask{index + 1}"] = mask
    return inputs


def before(name, shape):
    return torch.from_numpy(synthetic(name, shape))


class Run:
    """Training from the synthetic weights on."""

    def __init__(self, is_trained, decay=0.0):
        self.leaves = Leaves(before, is_trained)
        self.model = Model(configuration(), self.leaves)
        self.decay = decay
        self.optimiser = None

    def step(self, batch, learning_rate=LEARNING_RATE):
        """One optimiser step: the losses, the gradients before clipping and their norm."""
        losses = self.model.losses(list(batch.values()))
        for tensor in self.leaves.trained().values():
            tensor.grad = None
        losses["total"].backward()
        trained = self.leaves.trained()
        gradients = {
            name: tensor.grad.clone()
            for name, tensor in trained.items()
            if tensor.grad is not None
        }
        norm = torch.nn.utils.clip_grad_norm_(trained.values(), CLIP_NORM)
        if self.optimiser is None:
            self.optimiser = self.adamw(list(trained.values()))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.step()
        return losses, gradients, norm

    def adamw(self, trained):
        """Weight decay is for matrices and tables, not for norms, biases and single vectors."""
        tables = [tensor for tensor in trained if tensor.dim() > 1]
        vectors = [tensor for tensor in trained if tensor.dim() <= 1]
        groups = [
            {"params": tables, "weight_decay": self.decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, betas=BETAS, eps=EPS, foreach=False)

    def after(self):
        return self.leaves.trained()


def scheduled(step):
    """The learning rate of optimiser step `step`, counted from 1."""
    if step <= WARM_UP:
        return LEARNING_RATE * step / WARM_UP
    return LEARNING_RATE * (TOTAL_STEPS - step) / (TOTAL_STEPS - WARM_UP)


def one_of_each_kind(tensors):
    """The first tensor of each kind: names that differ in the number of a block are one kind."""
    kinds = {}
    for name, tensor in tensors.items():
        kind = re.sub(r"\b(blocks|layers?|cams)\.\d+", r"\1", name)
        kinds.setdefault((kind, tuple(tensor.shape)), name)
    return sorted(kinds.values())


def sampled(tensor):
    """At most SAMPLED values, evenly spaced at an odd step, of the flattened tensor."""
    flat = tensor.detach().flatten()
    return flat[:: math.ceil(len(flat) / SAMPLED) | 1]


def named(prefix, tensors, names=None, of=lambda tensor: tensor):
    return {f"{prefix}.{name}": of(tensors[name]) for name in names or tensors}


def write_json(name, content):
    path = GOLDENS / "training" / f"{name}.json"
    path.write_text(json.dumps(content, indent=2) + "\n")


def adapters_case(batch):
    run = Run(adapters)
    losses, gradients, norm = run.step(batch)
    outputs = {name: value.detach() for name, value in losses.items() if torch.is_tensor(value)}
    for name in ("text", "focal", "dice"):
        for key, values in zip(batch, losses[f"{name}_terms"], strict=True):
            outputs[f"{key}.{name}_terms"] = values
    write(__file__, "training/batch", BATCH, inputs_of(batch), outputs)
    texts = {key: dict(zip(("question", "answer"), text)) for key, text in TEXTS.items()}
    write_json("batch", texts)
    trained = "lora.*, cem.*, cams.* and sam.decoder.* are trained"
    sentence = f"Gradients before clipping, of training/batch; {trained}. {OPTIMISER}."
    outputs = named("gradient", gradients) | {"norm": norm}
    write(__file__, "training/adapters", sentence, {}, outputs)
    sentence = f"Values after one step with weight decay 0 at lr 4e-4; {trained}. {OPTIMISER}."
    write(__file__, "training/adapters_step", sentence, {}, named("after", run.after()))
    return gradients


def decay_case(batch, kinds):
    """A tensor that nothing uses has no gradient, and does not decay either."""
    run = Run(adapters, decay=0.1)
    run.step(batch)
    names = kinds["adapters"] = one_of_each_kind(run.after())
    sentence = (
        "As training/adapters_step with weight decay 0.1 for tensors of two and more dimensions, "
        "one tensor of each kind. The IoU head has no gradient and stays as it is. after: at most "
        "512 values of one tensor of each kind, flattened, at the odd step ceil(n / 512) | 1. "
        f"{OPTIMISER}."
    )
    outputs = named("after", run.after(), names, sampled)
    write(__file__, "training/adapters_decay", sentence, {}, outputs)


def three_steps(batch, kinds):
    run = Run(adapters)
    rates = [scheduled(step) for step in (1, 2, 3)]
    steps = [run.step(batch, rate) for rate in rates]
    names = ("text", "focal", "dice", "total")
    outputs = {name: torch.stack([losses[name] for losses, _, _ in steps]) for name in names}
    outputs["norm"] = torch.stack([norm for _, _, norm in steps])
    outputs |= named("after", run.after(), kinds["adapters"], sampled)
    sentence = (
        "Three steps on training/batch: losses and norms of each, values after the last. Step s, "
        "counted from 1, has lr 4e-4 s / 2 for s <= 2, then 4e-4 (10 - s) / 8; weight decay 0. "
        f"{OPTIMISER}. after: at most 512 values of one tensor of each kind, flattened, at the "
        "odd step ceil(n / 512) | 1."
    )
    inputs = {"learning_rates": np.array(rates, np.float32)}
    write(__file__, "training/three_steps", sentence, inputs, outputs)


def everything_case(batch, of_adapters, kinds):
    run = Run(everything)
    _, gradients, norm = run.step(batch)
    for name, gradient in of_adapters.items():
        assert torch.allclose(gradient, gradients[name], rtol=1e-4, atol=1e-6), name
    names = kinds["everything"] = one_of_each_kind(gradients)
    outputs = named("gradient", gradients, names, sampled)
    outputs |= named("after", run.after(), names, sampled) | {"norm": norm}
    sentence = (
        "As training/adapters and training/adapters_step, but everything is trained, the Gaussian "
        "matrix of SAM excepted; at most 512 values of one tensor of each kind, flattened, at the "
        f"odd step ceil(n / 512) | 1. {OPTIMISER}."
    )
    write(__file__, "training/everything", sentence, {}, outputs)
    rows = []
    for name, tensor in run.after().items():
        if name not in gradients:
            rows.append(f"  {json.dumps(name)}: null")
            continue
        gradient = gradients[name].double().flatten()
        start = before(name, tensor.shape).double().flatten()
        sums = [gradient.sum(), (gradient**2).sum(), (gradient * start).sum()]
        rows.append(f"  {json.dumps(name)}: {[float(value) for value in sums]}")
    path = GOLDENS / "training" / "everything.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    print(f"{len(rows)} tensors, {len(gradients)} with a gradient")


def check_losses():
    """The values that the upstream losses gave to the same four logits."""
    logits, mask = torch.tensor([0.5, -1.0, 2.0, 0.0]), torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert abs(focal_loss(logits, mask) - 0.041076) < 1e-6
    assert abs(dice_loss(logits, mask) - 0.296192) < 1e-6


def check_model():
    """The model is that of `calico.py`: same states for the same conversation."""
    golden = load_file(GOLDENS / "calico" / "pair.safetensors")
    images = [Image.fromarray(golden[f"in.image{index}"]) for index in (1, 2)]
    ids, length = golden["in.ids"].tolist(), int(golden["in.prompt_length"][0])
    assert ids.count(IMAGE) == len(images)
    run = Run(adapters)
    states = []
    run.model.llm.model.register_forward_hook(lambda _m, _i, o: states.append(o.last_hidden_state))
    blank = [np.zeros((image.height, image.width), np.uint8) for image in images]
    seg_image = golden["in.seg_image"].tolist()
    masks = [blank[index] for index in seg_image]
    run.step({"pair": Conversation(images, ids, length, SEG, seg_image, masks)})
    error = np.abs(states[0].detach().numpy() - golden["out.norm"]).max()
    assert error < 1e-5 * np.abs(golden["out.norm"]).max(), error
    stored = json.loads((GOLDENS / "calico" / "tensors.json").read_text())
    shapes = {name: list(tensor.shape) for name, tensor in run.leaves.tensors.items()}
    assert shapes == stored, set(shapes) ^ set(stored)


def main():
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(True)
    check_losses()
    check_model()
    batch = micro_batch()
    gradients = adapters_case(batch)
    kinds = {}
    decay_case(batch, kinds)
    three_steps(batch, kinds)
    everything_case(batch, gradients, kinds)
    write_json("kinds", kinds)


if __name__ == "__main__":
    main()
