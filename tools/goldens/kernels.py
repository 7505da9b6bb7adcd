"""Write the goldens of calico-kernels: blocks of GGUF, and what the package gguf makes of them.

For each format `<format>.blocks` holds random bits, with scales of ordinary size, and
`<format>.values` the f32 that they stand for; `q8_0.input` and `q8_0.quantized` are f32 and their
blocks (only Q8_0 can be quantised by that package). All files are raw and little-endian.
Besides requirements.txt this needs `pip install gguf==0.19.0`.

    python tools/goldens/kernels.py [--out goldens/kernels]
"""

import argparse
import importlib.metadata
import json
import pathlib

import gguf
import numpy as np

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BLOCKS = 8
# Where the numbers of 16 bits lie in a block; all other bits may be anything.
HALVES = {"Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "Q8_0": [0]}


def random_blocks(rng, name, size):
    blocks = rng.integers(0, 256, (BLOCKS, size), np.uint8)
    for at in HALVES[name]:
        halves = rng.normal(0, 0.01, BLOCKS).astype("<f2")
        # The smallest, and one without digits left.
        halves[:2] = np.array([2.0**-24, -0.0], "<f2")
        blocks[:, at : at + 2] = halves.view(np.uint8).reshape(BLOCKS, 2)
    return blocks


def quantisable(rng):
    values = rng.normal(0, 1, (BLOCKS, 32)).astype(np.float32)
    values[1] = 0
    # An outlier, and halves that are rounded away from zero.
    values[2, 5] = 100
    values[3] = np.arange(32) - 15.5
    values[3, 0] = 127
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=REPOSITORY / "goldens" / "kernels")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    for name in HALVES:
        kind = gguf.GGMLQuantizationType[name]
        _, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = random_blocks(rng, name, size)
        values = gguf.quants.dequantize(blocks, kind).astype("<f4")
        (out / f"{name.lower()}.blocks").write_bytes(blocks.tobytes())
        (out / f"{name.lower()}.values").write_bytes(values.tobytes())
    values = quantisable(rng)
    (out / "q8_0.input").write_bytes(values.astype("<f4").tobytes())
    quantized = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
    (out / "q8_0.quantized").write_bytes(quantized.tobytes())
    versions = {name: importlib.metadata.version(name) for name in ["gguf", "numpy"]}
    provenance = {"script": "tools/goldens/kernels.py", **versions}
    (out / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    main()
