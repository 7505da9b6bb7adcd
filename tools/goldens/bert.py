"""Goldens of BERT as a sentence encoder: WordPiece, encoder and both poolings.

References are transformers (tokenizer, encoder), sentence-transformers (mean over the attention
mask, normalised) and GLaMM's evaluator (`eval/gcg/evaluate.py`: one text at a time, plain mean of
the last states). With `CALICO_MINILM` set to a folder of all-MiniLM-L6-v2, its numbers are written
as well; without it `minilm.*` stay as they are.
"""

import hashlib
import json
import os
import platform
import shutil
import tempfile
from pathlib import Path

import numpy as np
import sentence_transformers
import tokenizers
import torch
import transformers
from safetensors import safe_open
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertForPreTraining, BertModel, BertTokenizer
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

import upstream
from common import GOLDENS, Capture, Weights, numbered, write

HERE = GOLDENS / "bert"
FOLDER = HERE / "folder"
NAMES = [(r"(.+)", r"bert.\1")]

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;!?'\"()-_/&%#$*+=<>@[]|~^`"
WORDS = """
the a of and is in image images object objects part parts common unique chair table sofa seat back
backrest leg legs arm armrest handle lid body wheel rim head eye ear tail wing beak neck paw foot
cup mug bottle knife blade spoon bowl car door window mirror light cafe naive uber straße Chair Leg
Cafe Café ##s ##ed ##ing ##er ##rest ##le ##est ##ness ##ful ##é ##ß ##ü é ü ß ñ ø 中 国 椅 子 の ア 한
α β я и 😀 … — “ ” ’ € ½ ##½
""".split()

DECOMPOSED = "Cafe\u0301 versus caf\u00e9"
TEXTS = [
    "the seat of the chair",
    "armrest",
    "Chair Legs",
    "unhandled handles",
    "",
    " ",
    " \t\n table \r\n top  ",
    "Café NAÏVE Über Straße",
    DECOMPOSED,
    "\u00c5ngstr\u00f6m \u0130stanbul \ufb01nger",
    "椅子のleg",
    "中国chair国",
    "한국어 αβ Яблоки",
    "\U00020000 \uf900 \u3400",
    "chair's leg, (left); 100%!",
    "under_score-hyphen/slash:colon",
    "“quoted” — it’s €5 ½…",
    "😀 chair 🪑 legs 👩‍🔧",
    "leg\u200blid zero\u00adwidth\ufeff",
    "no\u00a0break\u2003space\u3000wide",
    "nul\u0000 bell\u0007 replaced\ufffd del\u007f",
    "x" * 100,
    "x" * 101,
    "é" * 60,
    "[SEP] in [MASK] a [CLS]text [sep] [UNK][PAD]",
    "<p> a handle </p> [SEG]",
    "`a^b~c|d$e+f=g<h>i`",
    "the common parts are the seat, the back and the legs of the chair in both images",
    "chair " * 40,
    "½ x½ ²leg ①",
    "ΑΒ ΣΑΣ ǅ",
    "\u0915\u093e\u0930 \u05d1\u05bc \u0e01\u0e33",
]

# Labels of parts, near and far from each other.
PAIRS = [
    ("the back of the chair", "chair backrest"),
    ("seat", "the seat of the sofa"),
    ("wheel", "tire"),
    ("wheel", "rim of the wheel"),
    ("handle", "a handle"),
    ("leg", "Legs"),
    ("beak of the bird", "wing of the bird"),
    ("knife blade", "blade of the knife"),
    ("knife blade", "computer keyboard"),
    ("cat", "dog"),
    ("cat head", "face of a cat"),
    ("lampshade", "the shade of the lamp"),
    ("aeroplane", "airplane"),
    ("café table", "CAFE  TABLE"),
    ("", "chair"),
    ("🪑", "chair"),
]

TINY = BertConfig(
    hidden_size=48,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=96,
    max_position_embeddings=24,
    type_vocab_size=2,
    layer_norm_eps=1e-12,
)
MINILM = {
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
}


