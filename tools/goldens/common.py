"""What every golden script shares: synthetic weights, inputs, stage capture and the writer.

The rule for the weights is the one in README.md; `Weights.tensor` is its reference
implementation and `goldens/synthetic.json` (written by `synthetic.py`) its test vector.
"""

import json
import platform
from pathlib import Path

import numpy as np
import PIL
import safetensors
import torch
import transformers
from safetensors.numpy import save_file

GOLDENS = Path(__file__).resolve().parents[2] / "goldens"

# Embeddings are stored as `*.weight` but have no fan-in to divide by.
EMBEDDINGS = (
    "embed_tokens",
    "iou_token",
    "mask_tokens",
    "no_mask_embed",
    "not_a_point_embed",
    "point_embeddings",
)

torch.set_num_threads(1)  # a fixed summation order, so that two runs write the same bytes
torch.set_grad_enabled(False)


def unit(name, count):
    """`count` numbers in [0, 1), a pure function of `name`, in f64."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64)
        z = np.uint64(h) + steps * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


def synthetic(name, shape):
    """The f32 array that stands for the canonical tensor `name` of `shape`."""
    shape = tuple(int(size) for size in shape)
    u = unit(name, int(np.prod(shape)))
    s = 2.0 * u - 1.0
    if name.endswith(".gamma"):
        values = 0.1 + 0.9 * u
    elif len(shape) == 1:
        values = 1.0 + 0.2 * s if name.endswith(".weight") else 0.2 * s
    elif name.endswith("positional_encoding_gaussian_matrix"):
        values = s
    elif name.startswith("lora."):
        values = s / np.sqrt(float(shape[1]))
    elif not name.endswith(".weight") or any(part in name for part in EMBEDDINGS):
        values = 0.5 * s
    else:
        values = s / np.sqrt(float(np.prod(shape[1:])))
    return values.astype(np.float32).reshape(shape)


class Weights:
    """Makes synthetic tensors and remembers the name and shape of each."""

    def __init__(self):
        self.shapes = {}

    def tensor(self, name, shape):
        shape = list(shape)
        if self.shapes.setdefault(name, shape) != shape:
            raise ValueError(f"{name}: {self.shapes[name]} and {shape}")
        return torch.from_numpy(synthetic(name, shape))

    def linear(self, name, inputs, outputs):
        """A `torch.nn.Linear` with bias."""
        module = torch.nn.Linear(inputs, outputs)
        module.weight.copy_(self.tensor(f"{name}.weight", [outputs, inputs]))
        module.bias.copy_(self.tensor(f"{name}.bias", [outputs]))
        return module


def uniform(rng, *shape):
    """Inputs in [-2, 2) on a grid of 1/64: exact in f32 and f16, and they compress well."""
    return torch.from_numpy((rng.integers(-128, 128, shape) / 64.0).astype(np.float32))


class Capture:
    """Keeps the output of each named module during a forward pass."""

    def __init__(self, modules):
        self.outputs = {}
        self.handles = [
            module.register_forward_hook(self._keep(name)) for name, module in modules.items()
        ]

    def _keep(self, name):
        def hook(_module, _inputs, output):
            self.outputs[name] = output

        return hook

    def __enter__(self):
        return self.outputs

    def __exit__(self, *_error):
        for handle in self.handles:
            handle.remove()


def numbered(prefix, modules):
    """`{prefix}.0`, `{prefix}.1`, ... for a module list."""
    return {f"{prefix}.{i}": module for i, module in enumerate(modules)}


def write(script, case, sentence, inputs, outputs):
    """Writes `goldens/{case}.safetensors`; `case` is `<component>/<name>`."""
    tensors = {f"in.{name}": value for name, value in inputs.items()}
    tensors |= {f"out.{name}": value for name, value in outputs.items()}
    arrays = {}
    for name, value in tensors.items():
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        if name.startswith("out.") and array.dtype != np.float32:
            raise TypeError(f"{name} is {array.dtype}")
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
        arrays[name] = np.ascontiguousarray(array)
    provenance = {
        "script": f"tools/goldens/{Path(script).name}",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "numpy": np.__version__,
            "pillow": PIL.__version__,
            "safetensors": safetensors.__version__,
        },
        "case": sentence,
    }
    path = GOLDENS / f"{case}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, path, metadata={"provenance": json.dumps(provenance, sort_keys=True)})
    print(f"{case}  {path.stat().st_size / 1024:.0f} KiB")
    for name in sorted(arrays):
        print(f"  {name} {list(arrays[name].shape)} {arrays[name].dtype}")
