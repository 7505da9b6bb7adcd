"""Goldens of LoRA files: adapters saved by the peft package, and what LLaMA computes with them."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import peft
import torch

import upstream
from common import GOLDENS, Capture, Weights, write

FOLDER = GOLDENS / "peft" / "adapter"
RANK = 3
ALPHA = 5
PROMPT = 24


def adapted():
    """The tiny LLaMA with synthetic weights, wrapped by peft, with drawn values in A and B."""
    config = peft.LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        lora_dropout=0.05,
        target_modules=["q_proj", "v_proj"],
        bias="none",
        task_type="CAUSAL_LM",
    )
    model = peft.get_peft_model(upstream.llama(Weights()), config)
    rng = np.random.default_rng(11)
    for name, parameter in sorted(model.named_parameters()):
        if "lora_" in name:
            values = rng.integers(-128, 128, tuple(parameter.shape)) / 512.0
            parameter.copy_(torch.from_numpy(values.astype(np.float32)))
    return model.eval()


def save(model):
    """The two files as `save_pretrained` writes them; the model card beside them is left out.

    The list of targets is a set to peft, written in any order; here it is sorted.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        config = json.loads((Path(scratch) / "adapter_config.json").read_text())
        config["target_modules"].sort()
        (FOLDER / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
        name = "adapter_model.safetensors"
        shutil.copyfile(Path(scratch) / name, FOLDER / name)
    for path in sorted(FOLDER.iterdir()):
        print(f"peft/adapter/{path.name}  {path.stat().st_size / 1024:.0f} KiB")


def main():
    model = adapted()
    save(model)
    ids = torch.from_numpy(np.random.default_rng(12).integers(0, 266, (1, PROMPT)))
    with Capture({"norm": model.base_model.model.model.norm}) as outputs:
        logits = model(ids).logits
    with model.disable_adapter():
        without = model(ids).logits
    assert (logits - without).abs().max() > 0.1, "the adapters change nothing"
    sentence = (
        f"LLaMA of llama/tiny under the adapters of peft/adapter (peft {peft.__version__}, "
        f"r {RANK}, alpha {ALPHA}, active, in evaluation mode, not merged)."
    )
    write(__file__, "peft/llama", sentence, {"ids": ids}, {**outputs, "logits": logits})


if __name__ == "__main__":
    main()
