"""Prove that the language model that `calico model export --to gguf` writes is the one of the model.

Reads the file with the `gguf` package of llama.cpp and compares it with the model folder that it
was made of: entries, names, shapes, types, every value (the order of rows that rotate together
undone as llama.cpp's converter makes it, low-rank updates added here once more) and the tokenizer.
With `--transformers` or `--llama`, the reader of GGUF in transformers, or llama.cpp itself, loads the
file and goes on with a prompt, and transformers does the same with the weights of the folder: the
tokens have to be the same. Updates of the folder have to be untrained for that, or merged.

`TOOLS` is a virtual environment, `FOLDER` a folder outside of the repository.

    TOOLS/bin/pip install -r tools/roundtrip/gguf_requirements.txt
    calico model init --preset tiny --seed 1 --dtype f16 FOLDER/model
    calico model export FOLDER/model --to gguf --out FOLDER/llm.gguf
    TOOLS/bin/python tools/roundtrip/gguf_export.py FOLDER/model FOLDER/llm.gguf
"""

import argparse
import json
import pathlib
import struct

import numpy as np
from gguf import GGUFReader, LlamaFileType, quants

LAYER = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTER = {"token_embd": "model.embed_tokens", "output": "lm_head", "output_norm": "model.norm"}
FILE_TYPES = {
    "F32": LlamaFileType.ALL_F32, "F16": LlamaFileType.MOSTLY_F16, "BF16": LlamaFileType.MOSTLY_BF16,
}
# Numbers of the kinds of pieces.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def stored(folder):
    """The tensors of a model folder, whole or sharded: type and values in f32."""
    found = {}
    for path in sorted(folder.glob("model*.safetensors")):
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        for name, info in header.items():
            if name != "__metadata__":
                start, end = (8 + length + offset for offset in info["data_offsets"])
                values = floats(data[start:end], info["dtype"]).reshape(info["shape"])
                found[name] = (info["dtype"], values)
    return found


def floats(data, dtype):
    if dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(data, {"F32": "<f4", "F16": "<f2"}[dtype]).astype("<f4")


def rounded(values, dtype):
    """Values as they are after they were stored in this type."""
    if dtype == "F16":
        return values.astype("<f2").astype("<f4")
    if dtype == "BF16":
        bits = np.ascontiguousarray(values, "<f4").view("<u4")
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view("<f4")
    return values


