"""The language model in llama.cpp on the CPU, timed: the peer of `calico bench --llama-cpp PYTHON`.

`calico bench` runs this program itself, once per stage, with a request in JSON as its argument:

    {"config": config.json of a model, "stage": "llm_prefill" or "llm_decode_step", "file": GGUF,
     "seconds": S, "threads": N, "prompt": positions}

and reads {"seconds": median, "runs": R, "program": version} from its last line.
Needs llama-cpp-python; the file is one of `calico model export --to gguf`.
"""

import json
import statistics
import sys
import time

import llama_cpp

# What the names of a GGUF file are in a configuration.
SIZES = {
    "llama.embedding_length": "width",
    "llama.block_count": "depth",
    "llama.feed_forward_length": "mlp_hidden",
    "llama.vocab_size": "vocab_size",
}
# A stage that takes longer than this is measured once.
LONG = 5.0
MOST_RUNS = 1000


class Model:
    """A model of which only the forward pass is used."""

    def __init__(self, path, positions, threads):
        llama_cpp.llama_backend_init()
        # It tells everything it does.
        llama_cpp.llama_log_set(SILENT, None)
        settings = llama_cpp.llama_model_default_params()
        settings.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), settings)
        if not self.model:
            sys.exit(f"llama.cpp cannot load {path}")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = positions
        settings.offload_kqv = settings.op_offload = False
        settings.n_threads = settings.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        if not self.context:
            sys.exit("llama.cpp has no room for the context")
        self.at = 0

    def entry(self, key):
        room = bytearray(64)
        view = (llama_cpp.ctypes.c_char * len(room)).from_buffer(room)
        length = llama_cpp.llama_model_meta_val_str(self.model, key.encode(), view, len(room))
        return room[:length].decode() if length >= 0 else None

    def forget(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        self.at = 0

    def run(self, count):
        tokens = (llama_cpp.llama_token * count)(*[1] * count)
        batch = llama_cpp.llama_batch_get_one(tokens, count)
        if llama_cpp.llama_decode(self.context, batch) != 0:
            sys.exit(f"llama.cpp cannot read {count} tokens at position {self.at}")
        llama_cpp.llama_synchronize(self.context)
        self.at += count


@llama_cpp.llama_log_callback
def SILENT(level, text, data):
    pass


def main():
    request = json.loads(sys.argv[1])
    llm, prompt = request["config"]["llm"], request["prompt"]
    context = llm["max_positions"]
    model = Model(request["file"], context, request["threads"])
    for key, name in SIZES.items():
        found = model.entry(key)
        if found != str(llm[name]):
            sys.exit(f"{request['file']} has {key} {found}, the configuration has {llm[name]}")

    def prefill():
        model.forget()
        model.run(prompt)

    def decode_step():
        if model.at == context:
            prefill()
        model.run(1)

    run = {"llm_prefill": prefill, "llm_decode_step": decode_step}[request["stage"]]
    prefill()
    began = time.perf_counter()
    run()
    first = time.perf_counter() - began
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
        "program": f"llama-cpp-python {llama_cpp.__version__}",
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
