"""One step of the recipe `adapters` at true width and two blocks per module, in PyTorch.

By hand, with the libraries of tools/goldens/requirements.txt and 12 GB of memory:

    calico model init --config tools/bench/true_width.toml --seed 1 --dtype f32 DIR/model
    python tools/bench/true_width.py prepare DIR
    python tools/bench/true_width.py run DIR
    calico train tools/bench/true_width_step.toml --model DIR/model --data DIR/data --out DIR/run
    python tools/bench/true_width.py compare DIR DIR/run/metrics.jsonl

`prepare` writes a data set of one sample and gives values to the tensors that begin as zeros,
which would otherwise hide mistakes. `run` writes DIR/pytorch.json: losses, gradient norms, peak
memory. `compare` reads the first row of a `metrics.jsonl` and fails if it differs.
"""

import argparse
import hashlib
import json
import resource
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco
from safetensors import safe_open

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "goldens"))

from common import synthetic  # noqa: E402
from conversations import Conversation, Vocabulary  # noqa: E402
from differentiable import Leaves, Model, adapters  # noqa: E402

PHOTOGRAPHS = ("cat", "rocket")
QUESTION = (
    "The <image> (IMAGE1) and <image> (IMAGE2) provide an overview of the pictures.\n"
    "What do they share?"
)
ANSWER = (
    "They share <p> the body </p> [SEG] (IMAGE1) [SEG] (IMAGE2) and <p> the tip </p> [SEG] "
    "(IMAGE1) [SEG] (IMAGE2)."
)
# Image, then centre and half axes of an ellipse as shares of width and height; per [SEG].
ELLIPSES = [
    (0, (0.45, 0.50, 0.30, 0.40)),
    (1, (0.50, 0.55, 0.12, 0.38)),
    (0, (0.20, 0.30, 0.08, 0.12)),
    (1, (0.50, 0.22, 0.06, 0.10)),
]
OBJECT, PARTS = "thing", ("body", "body", "tip", "tip")
# A share of its synthetic values for each tensor that begins as zeros.
SHARE = 0.1
TOLERANCE = 1e-4


def ellipse(size, shape):
    width, height = size
    x, y, a, b = shape
    rows, columns = np.mgrid[:height, :width]
    across = ((columns + 0.5) / width - x) / a
    down = ((rows + 0.5) / height - y) / b
    return (across**2 + down**2 <= 1).astype(np.uint8)