def permuted(values, heads):
    """As `permute` of llama.cpp's converter: rows that rotate together become neighbours."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, 2, half, -1).swapaxes(1, 2).reshape(values.shape)


def expected_tensors(folder, config):
    """By the names of GGUF: type and values."""
    tensors, llm = stored(folder), config["llm"]
    names = {f"{theirs}.weight": f"llm.{ours}.weight" for theirs, ours in OUTER.items()}
    for layer in range(llm["depth"]):
        for theirs, ours in LAYER.items():
            names[f"blk.{layer}.{theirs}.weight"] = f"llm.model.layers.{layer}.{ours}.weight"
    expected = {}
    for theirs, ours in names.items():
        dtype, values = tensors[ours]
        update = ours.replace("llm.model.", "lora.").replace("self_attn.", "")
        update = update.removesuffix("_proj.weight")
        if f"{update}.a" in tensors:
            lora = config["lora"]
            a, b = (tensors[f"{update}.{half}"][1] for half in "ab")
            values = rounded(values + np.float32(lora["alpha"] / lora["rank"]) * (b @ a), dtype)
        if ".attn_q." in theirs or ".attn_k." in theirs:
            heads = llm["num_heads"] if ".attn_q." in theirs else llm["num_kv_heads"]
            values = permuted(values, heads)
        expected[theirs] = ("F32" if values.ndim == 1 else dtype, values)
    return expected


def check_tensors(reader, expected):
    found = {tensor.name: tensor for tensor in reader.tensors}
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for name, (dtype, values) in expected.items():
        tensor = found[name]
        assert tensor.tensor_type.name == dtype, (name, tensor.tensor_type.name, dtype)
        assert tensor.shape.tolist()[::-1] == list(values.shape), (name, tensor.shape)
        read = quants.dequantize(tensor.data, tensor.tensor_type).reshape(values.shape)
        # A sum of a low-rank update may be rounded otherwise; all else has equal bits.
        step = {"F32": 2.0**-20, "F16": 2.0**-10, "BF16": 2.0**-7}[dtype]
        error = np.abs(read - values)
        assert (error <= step * np.abs(values).max()).all(), (name, error.max())
        if not np.array_equal(read, values):
            assert name.split(".")[-2] in ("attn_q", "attn_v"), f"{name} differs"
    return len(expected)


def check_entries(reader, config, dtype):
    llm, value = config["llm"], lambda key: reader.fields[key].contents()
    expected = {
        "general.architecture": "llama",
        "general.file_type": int(FILE_TYPES[dtype]),
        "llama.vocab_size": llm["vocab_size"],
        "llama.context_length": llm["max_positions"],
        "llama.embedding_length": llm["width"],
        "llama.block_count": llm["depth"],
        "llama.feed_forward_length": llm["mlp_hidden"],
        "llama.rope.dimension_count": llm["width"] // llm["num_heads"],
        "llama.attention.head_count": llm["num_heads"],
        "llama.attention.head_count_kv": llm["num_kv_heads"],
        "llama.attention.layer_norm_rms_epsilon": np.float32(llm["rms_eps"]).item(),
        "llama.rope.freq_base": np.float32(llm["rope_theta"]).item(),
    }
    for key, wanted in expected.items():
        assert value(key) == wanted, (key, value(key), wanted)
    return len(expected)


def check_tokenizer(reader, folder, rows):
    """Every token has its row, its text and its kind, and what is merged earlier scores higher."""
    field = lambda name: reader.fields.get(f"tokenizer.ggml.{name}")
    kind = field("model").contents()
    if kind == "none":
        assert field("tokens") is None
        return "no tokenizer, since it has no form that GGUF knows"
    assert kind == "llama", kind
    tokens, scores, kinds = (field(name).contents() for name in ("tokens", "scores", "token_type"))
    assert len(tokens) == len(scores) == len(kinds) == rows
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    added = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    words = {id: text for text, id in tokenizer["model"]["vocab"].items()} | added
    for id, text in enumerate(tokens):
        if id not in words:
            assert kinds[id] == UNUSED, (id, text)
            continue
        assert text == words[id], (id, text, words[id])
        if id in added:
            assert kinds[id] in (UNKNOWN, CONTROL, USER_DEFINED), (text, kinds[id])
        elif len(text) == 6 and text.startswith("<0x"):
            assert kinds[id] == BYTE, text
    for name, text in [("bos", "<s>"), ("eos", "</s>"), ("unknown", "<unk>")]:
        assert tokens[field(f"{name}_token_id").contents()] == text
    merges = tokenizer["model"]["merges"]
    made = ["".join(merge if isinstance(merge, list) else merge.split(" ")) for merge in merges]
    ids = {text: id for id, text in words.items()}
    ranks = [scores[ids[text]] for text in dict.fromkeys(made)]
    assert ranks == sorted(ranks, reverse=True), "a later merge scores higher"
    steps = (tokenizer["normalizer"] or {}).get("normalizers", [])
    assert field("add_space_prefix").contents() == any(step["type"] == "Prepend" for step in steps)
    return f"{rows} pieces and {len(made)} merges"


def with_llama_cpp(file):
    """The logits behind a sequence of ids, by llama.cpp."""
    import llama_cpp

    model = llama_cpp.Llama(str(file), n_ctx=128, logits_all=True, verbose=False, n_threads=1)

    def logits(ids):
        model.reset()
        model.eval(ids)
        return model.scores[len(ids) - 1]

    return logits


def with_transformers(file):
    """The same by the reader of GGUF in transformers."""
    import torch
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    return lambda ids: model.eval()(torch.tensor([ids])).logits[0, -1].numpy()


def check_tokens(folder, theirs, vocabulary, tokens=24):
    """A reader of the file and transformers with the weights of the folder go on alike."""
    import torch
    from peft_adapters import llama

    model = llama(folder)
    ours = lambda ids: model(torch.tensor([ids])).logits[0, -1].numpy()
    ids = np.random.default_rng(7).integers(0, vocabulary, 12).tolist()
    largest = 0.0
    for _ in range(tokens):
        expected, found = ours(ids), theirs(ids)
        assert found.argmax() == expected.argmax(), (ids, found.argmax(), expected.argmax())
        largest = max(largest, float(np.abs(found - expected).max() / np.abs(expected).max()))
        ids.append(int(expected.argmax()))
    return f"{tokens} tokens are the same; logits differ by {largest:.1e} of the largest at most"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="the model folder")
    parser.add_argument("file", type=pathlib.Path, help="what was exported of it")
    parser.add_argument("--transformers", action="store_true", help="load it in transformers, too")
    parser.add_argument("--llama", action="store_true", help="load it in llama.cpp, too")
    arguments = parser.parse_args()
    config = json.loads((arguments.model / "config.json").read_text())
    reader = GGUFReader(arguments.file)
    expected = expected_tensors(arguments.model, config)
    entries = check_entries(reader, config, expected["token_embd.weight"][0])
    tensors = check_tensors(reader, expected)
    tokenizer = check_tokenizer(reader, arguments.model, config["llm"]["vocab_size"])
    print(f"{entries} entries and {tensors} tensors are the same; {tokenizer}")
    readers = [("transformers", with_transformers), ("llama", with_llama_cpp)]
    for name, load in readers:
        if getattr(arguments, name):
            vocabulary = config["llm"]["vocab_size"]
            print(f"{name}: {check_tokens(arguments.model, load(arguments.file), vocabulary)}")


if __name__ == "__main__":
    main()
