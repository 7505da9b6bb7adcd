"""Goldens of the CAM: the paper's equations 7-9 in PyTorch around transformers' Q-Former.

q' = q + f_adapt(t), t the hidden state of the guidance token (the last prompt position);
Y = Q-Former(q', X'); every visual span receives f_reint(Y) of its own image.
"""

import numpy as np
import torch

import upstream
from common import Weights, uniform, write


class Cam:
    def __init__(self, weights, index, qformer):
        self.adapt = weights.linear(f"cams.{index}.adapt", 64, 48)
        self.reint = weights.linear(f"cams.{index}.reint", 48, 64)
        self.queries = upstream.query_tokens(weights)
        self.qformer = qformer

    def __call__(self, hidden, guidance, starts, features):
        """Every stage for hidden [1, S, 64]; image k's span begins at starts[k], X' [N, 17, 64]."""
        adapted = self.adapt(hidden[:, guidance])
        queries = self.queries + adapted[:, None]
        embedded = self.qformer(
            query_embeds=queries.expand(len(features), -1, -1), encoder_hidden_states=features
        ).last_hidden_state
        delta = self.reint(embedded)
        fused = hidden.clone()
        for start, rows in zip(starts, delta):
            fused[0, start : start + upstream.QUERIES] += rows
        return {
            "adapted": adapted,
            "queries": queries,
            "embedded": embedded,
            "delta": delta,
            "hidden": fused,
        }


def main():
    rng = np.random.default_rng(7)
    weights = Weights()
    cam = Cam(weights, 0, upstream.qformer(weights))
    hidden = uniform(rng, 1, 24, 64)
    features = uniform(rng, 2, 17, 64)
    starts = [3, 11]
    guidance = 19
    outputs = cam(hidden, guidance, starts, features)
    sentence = (
        "The CAM cams.0 with query_tokens and the Q-Former of qformer/tiny: two images, spans of "
        "5 positions beginning at in.starts, guidance from position in.guidance of 24."
    )
    inputs = {
        "hidden": hidden,
        "features": features,
        "starts": torch.tensor(starts),
        "guidance": torch.tensor([guidance]),
    }
    write(__file__, "cam/tiny", sentence, inputs, outputs)


if __name__ == "__main__":
    main()
