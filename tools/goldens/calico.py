"""Goldens of the whole model: two and three images through every stage.

EVA -> ln_vision -> Q-Former -> f_image -> LLM with CAMs before layers 2 and 4, which see the
CEM of ln_vision and the DINOv2 patch tokens -> [SEG] states -> seg_proj -> SAM -> masks.
Also writes `goldens/calico/tensors.json`: the name and shape of every tensor of the model.
"""

import json

import numpy as np
import torch
from PIL import Image
from transformers import DynamicCache

import sam
import upstream
from cam import Cam
from common import GOLDENS, Capture, Weights, write

BOS, EOS, IMAGE = 1, 2, -200
IM_START, IM_END, SEG, PHRASE, PHRASE_END = 259, 260, 263, 264, 265
CAM_LAYERS = (2, 4)
GREEDY_STEPS = 16

CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SAM_PIXELS = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))

SENTENCE = (
    "The tiny model: DINOv2 with registers and SwiGLU, CEM without residual, CAMs before the "
    "0-based layers 2 and 4 with the last prompt position as guidance, LoRA r 2, alpha 4 merged in "
    "f32, ln_vision eps 1e-5, SAM decoder eps 1e-5, [SEG] vector = normed state one position "
    "before the [SEG], seg_proj Linear-ReLU-Linear, mask index 0. Images resized by Pillow. "
    "ids: in.prompt_length of them are the prompt, -200 stands for an image; seg_image is the "
    "0-based image of each [SEG]."
)


def normalised(array, statistics):
    mean, std = (torch.tensor(values)[:, None, None] for values in statistics)
    pixels = torch.from_numpy(np.array(array)).permute(2, 0, 1).float()
    return pixels, mean, std


def squashed(image, side, statistics):
    """Both sides to `side`, bicubic, pixels in 0..1 and normalised."""
    resized = image.resize((side, side), Image.Resampling.BICUBIC)
    pixels, mean, std = normalised(resized, statistics)
    return (pixels / 255 - mean) / std


def letterboxed(image):
    """Longest side to 128, bilinear, normalised in 0..255, then padded right and bottom."""
    height, width = sam.resized(image.height, image.width)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels, mean, std = normalised(resized, SAM_PIXELS)
    padding = (0, sam.IMAGE_SIZE - width, 0, sam.IMAGE_SIZE - height)
    return torch.nn.functional.pad((pixels - mean) / std, padding)


class Calico:
    def __init__(self):
        self.weights = weights = Weights()
        self.eva = upstream.eva(weights)
        self.qformer = upstream.qformer(weights)
        self.queries = upstream.query_tokens(weights)
        self.f_image = weights.linear("f_image", 48, 64)
        self.dino = upstream.dino(weights)
        self.cem = upstream.cem(weights)
        self.cams = [Cam(weights, index, self.qformer) for index in range(len(CAM_LAYERS))]
        self.llm = upstream.llama(weights, lora=True)
        self.seg_proj = torch.nn.Sequential(
            weights.linear("seg_proj.0", 64, 64),
            torch.nn.ReLU(),
            weights.linear("seg_proj.2", 64, 32),
        )
        self.sam = upstream.sam(weights)

    def encode(self, images):
        """Stages 1 to 6: what the LLM and the CAMs see of the images."""
        with Capture({"tokens": self.eva.encoder.layers[-1]}) as eva:
            pixels = torch.stack([squashed(image, 56, CLIP) for image in images])
            x_global = self.eva(pixels).last_hidden_state
        dino = self.dino(torch.stack([squashed(image, 56, IMAGENET) for image in images]))
        x_embed = self.qformer(
            query_embeds=self.queries.expand(len(images), -1, -1), encoder_hidden_states=x_global
        ).last_hidden_state
        x_semantic = dino.last_hidden_state[:, 5:]
        x_fused, _ = self.cem(x_global, x_semantic, x_semantic, need_weights=False)
        return {
            "eva": eva["tokens"],
            "ln_vision": x_global,
            "qformer": x_embed,
            "f_image": self.f_image(x_embed),
            "dino": x_semantic,
            "cem": x_fused,
        }

    def embed(self, ids, image_rows):
        """Stage 7: text embeddings with the rows of image k in place of the k-th placeholder."""
        pieces = []
        rows = iter(image_rows)
        for token in ids:
            if token == IMAGE:
                pieces.append(next(rows))
            else:
                pieces.append(self.llm.model.embed_tokens(torch.tensor([token])))
        return torch.cat(pieces)[None]

    def read(self, ids, guidance, visual, cache=None):
        """Stages 8 to 10: final states and logits; a pass of several positions is a prefill."""
        starts = [expanded(ids, index) for index, token in enumerate(ids) if token == IMAGE]
        embeddings = self.embed(ids, visual["f_image"])
        outputs = {"embeddings": embeddings}

        def before(index):
            def hook(_layer, arguments):
                hidden = arguments[0]
                if index in CAM_LAYERS:
                    cam = CAM_LAYERS.index(index)
                    stages = self.cams[cam](hidden, guidance, starts, visual["cem"])
                    hidden = stages["hidden"]
                    outputs[f"cam.{cam}.delta"] = stages["delta"]
                outputs[f"layer_input.{index}"] = hidden
                return (hidden, *arguments[1:])

            return hook

        handles = [
            layer.register_forward_pre_hook(before(index))
            for index, layer in enumerate(self.llm.model.layers)
        ]
        options = {"past_key_values": cache, "use_cache": cache is not None}
        outputs["norm"] = self.llm.model(inputs_embeds=embeddings, **options).last_hidden_state
        outputs["logits"] = self.llm.lm_head(outputs["norm"])
        for handle in handles:
            handle.remove()
        return outputs

    def greedy(self, prompt, visual):
        """Stage 11: the logits of each step when the prompt is continued greedily, cached."""
        cache = DynamicCache(config=self.llm.config)
        guidance = expanded(prompt, len(prompt)) - 1
        logits = [self.read(prompt, guidance, visual, cache)["logits"][:, -1]]
        while len(logits) < GREEDY_STEPS:
            best = logits[-1].topk(2).values[0]
            assert best[0] - best[1] > 1e-3, "the greedy choice is too close to compare"
            token = logits[-1].argmax(dim=1, keepdim=True)
            step = self.llm(token, past_key_values=cache, use_cache=True)
            logits.append(step.logits[:, -1])
        return torch.cat(logits)

    def segment(self, images, norm, ids, seg_image):
        """Stages 12 to 15; `masks.k` holds the masks of image k in the order of their [SEG]s."""
        positions = [expanded(ids, index) - 1 for index, token in enumerate(ids) if token == SEG]
        states = norm[0, positions]
        prompts = self.seg_proj(states)
        pixels = torch.stack([letterboxed(image) for image in images])
        embeddings = self.sam.vision_encoder(pixels).last_hidden_state
        outputs = {"seg_states": states, "seg_prompts": prompts, "sam": embeddings}
        low_res = torch.empty(len(positions), 32, 32)
        scores = torch.empty(len(positions))
        for index, image in enumerate(images):
            mine = torch.tensor([n for n, k in enumerate(seg_image) if k == index])
            masks, ious = sam.decode(self.sam, embeddings[index], prompts[mine][:, None])
            low_res[mine], scores[mine] = masks[:, 0], ious[:, 0]
            size = (image.height, image.width)
            outputs[f"masks.{index}"] = sam.postprocess(masks[:, 0], size)
        return outputs | {"low_res": low_res, "scores": scores}