def json_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_data(folder):
    """A data set of one training sample; pictures are PNG, so that both sides see equal pixels."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    images, pictures = [], []
    for name in PHOTOGRAPHS:
        with Image.open(ROOT / "examples" / f"{name}.jpg") as photograph:
            picture = photograph.convert("RGB")
        path = folder / "pictures" / f"{name}.png"
        # Without metadata: masks follow stored pixels.
        Image.fromarray(np.array(picture)).save(path)
        pictures.append(picture)
        images.append(
            {
                "image_id": f"bench/{name}",
                "source": "bench",
                "file_name": path.name,
                "width": picture.width,
                "height": picture.height,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "split": "train",
                "seen": sorted({f"{OBJECT}/{part}" for part in PARTS}),
            }
        )
    regions = []
    for index, ((image, shape), part) in enumerate(zip(ELLIPSES, PARTS, strict=True)):
        mask = ellipse(pictures[image].size, shape)
        run_lengths = coco.encode(np.asfortranarray(mask))
        regions.append(
            {
                "region_id": index,
                "image_id": images[image]["image_id"],
                "object_label": OBJECT,
                "part_label": part,
                "raw_ids": [index],
                "area": int(mask.sum()),
                "bbox": [int(value) for value in coco.toBbox(run_lengths)],
                "rle": {"size": list(mask.shape), "counts": run_lengths["counts"].decode()},
            }
        )
    sample = {
        "sample_id": "train-000000",
        "source": "bench",
        "subtask": "common_parts",
        "class_a": OBJECT,
        "class_b": OBJECT,
        "image_ids": [image["image_id"] for image in images],
        "question": QUESTION,
        "answer": ANSWER,
        "region_ids": list(range(len(regions))),
        "image_index": [image + 1 for image, _ in ELLIPSES],
        "template_ids": {"prefix": "P1", "question": "CP1", "answer": "CP1"},
        "ambiguous": False,
    }
    json_lines(folder / "images" / "train.jsonl", images)
    json_lines(folder / "regions" / "train.jsonl", regions)
    json_lines(folder / "samples" / "train-00000-of-00001.jsonl", [sample])
    (folder / "roots.toml").write_text('[roots]\nbench = "pictures"\n')


def weight_files(model):
    return sorted(model.glob("*.safetensors"))


def fill_zeros(model):
    """Writes values over the tensors of LoRA and the CAMs that are zero, where they are stored."""
    filled = 0
    for path in weight_files(model):
        with open(path, "r+b") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
            for name, entry in header.items():
                if not name.startswith(("lora.", "cams.")):
                    continue
                if entry["dtype"] != "F32":
                    raise SystemExit(f"{name} is {entry['dtype']}; make the model with --dtype f32")
                begin, end = entry["data_offsets"]
                file.seek(8 + length + begin)
                if any(file.read(end - begin)):
                    continue
                values = synthetic(name, entry["shape"]) * np.float32(SHARE)
                file.seek(8 + length + begin)
                file.write(values.tobytes())
                filled += 1
    print(f"gave values to {filled} tensors that were zero")


class Stored:
    """The tensors of a model folder, in f32."""

    def __init__(self, model):
        self.files = [safe_open(path, "pt") for path in weight_files(model)]
        self.places = {name: file for file in self.files for name in file.keys()}

    def __call__(self, name, shape):
        tensor = self.places[name].get_tensor(name).float()
        if list(tensor.shape) != list(shape):
            raise ValueError(f"{name}: {list(tensor.shape)} in the file, expected {list(shape)}")
        return tensor


def the_sample(data, vocabulary_size):
    images = [Image.open(data / "pictures" / f"{name}.png").convert("RGB") for name in PHOTOGRAPHS]
    masks = [ellipse(images[image].size, shape) for image, shape in ELLIPSES]
    seg_image = [image for image, _ in ELLIPSES]
    vocabulary = Vocabulary(vocabulary_size)
    return Conversation.of(vocabulary, QUESTION, ANSWER, images, seg_image, masks)


def module_of(name):
    return "sam.decoder" if name.startswith("sam.decoder") else name.split(".")[0]


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(folder, threads):
    torch.set_num_threads(threads)
    torch.set_grad_enabled(True)
    model = folder / "model"
    config = json.loads((model / "config.json").read_text())
    leaves = Leaves(Stored(model), adapters)
    network = Model(config, leaves)
    sample = the_sample(folder / "data", config["llm"]["vocab_size"])
    started = time.perf_counter()
    losses = network.losses([sample])
    forward = time.perf_counter() - started
    losses["total"].backward()
    seconds = time.perf_counter() - started
    squares = {}
    trained = leaves.trained()
    for name, tensor in trained.items():
        if tensor.grad is not None:
            square = float((tensor.grad.double() ** 2).sum())
            squares[module_of(name)] = squares.get(module_of(name), 0.0) + square
    found = {
        "text_loss": float(losses["text"].detach()),
        "mask_loss": float(losses["focal"].detach()),
        "dice_loss": float(losses["dice"].detach()),
        "loss": float(losses["total"].detach()),
        "gradient_norm": sum(squares.values()) ** 0.5,
        "gradient_norm_of": {module: square**0.5 for module, square in squares.items()},
        "trained_values": sum(tensor.numel() for tensor in trained.values()),
        "tokens": len(sample.ids) - sample.prompt_length,
        "masks": len(sample.masks),
        "forward_seconds": round(forward, 2),
        "step_seconds": round(seconds, 2),
        "peak_memory_gb": round(peak_memory() / 1e9, 2),
        "threads": threads,
        "torch": torch.__version__,
    }
    text = json.dumps(found, indent=2)
    (folder / "pytorch.json").write_text(text + "\n")
    print(text)


def compare(folder, metrics):
    """Whether the first step in a `metrics.jsonl` is what PyTorch found."""
    wanted = json.loads((folder / "pytorch.json").read_text())
    rows = (json.loads(line) for line in metrics.read_text().splitlines() if line.strip())
    row = next((row for row in rows if "gradient_norm" in row), None)
    if row is None:
        raise SystemExit(f"{metrics} has no row of a step")
    worst = 0.0
    for key in ("text_loss", "mask_loss", "dice_loss", "loss", "gradient_norm"):
        error = abs(row[key] - wanted[key]) / max(abs(wanted[key]), 1e-12)
        worst = max(worst, error)
        print(f"{key:14} ours {row[key]:.8f}  PyTorch {wanted[key]:.8f}  relative {error:.2e}")
    if worst > TOLERANCE:
        raise SystemExit(f"the largest relative error is {worst:.2e}; allowed are {TOLERANCE:.0e}")
    print("equal")


def check_configuration(folder):
    """The model folder must be the one that true_width.toml describes."""
    wanted = tomllib.loads((ROOT / "tools" / "bench" / "true_width.toml").read_text())
    config = json.loads((folder / "model" / "config.json").read_text())
    for section in ("eva", "qformer", "llm", "dino"):
        found, expected = config[section]["depth"], wanted[section]["depth"]
        if found != expected:
            raise SystemExit(f"{section}.depth is {found}; make the model with true_width.toml")


def main():
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("command", choices=["prepare", "run", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("metrics", type=Path, nargs="?")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.command == "prepare":
        check_configuration(arguments.folder)
        write_data(arguments.folder / "data")
        fill_zeros(arguments.folder / "model")
    elif arguments.command == "run":
        run(arguments.folder, arguments.threads)
    elif arguments.metrics is None:
        parser.error("compare needs METRICS")
    else:
        compare(arguments.folder, arguments.metrics)


if __name__ == "__main__":
    main()