def vocabulary():
    pieces = SPECIAL + list(CHARACTERS) + [f"##{c}" for c in CHARACTERS if c.isalnum()] + WORDS
    return list(dict.fromkeys(pieces))


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def put_rows(path, rows):
    """An object of which every entry has its lines already."""
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8", newline="\n")


def config_json(config):
    """The keys of a published config.json that say what is computed."""
    keys = [
        "model_type", "hidden_act", "hidden_size", "intermediate_size", "layer_norm_eps",
        "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "type_vocab_size",
        "vocab_size",
    ]  # fmt: skip
    return {"architectures": ["BertModel"]} | {key: getattr(config, key) for key in keys}


def write_folder():
    """A sentence encoder in the layout of all-MiniLM-L6-v2, without its weights."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    words = vocabulary()
    TINY.vocab_size = len(words)
    put(FOLDER / "config.json", config_json(TINY))
    (FOLDER / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8", newline="\n")
    put(
        FOLDER / "tokenizer_config.json",
        {"do_lower_case": True, "tokenizer_class": "BertTokenizer", "model_max_length": 24},
    )
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    put(
        FOLDER / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
    )
    put(FOLDER / "sentence_bert_config.json", {"max_seq_length": 16, "do_lower_case": False})
    modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"]
    flags = {f"pooling_mode_{mode}": mode == "mean_tokens" for mode in modes}
    put(FOLDER / "1_Pooling" / "config.json", {"word_embedding_dimension": 48} | flags)


def provenance(sentence):
    return {
        "script": "tools/goldens/bert.py",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "sentence_transformers": sentence_transformers.__version__,
        },
        "case": sentence,
    }


def tokens():
    """Ids of every text, lower-casing and not, checked with the older tokenizer in plain Python.

    The older one composes accents (NFC), which shows where they are kept.
    """
    cases, differing = {}, []
    for name, lower in [("uncased", True), ("cased", False)]:
        fast = BertTokenizer(vocab=str(FOLDER / "vocab.txt"), do_lower_case=lower)
        slow = BertTokenizerLegacy(str(FOLDER / "vocab.txt"), do_lower_case=lower)
        cases[name] = [{"text": text, "ids": fast(text)["input_ids"]} for text in TEXTS]
        for case in cases[name]:
            if slow(case["text"])["input_ids"] != case["ids"]:
                differing.append((name, case["text"]))
        if lower:
            fast.backend_tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
    if differing != [("cased", DECOMPOSED)]:
        raise ValueError(f"the tokenizers differ on {differing}")
    sentence = f"Ids of {len(TEXTS)} texts over folder/vocab.txt, [CLS] and [SEP] included."
    rows = [
        f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases[name]) + "\n]"
        for name in cases
    ]
    head = f'"provenance": {json.dumps(provenance(sentence))}'
    put_rows(HERE / "tokens.json", [head, *rows])


def stages(module):
    """Two rows of ids, stage by stage."""
    ids = torch.from_numpy(np.random.default_rng(8).integers(0, TINY.vocab_size, (2, 11)))
    named = {"embeddings": module.embeddings} | numbered("layer", module.encoder.layer)
    with Capture(named) as outputs:
        final = module(ids).last_hidden_state
    outputs = {name: out[0] if isinstance(out, tuple) else out for name, out in outputs.items()}
    sentence = (
        f"BERT, vocabulary {TINY.vocab_size}, width 48, 4 heads, 3 layers, FFN 96, 24 positions."
    )
    write(__file__, "bert/tiny", sentence, {"ids": ids}, {**outputs, "final": final})


def sentence_encoder(module, width):
    """sentence-transformers' own reading of the committed folder with these weights."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        put(
            Path(folder) / "1_Pooling" / "config.json",
            {"embedding_dimension": width, "pooling_mode": "mean", "include_prompt": True},
        )
        module.save_pretrained(folder)
        put(Path(folder) / "config.json", config_json(module.config))
        return SentenceTransformer(folder, device="cpu")