def expanded(ids, index):
    """Where id position `index` lies once every placeholder before it has become its span."""
    return index + (upstream.QUERIES - 1) * list(ids[:index]).count(IMAGE)


def text(string):
    """Byte-level ids: 3 + byte."""
    return [3 + byte for byte in string.encode()]


IMAGE_IDS = [IM_START, IMAGE, IM_END]


def phrase(label, *images):
    """`<p>label</p>[SEG](IMAGE1)...` for 0-based image indices."""
    ids = [PHRASE, *text(label), PHRASE_END]
    for image in images:
        ids += [SEG, *text(f"(IMAGE{image + 1})")]
    return ids


def picture(rng, height, width):
    """Flat 8x8 blocks with a little noise."""
    blocks = rng.integers(16, 240, (-(-height // 8), -(-width // 8), 3))
    flat = blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
    return (flat + rng.integers(-8, 9, flat.shape)).astype(np.uint8)


def run(model, arrays, prompt, answer, seg_image):
    images = [Image.fromarray(array) for array in arrays]
    ids = prompt + answer
    visual = model.encode(images)
    guidance = expanded(prompt, len(prompt)) - 1
    outputs = visual | model.read(ids, guidance, visual)
    outputs["greedy_logits"] = model.greedy(prompt, visual)
    outputs |= model.segment(images, outputs["norm"], ids, seg_image)
    inputs = {f"image{index + 1}": array for index, array in enumerate(arrays)}
    inputs |= {
        "ids": torch.tensor(ids),
        "prompt_length": torch.tensor([len(prompt)]),
        "seg_image": torch.tensor(seg_image),
    }
    return inputs, outputs


def pair(model, rng):
    arrays = [picture(rng, 75, 100), picture(rng, 128, 96)]
    prompt = [BOS, *text("The "), *IMAGE_IDS, *text(" and "), *IMAGE_IDS, *text(":")]
    answer = [*phrase("dog", 0, 1), *phrase("ear", 1, 0), EOS]
    inputs, outputs = run(model, arrays, prompt, answer, [0, 1, 1, 0])
    write(__file__, "calico/pair", SENTENCE, inputs, outputs)


def triple(model, rng):
    arrays = [picture(rng, 75, 100), picture(rng, 128, 96), picture(rng, 64, 64)]
    prompt = [BOS, *IMAGE_IDS, *IMAGE_IDS, *text(" and "), *IMAGE_IDS, *text(" ?:")]
    answer = [*phrase("a", 2, 0), *phrase("b", 1), *phrase("c", 2), EOS]
    inputs, outputs = run(model, arrays, prompt, answer, [2, 0, 1, 2])
    kept = ("embeddings", "norm", "logits", "greedy_logits", "seg_", "low_res", "scores", "masks")
    outputs = {name: value for name, value in outputs.items() if name.startswith(kept)}
    write(__file__, "calico/triple", SENTENCE, inputs, outputs)


def main():
    rng = np.random.default_rng(8)
    model = Calico()
    pair(model, rng)
    triple(model, rng)
    lines = [f"  {json.dumps(name)}: {shape}" for name, shape in model.weights.shapes.items()]
    (GOLDENS / "calico" / "tensors.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    total = sum(int(np.prod(shape)) for shape in model.weights.shapes.values())
    print(f"{len(lines)} tensors, {total} values")


if __name__ == "__main__":
    main()
