"""Prove that the peft package reads our adapters and means the same by them.

Needs what `requirements.txt` in tools/goldens lists. Everything below a FOLDER outside of the
repository; `make` draws adapters with peft, because those of an untrained model change nothing.

    calico model init --preset tiny --seed 1 --dtype f32 FOLDER/model
    python tools/roundtrip/peft_adapters.py make FOLDER
    calico model adapters apply FOLDER/model FOLDER/drawn --out FOLDER/applied
    calico model adapters export FOLDER/applied --out FOLDER/exported
    calico model adapters merge FOLDER/applied --out FOLDER/merged
    python tools/roundtrip/peft_adapters.py compare FOLDER
"""

import argparse
import json
import pathlib

import numpy as np
import peft
import torch
from safetensors import safe_open
from transformers import LlamaConfig, LlamaForCausalLM

PREFIX = "llm."
RANK = 4
ALPHA = 6
PROMPT = 48
# Of the largest logit; the merged sum is rounded once more than the one that peft makes.
TOLERANCE = 1e-5

torch.set_grad_enabled(False)


def tensors(folder):
    """The tensors of a model folder, whole or sharded, as they are stored."""
    found = {}
    for path in sorted(folder.glob("model*.safetensors")):
        with safe_open(path, "pt") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}
    return found


def llama(folder):
    """The language model of a model folder, in transformers, in f32."""
    llm = json.loads((folder / "config.json").read_text())["llm"]
    config = LlamaConfig(
        vocab_size=llm["vocab_size"],
        hidden_size=llm["width"],
        intermediate_size=llm["mlp_hidden"],
        num_hidden_layers=llm["depth"],
        num_attention_heads=llm["num_heads"],
        num_key_value_heads=llm["num_kv_heads"],
        max_position_embeddings=llm["max_positions"],
        rms_norm_eps=llm["rms_eps"],
        rope_parameters={"rope_type": "default", "rope_theta": llm["rope_theta"]},
        tie_word_embeddings=False,
    )
    module = LlamaForCausalLM._from_config(config, attn_implementation="eager")
    held = {
        name.removeprefix(PREFIX): value.float()
        for name, value in tensors(folder).items()
        if name.startswith(PREFIX)
    }
    module.load_state_dict(held, strict=True)
    return module.eval()


def make(folder):
    """Saves adapters with values in both matrices, as peft saves them after a training."""
    config = peft.LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        lora_dropout=0.05,
        target_modules=["q_proj", "v_proj"],
        task_type="CAUSAL_LM",
    )
    model = peft.get_peft_model(llama(folder / "model"), config)
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    model.save_pretrained(folder / "drawn")


def logits(model, vocabulary):
    ids = np.random.default_rng(6).integers(0, vocabulary, (1, PROMPT))
    return model(torch.from_numpy(ids)).logits


def compare(folder):
    """Every line that is printed holds, or the script fails."""
    drawn, exported = (
        peft.utils.load_peft_weights(str(folder / name), device="cpu")
        for name in ["drawn", "exported"]
    )
    assert sorted(drawn) == sorted(exported)
    assert all(torch.equal(drawn[name], exported[name]) for name in drawn)
    print(f"{len(drawn)} tensors went through the model and came back to the bit")

    config = peft.PeftConfig.from_pretrained(str(folder / "exported"))
    assert (config.r, config.lora_alpha) == (RANK, ALPHA), (config.r, config.lora_alpha)
    base = llama(folder / "model")
    vocabulary = base.config.vocab_size
    plain = logits(base, vocabulary)
    ours = peft.PeftModel.from_pretrained(base, str(folder / "exported")).eval()
    with_exported = logits(ours, vocabulary)
    theirs = peft.PeftModel.from_pretrained(llama(folder / "model"), str(folder / "drawn")).eval()
    assert torch.equal(with_exported, logits(theirs, vocabulary))
    print("peft computes the same with the files that it wrote and with those that we wrote")

    largest = with_exported.abs().max().item()
    change = (with_exported - plain).abs().max().item()
    assert change > 0.1, "the adapters change nothing, so nothing is proved"
    print(f"the adapters change the logits by up to {change:.3g}; the largest is {largest:.3g}")
    for name, merged in [
        ("our merged model", llama(folder / "merged")),
        ("the model that peft merges", ours.merge_and_unload()),
    ]:
        error = (logits(merged, vocabulary) - with_exported).abs().max().item() / largest
        assert error <= TOLERANCE, (name, error)
        print(f"{name} differs from the adapters in peft by {error:.1e} of the largest logit")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=["make", "compare"])
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    {"make": make, "compare": compare}[arguments.step](arguments.folder)


if __name__ == "__main__":
    main()
