"""The whole model in PyTorch, differentiable from end to end, of any size.

`Model` takes the form of a `config.json` and canonical tensors; transformers computes the modules,
`Leaves` says which tensors are trained. Every switch of the paper's open points must stand at its
default. LoRA is live: y = W x + (alpha / r) B (A x).
"""

import numpy as np
import torch
from PIL import Image
from torch.func import functional_call
from torch.nn import functional
from transformers import (
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Blip2VisionConfig,
    Blip2VisionModel,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    LlamaConfig,
    LlamaForCausalLM,
    SamConfig,
    SamModel,
)
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

import upstream
from calico import CLIP, IMAGENET, SAM_PIXELS, normalised, squashed
from conversations import IMAGE

TEXT_WEIGHT, FOCAL_WEIGHT, DICE_WEIGHT = 1.0, 2.0, 0.5
FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0
DICE_SCALE, DICE_EPS = 1000.0, 1e-6
BILINEAR = {"mode": "bilinear", "align_corners": False}
BUFFERS = ("sam.prompt.pe_layer.positional_encoding_gaussian_matrix",)

DEFAULTS = {
    "cam": {
        "enabled": True,
        "guidance": "last_prompt",
        "guidance_norm": False,
        "index_base": 0,
        "query_source": "shared",
        "share_weights": False,
        "use_guidance": True,
    },
    "cem": {
        "bias": True,
        "enabled": True,
        "input": "post_ln",
        "kv_norm": False,
        "out_proj": True,
        "post_norm": False,
        "pre_norm": False,
        "query_cls": True,
        "residual": False,
    },
    "dino": {
        "enabled": True,
        "facet": "token",
        "final_norm": True,
        "keep_prefix_tokens": False,
        "layer": -1,
    },
    "qformer": {"enabled": True},
    "seg_proj": {"kind": "mlp", "position": "predecessor"},
}


def adapters(name):
    """What the recipe `adapters` trains: the paper's flame marks."""
    return name.startswith(("lora.", "cem.", "cams.", "sam.decoder."))


def everything(name):
    """Every parameter; a buffer is none."""
    return name not in BUFFERS


class Leaves:
    """The canonical tensors, made on first use by `value(name, shape)`; trained ones are leaves."""

    def __init__(self, value, is_trained):
        self.value = value
        self.is_trained = is_trained
        self.tensors = {}

    def tensor(self, name, shape):
        if name not in self.tensors:
            tensor = self.value(name, shape)
            self.tensors[name] = tensor.requires_grad_(self.is_trained(name))
        found = list(self.tensors[name].shape)
        if found != list(shape):
            raise ValueError(f"{name}: {found} and {list(shape)}")
        return self.tensors[name]

    def trained(self):
        """The trained tensors by name, in the order of the names."""
        names = sorted(name for name in self.tensors if self.is_trained(name))
        return {name: self.tensors[name] for name in names}


def without_memory(model, config):
    """An instance whose parameters have a shape only: their values are brought at each call."""
    with torch.device("meta"):
        return model._from_config(config, attn_implementation="eager").eval()


def eva(config):
    size = config["eva"]
    module = without_memory(
        Blip2VisionModel,
        Blip2VisionConfig(
            hidden_size=size["width"],
            intermediate_size=size["mlp_hidden"],
            num_hidden_layers=size["depth"],
            num_attention_heads=size["num_heads"],
            image_size=size["image_size"],
            patch_size=size["patch_size"],
            layer_norm_eps=size["ln_eps"],
        ),
    )
    module.post_layernorm.eps = config["ln_vision"]["eps"]
    return module


def qformer(config):
    size = config["qformer"]
    return without_memory(
        Blip2QFormerModel,
        Blip2QFormerConfig(
            hidden_size=size["width"],
            num_hidden_layers=size["depth"],
            num_attention_heads=size["num_heads"],
            intermediate_size=size["ffn_hidden"],
            encoder_hidden_size=size["encoder_width"],
            cross_attention_frequency=size["cross_attention_frequency"],
            layer_norm_eps=size["ln_eps"],
        ),
    )


