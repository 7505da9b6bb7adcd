"""Prove that the package of llama.cpp reads the GGUF that we write, and finds the same in it.

`TOOLS` is a virtual environment, `FOLDER` a folder outside of the repository.

    TOOLS/bin/pip install -r tools/roundtrip/gguf_requirements.txt
    cargo run -p calico-formats --example write_gguf -- FOLDER
    TOOLS/bin/python tools/roundtrip/gguf_file.py FOLDER
"""

import argparse
import json
import pathlib

import numpy as np
from gguf import GGUFReader, GGUFValueType

WIDTHS = {"f32": 4, "f16": 2, "bf16": 2}
# What the reader adds to the entries by itself.
OF_READER = "GGUF."


def check_entries(reader, expected):
    found = {key: field for key, field in reader.fields.items() if not key.startswith(OF_READER)}
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for key, (kind, value) in expected.items():
        types = [GGUFValueType[kind]]
        if isinstance(value, list):
            types.insert(0, GGUFValueType.ARRAY)
        assert found[key].types == types, (key, found[key].types)
        if kind == "FLOAT32":
            # JSON has the shortest decimals of a float, Python reads doubles.
            value = np.float32(value).tolist()
        assert found[key].contents() == value, (key, found[key].contents(), value)
    return len(expected)


def check_tensors(reader, expected):
    found = {tensor.name: tensor for tensor in reader.tensors}
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for name, listed in expected.items():
        tensor, width = found[name], WIDTHS[listed["element"]]
        assert tensor.tensor_type.name.lower() == listed["element"], name
        assert tensor.shape.tolist()[::-1] == listed["shape"], (name, tensor.shape)
        assert tensor.data_offset % reader.alignment == 0, name
        bits = np.frombuffer(tensor.data.tobytes(), dtype=f"<u{width}")
        assert " ".join(f"{value:0{2 * width}x}" for value in bits) == listed["bits"], name
    return len(expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    expected = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    reader = GGUFReader(folder / "model.gguf")
    entries = check_entries(reader, expected["entries"])
    tensors = check_tensors(reader, expected["tensors"])
    size, end = (folder / "model.gguf").stat().st_size, reader.tensors[-1].data_offset
    assert size % reader.alignment == 0 and size > end, (size, end)
    print(f"{entries} entries and {tensors} tensors are the same")


if __name__ == "__main__":
    main()