def glamm(module, tokenizer, text):
    """GLaMM's `get_bert_embedding`."""
    limit = min(512, module.config.max_position_embeddings)
    inputs = tokenizer(text, return_tensors="pt", max_length=limit, truncation=True)
    return module(**inputs).last_hidden_state[0].mean(dim=0)


def pooled(case, module, sentence):
    """Both embeddings of every text."""
    encoder = sentence_encoder(module, module.config.hidden_size)
    tokenizer = BertTokenizer(vocab=str(FOLDER / "vocab.txt"))
    outputs = {
        "normalised": encoder.encode(TEXTS, batch_size=8, convert_to_tensor=True),
        "mean": torch.stack([glamm(module, tokenizer, text) for text in TEXTS]),
    }
    write(__file__, case, sentence, {}, outputs)


def old_spelling(name):
    """How the file of bert-base-uncased names its normalisations."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias", "LayerNorm.beta"
    )


def layouts():
    """Names and shapes in the two published files, from transformers' modules of full size."""
    with torch.device("meta"):
        base = BertForPreTraining(BertConfig())
        small = BertModel(BertConfig(**MINILM))
    tied = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
    files = {
        "bert-base-uncased": (
            base.config,
            {old_spelling(k): v for k, v in base.state_dict().items() if k not in tied},
        ),
        "all-MiniLM-L6-v2": (
            small.config,
            small.state_dict() | {"embeddings.position_ids": torch.empty(1, 512, device="meta")},
        ),
    }
    sentence = (
        "Configurations, names and shapes of the published files, as transformers' modules have "
        "them; the normalisations of bert-base-uncased are renamed to the spelling of its file."
    )
    parts = [f'"provenance": {json.dumps(provenance(sentence))}']
    for name, (config, tensors) in files.items():
        rows = [
            f"{json.dumps(key)}: {list(tensor.shape)}" for key, tensor in sorted(tensors.items())
        ]
        config = json.dumps(config_json(config))
        rows = ",\n".join(rows)
        parts.append(f'"{name}": {{"config": {config}, "tensors": {{\n{rows}\n}}}}')
    put_rows(HERE / "layouts.json", parts)


def real(folder):
    """The published model on pairs of labels."""
    encoder = SentenceTransformer(str(folder), device="cpu")
    first, second = (
        encoder.encode([pair[side] for pair in PAIRS], convert_to_tensor=True) for side in (0, 1)
    )
    with safe_open(folder / "model.safetensors", "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}
    expected = json.loads((HERE / "layouts.json").read_text())["all-MiniLM-L6-v2"]["tensors"]
    if shapes != expected:
        raise ValueError("layouts.json is not the layout of the published file")
    cosines = (first.double() * second.double()).sum(1)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    sentence = (
        f"all-MiniLM-L6-v2 (model.safetensors has SHA-256 {digest}) by sentence-transformers "
        f"{sentence_transformers.__version__} on pairs of labels."
    )
    pairs = [
        {"first": a, "second": b, "cosine": round(float(cosine), 7)}
        for (a, b), cosine in zip(PAIRS, cosines, strict=True)
    ]
    put(HERE / "minilm.json", {"provenance": provenance(sentence), "pairs": pairs})
    write(__file__, "bert/minilm", sentence, {}, {"first": first, "second": second})


def main():
    write_folder()
    tokens()
    tiny = upstream.build(BertModel, TINY, Weights(), NAMES)
    stages(tiny)
    note = (
        "a row per text of tokens.json, lower-cased; out.normalised is that of "
        f"sentence-transformers {sentence_transformers.__version__} with at most 16 tokens, "
        "out.mean is GLaMM's with at most"
    )
    pooled("bert/pooled", tiny, f"The tiny BERT; {note} 24.")
    small = upstream.build(BertModel, BertConfig(**MINILM), Weights(), NAMES)
    pooled("bert/minilm_layout", small, f"BERT in the size of all-MiniLM-L6-v2; {note} 512.")
    layouts()
    if "CALICO_MINILM" in os.environ:
        real(Path(os.environ["CALICO_MINILM"]))


if __name__ == "__main__":
    main()
