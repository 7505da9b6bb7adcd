"""One stage of a model in PyTorch, timed: the peer of `calico bench --torch PYTHON`.

`calico bench` runs this program itself, once per stage, with a request in JSON as its argument:

    {"config": config.json of a model, "stage": name, "dtype": "bf16" or "f32", "seconds": S,
     "threads": N, "prompt": positions, "masks": M, "side": of square matrices}

and reads {"seconds": median, "runs": R, "program": versions} from its last line.
The modules are those of transformers with `scaled_dot_product_attention`; weights mean nothing.
Needs torch and transformers.
"""

import json
import statistics
import sys
import time

import torch
import transformers
from transformers.models.blip_2 import modeling_blip_2 as blip2
from transformers.models.dinov2_with_registers import modeling_dinov2_with_registers as dinov2
from transformers.models.llama import modeling_llama as llama
from transformers.models.sam import modeling_sam as sam

# A stage that takes longer than this is measured once.
LONG = 5.0
MOST_RUNS = 1000
PATTERN = 1 << 20

INITIALIZERS = ["normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "xavier_uniform_"]


def built(make, dtype):
    """A module whose weights are small numbers, each in memory of its own."""
    kept = {name: getattr(torch.nn.init, name) for name in INITIALIZERS}
    for name in INITIALIZERS:
        setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    torch.set_default_dtype(dtype)
    try:
        module = make().eval()
    finally:
        torch.set_default_dtype(torch.float32)
        for name, function in kept.items():
            setattr(torch.nn.init, name, function)
    pattern = ((torch.rand(PATTERN) - 0.5) * 0.04).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            flat = parameter.data.view(-1)
            whole = flat.numel() // PATTERN * PATTERN
            flat[:whole].view(-1, PATTERN).copy_(pattern.expand(whole // PATTERN, PATTERN))
            flat[whole:].copy_(pattern[: flat.numel() - whole])
    return module.to(dtype)


def eva_clip(config, request, dtype):
    eva = config["eva"]
    settings = blip2.Blip2VisionConfig(
        hidden_size=eva["width"],
        intermediate_size=eva["mlp_hidden"],
        num_hidden_layers=eva["depth"],
        num_attention_heads=eva["num_heads"],
        image_size=eva["image_size"],
        patch_size=eva["patch_size"],
        attn_implementation="sdpa",
    )
    model = built(lambda: blip2.Blip2VisionModel(settings), dtype)
    pixels = torch.rand(1, 3, eva["image_size"], eva["image_size"], dtype=dtype)
    return lambda: model(pixels)


def qformer(config, request, dtype):
    q, eva = config["qformer"], config["eva"]
    settings = blip2.Blip2QFormerConfig(
        hidden_size=q["width"],
        num_hidden_layers=q["depth"],
        num_attention_heads=q["num_heads"],
        intermediate_size=q["ffn_hidden"],
        cross_attention_frequency=q["cross_attention_frequency"],
        encoder_hidden_size=q["encoder_width"],
        attn_implementation="sdpa",
    )
    model = built(lambda: blip2.Blip2QFormerModel(settings), dtype)
    tokens = 1 + (eva["image_size"] // eva["patch_size"]) ** 2
    image = torch.rand(1, tokens, q["encoder_width"], dtype=dtype)
    queries = torch.rand(1, q["num_queries"], q["width"], dtype=dtype)
    return lambda: model(query_embeds=queries, encoder_hidden_states=image)


def dino_stage(config, request, dtype):
    dino = config["dino"]
    side = dino["input_size"]
    side = side if isinstance(side, list) else [side, side]
    settings = dinov2.Dinov2WithRegistersConfig(
        hidden_size=dino["width"],
        num_hidden_layers=dino["depth"],
        num_attention_heads=dino["num_heads"],
        mlp_ratio=4,
        image_size=dino.get("stored_grid", 37) * dino["patch_size"],
        patch_size=dino["patch_size"],
        use_swiglu_ffn=dino["ffn"]["kind"] == "swiglu",
        num_register_tokens=dino["num_register_tokens"],
        attn_implementation="sdpa",
    )
    model = built(lambda: dinov2.Dinov2WithRegistersModel(settings), dtype)
    pixels = torch.rand(1, 3, *side, dtype=dtype)
    return lambda: model(pixels)


def sam_encoder(config, request, dtype):
    whole, encoder = config["sam"], config["sam"]["encoder"]
    settings = sam.SamVisionConfig(
        hidden_size=encoder["width"],
        output_channels=whole["width"],
        num_hidden_layers=encoder["depth"],
        num_attention_heads=encoder["num_heads"],
        image_size=whole["image_size"],
        patch_size=whole["patch_size"],
        mlp_dim=encoder["mlp_hidden"],
        window_size=encoder["window_size"],
        global_attn_indexes=encoder["global_blocks"],
        attn_implementation="sdpa",
    )
    model = built(lambda: sam.SamVisionEncoder(settings), dtype)
    pixels = torch.rand(1, 3, whole["image_size"], whole["image_size"], dtype=dtype)
    return lambda: model(pixels)


def mask_decoder(config, request, dtype):
    whole, decoder = config["sam"], config["sam"]["decoder"]
    settings = sam.SamMaskDecoderConfig(
        hidden_size=whole["width"],
        mlp_dim=decoder["mlp_hidden"],
        num_hidden_layers=decoder["depth"],
        num_attention_heads=decoder["num_heads"],
        attention_downsample_rate=whole["width"] // decoder["cross_width"],
        iou_head_hidden_dim=decoder["iou_hidden"],
        attn_implementation="sdpa",
    )
    model = built(lambda: sam.SamMaskDecoder(settings), dtype)
    grid, masks, width = whole["image_size"] // whole["patch_size"], request["masks"], whole["width"]
    image = torch.rand(1, width, grid, grid, dtype=dtype)
    sparse = torch.rand(1, masks, 1, width, dtype=dtype)
    return lambda: model(
        image_embeddings=image,
        image_positional_embeddings=image,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=image,
        multimask_output=False,
    )


def language_model(config, dtype):
    llm = config["llm"]
    settings = llama.LlamaConfig(
        hidden_size=llm["width"],
        intermediate_size=llm["mlp_hidden"],
        num_hidden_layers=llm["depth"],
        num_attention_heads=llm["num_heads"],
        num_key_value_heads=llm["num_kv_heads"],
        vocab_size=llm["vocab_size"],
        max_position_embeddings=llm["max_positions"],
        attn_implementation="sdpa",
    )
    return built(lambda: llama.LlamaForCausalLM(settings), dtype)


def llm_prefill(config, request, dtype):
    model = language_model(config, dtype)
    prompt = torch.rand(1, request["prompt"], config["llm"]["width"], dtype=dtype)
    return lambda: model(inputs_embeds=prompt, use_cache=True, logits_to_keep=1)


def llm_decode_step(config, request, dtype):
    model = language_model(config, dtype)
    prompt = torch.rand(1, request["prompt"], config["llm"]["width"], dtype=dtype)
    cache = model(inputs_embeds=prompt, use_cache=True, logits_to_keep=1).past_key_values
    token = torch.tensor([[1]])
    return lambda: model(input_ids=token, past_key_values=cache, use_cache=True)


def matrix_peak(config, request, dtype):
    a, b = (torch.rand(request["side"], request["side"], dtype=dtype) for _ in range(2))
    return lambda: a @ b


STAGES = {
    "matrix_peak": matrix_peak,
    "eva_clip": eva_clip,
    "qformer": qformer,
    "dinov2": dino_stage,
    "sam_encoder": sam_encoder,
    "mask_decoder": mask_decoder,
    "llm_prefill": llm_prefill,
    "llm_decode_step": llm_decode_step,
}


def main():
    request = json.loads(sys.argv[1])
    torch.set_num_threads(request["threads"])
    torch.manual_seed(0)
    dtype = {"bf16": torch.bfloat16, "f32": torch.float32}[request["dtype"]]
    with torch.inference_mode():
        run = STAGES[request["stage"]](request["config"], request, dtype)
        began = time.perf_counter()
        run()
        first = time.perf_counter() - began
        # The first run fills caches and starts threads; it counts only where it is all there is.
        times = [first] if first > LONG else []
        began = time.perf_counter()
        while not times or (
            first <= LONG
            and time.perf_counter() - began < request["seconds"]
            and len(times) < MOST_RUNS
        ):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    answer = {
        "seconds": statistics.median(times),
        "runs": len(times),
        "program": f"PyTorch {torch.__version__} with transformers {transformers.__version__}",
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