def dino(config):
    size = config["dino"]
    ffn = size["ffn"]
    # transformers derives the hidden width from the ratio; for SwiGLU it takes two thirds of it,
    # rounded up to a multiple of 8.
    ratio = 4 if ffn["kind"] == "swiglu" else ffn["hidden"] // size["width"]
    return without_memory(
        Dinov2WithRegistersModel,
        Dinov2WithRegistersConfig(
            hidden_size=size["width"],
            num_hidden_layers=size["depth"],
            num_attention_heads=size["num_heads"],
            mlp_ratio=ratio,
            image_size=size["stored_grid"] * size["patch_size"],
            patch_size=size["patch_size"],
            layer_norm_eps=size["ln_eps"],
            use_swiglu_ffn=ffn["kind"] == "swiglu",
            num_register_tokens=size["num_register_tokens"],
        ),
    )


def llama(config):
    size = config["llm"]
    settings = LlamaConfig(
        vocab_size=size["vocab_size"],
        hidden_size=size["width"],
        intermediate_size=size["mlp_hidden"],
        num_hidden_layers=size["depth"],
        num_attention_heads=size["num_heads"],
        num_key_value_heads=size["num_kv_heads"],
        max_position_embeddings=size["max_positions"],
        rms_norm_eps=size["rms_eps"],
        rope_parameters={"rope_type": "default", "rope_theta": size["rope_theta"]},
        tie_word_embeddings=False,
        pad_token_id=0,
    )
    module = without_memory(LlamaForCausalLM, settings)
    module.model.rotary_emb = LlamaRotaryEmbedding(config=settings)  # a table that is not stored
    return module


def sam(config):
    size = config["sam"]
    encoder, decoder = size["encoder"], size["decoder"]
    shared = {"image_size": size["image_size"], "patch_size": size["patch_size"]}
    vision = {
        "hidden_size": encoder["width"],
        "output_channels": size["width"],
        "num_hidden_layers": encoder["depth"],
        "num_attention_heads": encoder["num_heads"],
        "mlp_ratio": encoder["mlp_hidden"] / encoder["width"],
        "window_size": encoder["window_size"],
        "global_attn_indexes": encoder["global_blocks"],
        "num_pos_feats": size["width"] // 2,
        "layer_norm_eps": encoder["ln_eps"],
    }
    prompt = {
        "hidden_size": size["width"],
        "mask_input_channels": size["prompt"]["mask_channels"],
    }
    mask_decoder = {
        "hidden_size": size["width"],
        "mlp_dim": decoder["mlp_hidden"],
        "num_hidden_layers": decoder["depth"],
        "num_attention_heads": decoder["num_heads"],
        "attention_downsample_rate": size["width"] // decoder["cross_width"],
        "iou_head_hidden_dim": decoder["iou_hidden"],
        "num_multimask_outputs": decoder["num_mask_tokens"] - 1,
        "layer_norm_eps": decoder["ln_eps"],
    }
    return without_memory(
        SamModel,
        SamConfig(
            vision_config=vision | shared,
            prompt_encoder_config=prompt | shared,
            mask_decoder_config=mask_decoder,
        ),
    )


def rows_first(images, side, statistics):
    """Squashed images, filtered along rows first: Pillow 13 begins with columns where that is less
    work, which moves some bytes by one; the published models were made with the older order."""
    rows = [image.resize((side, image.height), Image.Resampling.BICUBIC) for image in images]
    return torch.stack([squashed(image, side, statistics) for image in rows])


