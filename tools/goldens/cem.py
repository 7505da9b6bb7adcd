"""Goldens of the CEM, from `torch.nn.MultiheadAttention` with kdim and vdim."""

import numpy as np

import upstream
from common import Weights, uniform, write


def main():
    rng = np.random.default_rng(6)
    module = upstream.cem(Weights())
    query = uniform(rng, 2, 17, 64)
    semantic = uniform(rng, 2, 16, 48)
    attended, _ = module(query, semantic, semantic, need_weights=False)
    sentence = (
        "CEM, queries of width 64, keys and values of width 48, 4 heads, biased, no norms; "
        "residual is query + attended."
    )
    inputs = {"query": query, "semantic": semantic}
    outputs = {"attended": attended, "residual": query + attended}
    write(__file__, "cem/tiny", sentence, inputs, outputs)


if __name__ == "__main__":
    main()
