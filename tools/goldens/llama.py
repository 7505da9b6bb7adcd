"""Goldens of LLaMA, from transformers."""

import numpy as np
import torch
from transformers import DynamicCache

import upstream
from common import Capture, Weights, numbered, write

PROMPT = 24
STEPS = 16


def run(module, ids, next_ids):
    """The prompt in one pass, then one id of `next_ids` after the other through the cache."""
    model = module.model
    stages = {"embeddings": model.embed_tokens} | numbered("layer", model.layers)
    cache = DynamicCache(config=module.config)
    with Capture(stages | {"norm": model.norm}) as outputs:
        logits = module(ids, past_key_values=cache, use_cache=True).logits
    steps = [
        module(step, past_key_values=cache, use_cache=True).logits[:, 0]
        for step in next_ids.split(1, dim=1)
    ]
    return {**outputs, "logits": logits, "step_logits": torch.cat(steps)}


def main():
    rng = np.random.default_rng(4)
    ids = torch.from_numpy(rng.integers(0, 266, (1, PROMPT)))
    next_ids = torch.from_numpy(rng.integers(0, 266, (1, STEPS)))
    config = (
        "LLaMA, vocabulary 266, width 64, 4 heads of 16, 6 layers, MLP 112, eps 1e-5, theta 10000; "
        "in.ids in one pass, then in.next_ids one at a time through the cache"
    )
    variants = [
        ("tiny", {}, "one key/value head per head"),
        ("gqa", {"kv_heads": 2}, "2 key/value heads"),
        ("lora", {"lora": True}, "LoRA r 2, alpha 4 on q and v, merged in f32: W + (alpha/r) B A"),
    ]
    for name, options, note in variants:
        outputs = run(upstream.llama(Weights(), **options), ids, next_ids)
        inputs = {"ids": ids, "next_ids": next_ids[0]}
        write(__file__, f"llama/{name}", f"{config}; {note}.", inputs, outputs)


if __name__ == "__main__":
    main()
