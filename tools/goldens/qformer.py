"""Goldens of the Q-Former's query path, from transformers' BLIP-2 Q-Former."""

import numpy as np

import upstream
from common import Capture, Weights, numbered, uniform, write


def run(module, queries, images):
    stages = {"embeddings": module.layernorm} | numbered("layer", module.encoder.layer)
    with Capture(stages) as outputs:
        final = module(
            query_embeds=queries.expand(images.shape[0], -1, -1), encoder_hidden_states=images
        ).last_hidden_state
    return {**outputs, "final": final}


def main():
    rng = np.random.default_rng(2)
    module = upstream.qformer(Weights())
    images = uniform(rng, 2, 17, 64)
    config = "Q-Former, width 48, 4 heads, 4 layers (cross-attention at 0 and 2), FFN 96"

    queries = uniform(rng, 1, 5, 48)
    outputs = run(module, queries, images)
    sentence = f"{config}; one set of queries for both images."
    write(__file__, "qformer/tiny", sentence, {"queries": queries, "images": images}, outputs)

    queries = uniform(rng, 2, 5, 48)
    outputs = run(module, queries, images)
    sentence = f"{config}; queries of its own for each image."
    write(__file__, "qformer/per_image", sentence, {"queries": queries, "images": images}, outputs)

    queries = uniform(rng, 1, 5, 48) / 1024
    outputs = run(module, queries, images)
    sentence = f"{config}; queries so small that an eps other than 1e-12 shows in the first norm."
    write(__file__, "qformer/small", sentence, {"queries": queries, "images": images}, outputs)


if __name__ == "__main__":
    main()