def linears(*widths):
    """Linear layers with a ReLU between each two, without memory."""
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs, device="meta"), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def attention_of_cem(leaves, key, shape):
    """What `torch.nn.MultiheadAttention` calls `key`; it keeps three biases in one."""
    if key == "in_proj_bias":
        third = [shape[0] // 3]
        return torch.cat([leaves.tensor(f"cem.{part}.bias", third) for part in "qkv"])
    part, _, kind = key.partition("_proj")
    return leaves.tensor(f"cem.{part}.{kind.strip('._')}", shape)


class Model(torch.nn.Module):
    """Calico after `config`, a dictionary of the form of `config.json`."""

    TABLES = {
        "eva": upstream.EVA,
        "qformer": upstream.QFORMER,
        "dino": upstream.DINO,
        "llm": upstream.LLAMA,
        "sam": upstream.SAM,
    }

    def __init__(self, config, leaves):
        super().__init__()
        for section, switches in DEFAULTS.items():
            for key, value in switches.items():
                if config[section].get(key, value) != value:
                    raise ValueError(f"{section}.{key} must be {value}")
        self.config, self.leaves = config, leaves
        width, visual = config["llm"]["width"], config["qformer"]["width"]
        self.eva, self.qformer, self.dino = eva(config), qformer(config), dino(config)
        self.f_image = linears(visual, width)
        self.cem = torch.nn.MultiheadAttention(
            config["eva"]["width"],
            config["cem"]["num_heads"],
            kdim=config["dino"]["width"],
            vdim=config["dino"]["width"],
            batch_first=True,
            device="meta",
        ).eval()
        cams = len(config["cam"]["layers"])
        self.adapt = torch.nn.ModuleList([linears(width, visual) for _ in range(cams)])
        self.reint = torch.nn.ModuleList([linears(visual, width) for _ in range(cams)])
        self.llm = llama(config)
        self.seg_proj = linears(width, width, config["sam"]["width"])
        self.sam = sam(config)
        for index, layer in enumerate(self.llm.model.layers):
            for part in "qv":
                projection = getattr(layer.self_attn, f"{part}_proj")
                projection.register_forward_hook(self._lora(f"lora.layers.{index}.{part}"))

    def _lora(self, name):
        rank, alpha = self.config["lora"]["rank"], self.config["lora"]["alpha"]

        def hook(module, inputs, output):
            a = self.leaves.tensor(f"{name}.a", [rank, module.in_features])
            b = self.leaves.tensor(f"{name}.b", [module.out_features, rank])
            return output + alpha / rank * functional.linear(functional.linear(inputs[0], a), b)

        return hook

    def losses(self, batch):
        """The losses of a micro-batch of `Conversation`s."""
        return functional_call(self, self.parameters_by_key(), (batch,))

    def parameters_by_key(self):
        """Every parameter of the modules, cut from canonical tensors, which gradients reach."""
        found = {}
        for key, value in self.state_dict().items():
            part, _, rest = key.partition(".")
            shape = list(value.shape)
            if part in self.TABLES:
                found[key] = upstream.source(self.leaves, rest, shape, self.TABLES[part])
            elif part == "cem":
                found[key] = attention_of_cem(self.leaves, rest, shape)
            elif part in ("adapt", "reint"):
                index, _, kind = rest.split(".")
                found[key] = self.leaves.tensor(f"cams.{index}.{part}.{kind}", shape)
            elif part == "f_image":
                found[key] = self.leaves.tensor(key.replace(".0.", "."), shape)
            else:
                found[key] = self.leaves.tensor(key, shape)
        return found

    def query_tokens(self):
        size = self.config["qformer"]
        return self.leaves.tensor("query_tokens", [1, size["num_queries"], size["width"]])

    def look(self, queries, features):
        """The Q-Former's answer [I, Q, D] to queries [1, Q, D] about features [I, P, D]."""
        queries = queries.expand(len(features), -1, -1)
        return self.qformer(
            query_embeds=queries, encoder_hidden_states=features
        ).last_hidden_state

    def encode(self, images):
        """Visual rows for the LLM, the CEM's features, and SAM's embedding of each image."""
        size = self.config
        x_global = self.eva(
            rows_first(images, size["eva"]["image_size"], CLIP)
        ).last_hidden_state
        semantic = self.dino(
            rows_first(images, size["dino"]["input_size"], IMAGENET)
        ).last_hidden_state[:, 1 + size["dino"]["num_register_tokens"] :]
        fused, _ = self.cem(x_global, semantic, semantic, need_weights=False)
        visual = self.f_image(self.look(self.query_tokens(), x_global))
        embeddings = [
            self.sam.vision_encoder(self.letterboxed(image)[None]).last_hidden_state[0]
            for image in images
        ]
        return visual, fused, embeddings

    def resized(self, height, width):
        """The size of an image whose longest side became that of SAM's input."""
        scale = self.config["sam"]["image_size"] / max(height, width)
        return int(height * scale + 0.5), int(width * scale + 0.5)

    def letterboxed(self, image):
        side = self.config["sam"]["image_size"]
        height, width = self.resized(image.height, image.width)
        rows = image.resize((width, image.height), Image.Resampling.BILINEAR)
        resized = rows.resize((width, height), Image.Resampling.BILINEAR)
        pixels, mean, std = normalised(resized, SAM_PIXELS)
        return functional.pad((pixels - mean) / std, (0, side - width, 0, side - height))

    def expanded(self, ids, index):
        """Where id position `index` lies once every placeholder before it has become its span."""
        return index + (self.config["qformer"]["num_queries"] - 1) * ids[:index].count(IMAGE)

    def read(self, conversation, visual, fused):
        """Final normed states [S, D]."""
        ids = conversation.ids
        starts = [self.expanded(ids, at) for at, token in enumerate(ids) if token == IMAGE]
        guidance = self.expanded(ids, conversation.prompt_length) - 1
        rows = iter(visual)
        embeddings = torch.cat(
            [
                next(rows)
                if token == IMAGE
                else self.llm.model.embed_tokens(torch.tensor([token]))
                for token in ids
            ]
        )

        def adapter(cam):
            def hook(_layer, arguments):
                hidden = arguments[0]
                queries = self.query_tokens() + self.adapt[cam](hidden[:, guidance])[:, None]
                added = self.reint[cam](self.look(queries, fused))
                hidden = hidden.clone()
                for start, delta in zip(starts, added, strict=True):
                    hidden[0, start : start + len(delta)] += delta
                return (hidden, *arguments[1:])

            return hook

        handles = [
            self.llm.model.layers[layer].register_forward_pre_hook(adapter(cam))
            for cam, layer in enumerate(self.config["cam"]["layers"])
        ]
        states = self.llm.model(inputs_embeds=embeddings[None], use_cache=False)
        for handle in handles:
            handle.remove()
        return states.last_hidden_state[0]

    def draw(self, embedding, prompts, size):
        """Logits [M, H, W] at the size of the image, in f32, for prompts [M, C]."""
        _, dense = self.sam.prompt_encoder(None, None, None, None)
        low_res, _ = self.sam.mask_decoder(
            image_embeddings=embedding[None],
            image_positional_embeddings=self.sam.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=prompts[None, :, None],
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        side = self.config["sam"]["image_size"]
        height, width = self.resized(*size)
        full = functional.interpolate(low_res[0], (side, side), **BILINEAR)
        return functional.interpolate(full[..., :height, :width], size, **BILINEAR)[:, 0]

    def forward(self, batch):
        terms = {"text": [], "focal": [], "dice": []}
        for conversation in batch:
            for name, values in self.terms(conversation).items():
                terms[name].append(values)
        text, focal, dice = (torch.cat(terms[name]) for name in ("text", "focal", "dice"))
        masks = len(focal) + 1e-8
        losses = {"text": text.mean(), "focal": focal.sum() / masks, "dice": dice.sum() / masks}
        losses["total"] = (
            TEXT_WEIGHT * losses["text"]
            + FOCAL_WEIGHT * losses["focal"]
            + DICE_WEIGHT * losses["dice"]
        )
        return losses | {f"{name}_terms": values for name, values in terms.items()}

    def terms(self, conversation):
        """The cross-entropy of every supervised token and both losses of every mask."""
        ids, images = conversation.ids, conversation.images
        visual, fused, embeddings = self.encode(images)
        states = self.read(conversation, visual, fused)
        first = conversation.prompt_length
        predicting = [self.expanded(ids, at) - 1 for at in range(first, len(ids))]
        logits = self.llm.lm_head(states[predicting])
        text = functional.cross_entropy(logits, torch.tensor(ids[first:]), reduction="none")

        seg = [at for at, token in enumerate(ids) if token == conversation.seg]
        prompts = self.seg_proj(states[[self.expanded(ids, at) - 1 for at in seg]])
        focal, dice = [None] * len(seg), [None] * len(seg)
        for index, image in enumerate(images):
            mine = [n for n, of in enumerate(conversation.seg_image) if of == index]
            if not mine:
                continue
            drawn = self.draw(embeddings[index], prompts[mine], (image.height, image.width))
            for n, logits in zip(mine, drawn, strict=True):
                target = torch.from_numpy(conversation.masks[n].astype(np.float32))
                focal[n], dice[n] = focal_loss(logits, target), dice_loss(logits, target)
        return {"text": text, "focal": torch.stack(focal), "dice": torch.stack(dice)}


def focal_loss(logits, target):
    p = logits.sigmoid()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_true = p * target + (1 - p) * (1 - target)
    alpha = FOCAL_ALPHA * target + (1 - FOCAL_ALPHA) * (1 - target)
    return (alpha * (1 - p_true) ** FOCAL_GAMMA * cross_entropy).mean()


def dice_loss(logits, target):
    p = logits.sigmoid()
    both = (p * target).sum() / DICE_SCALE
    sums = p.sum() / DICE_SCALE + target.sum() / DICE_SCALE
    return 1 - (2 * both + DICE_EPS) / (sums + DICE_EPS)
