"""Trains and scores the paper's ablations (Table 2, Figure 8) on the built-in model.

    calico data synth --split train --pairs 6000 --dev-pairs 300 --seed 1 --out synth
    calico data synth --pairs 900 --seed 7 --out drawn
    python tools/ablations/run.py --train synth --test drawn --work ablations

Every variant begins with the encoders and SAM of the built-in model; all else is drawn from the
seed and learnt with the same short schedule. Needs Python only, and goes on where it stopped, with
nothing but WORK/ablations.json and WORK/settings.json of what is done. Writes those, and
WORK/ablations.md.
"""

import argparse
import hashlib
import json
import statistics
import subprocess
from pathlib import Path

SEEDS = (1, 2, 3)
MEASURES = ("ap50", "miou", "miou_strict", "recall", "s_iou", "exact_answers")
TITLES = ("AP50", "mIoU", "mIoU strict", "Recall", "S-IoU", "exact answers")

# What is changed in the configuration of the built-in model.
VARIANTS = {
    "full": {},
    "w/o Q-Former": {"qformer": {"enabled": False}},
    "w/o DINO": {"dino": {"enabled": False}},
    "w/o CEM": {"cem": {"enabled": False}},
    "w/o CAM": {"cam": {"use_guidance": False}},
    "w/o CEM, w/o CAM": {"cem": {"enabled": False}, "cam": {"enabled": False}},
    "CAM at layer 2": {"cam": {"layers": [2]}},
    "CAM at layers 1, 2, 3": {"cam": {"layers": [1, 2, 3]}},
}

RECIPE = """\
name = "ablation"
seed = {seed}

[model]
folder = "{base}"
config = "{config}"
keep = {keep}

[features]
folder = "{features}"
stored = "bf16"

[loss]
mask_kind = "bce"
mask = 2.0
dice = 1.0
iou = 0.5
label_prompt = 1.0

[optimizer]
betas = [0.9, 0.95]
weight_decay = 0.05
hidden_matrices = "muon"

[checkpoint]
every = 200
keep = 1

[[stages]]
name = "prompts"
objective = "label_masks"
train = ["sam.decoder"]
steps = {prompt_steps}
batch = 8
accumulate = 2
together = 2
learning_rate = 1e-3
warmup = 20
decay = "cosine"
final_rate = 0.05

[[stages]]
name = "answers"
objective = "grounding"
train = {train}
steps = {steps}
batch = 8
accumulate = 2
together = 2
learning_rate = 2e-3
warmup = 50
decay = "cosine"
final_rate = 0.02
"""


def changed(config, changes):
    """A copy of the configuration with the changes in it, section by section."""
    return config | {name: config[name] | change for name, change in changes.items()}


def modules(config):
    """What is kept of the built-in model, and what learns."""
    keep, train = ["eva", "ln_vision", "sam"], ["f_image", "llm", "lora", "seg_proj", "sam.decoder"]
    if config["dino"]["enabled"] and config["cem"]["enabled"]:
        keep.append("dino")
        train.append("cem")
    if config["qformer"]["enabled"]:
        train += ["qformer", "query_tokens"]
    if config["cam"]["enabled"]:
        train.append("cams")
    return keep, train


def score(calico, model, data, out, suite=None):
    """The scores of a model on a data set, or on a suite of it."""
    if not (out / "scores.json").exists():
        which = ["--suite", suite] if suite else []
        calico(["eval", "--data", data, "--model", model, "--out", out, *which])
    return json.loads((out / "scores.json").read_text())["overall"]


def run(args, calico, base, name, seed):
    """Trains a variant and scores it: on the test split, and on `correspondence`."""
    place = args.work / name.replace("/", "").replace(" ", "-").replace(",", "") / str(seed)
    place.mkdir(parents=True, exist_ok=True)
    config = changed(json.loads((base / "config.json").read_text()), VARIANTS[name])
    (place / "config.json").write_text(json.dumps(config))
    keep, train = modules(config)
    recipe = RECIPE.format(
        seed=seed,
        base=base,
        config=place / "config.json",
        features=args.work / "features",
        keep=json.dumps(keep),
        train=json.dumps(train),
        prompt_steps=args.prompt_steps,
        steps=args.steps,
    )
    (place / "recipe.toml").write_text(recipe)
    model = place / "run" / "model"
    if not model.exists():
        calico(["train", place / "recipe.toml", "--data", args.train, "--out", place / "run"])
    return {
        "test": score(calico, model, args.test, place / "test"),
        "correspondence": score(
            calico, model, args.test, place / "correspondence", "correspondence"
        ),
    }


def drawn_as(data):
    """What a drawn data set says it was drawn from."""
    return json.loads((data / "synth.json").read_text())


def check_same(args, base):
    """Results of other weights, data, recipes or steps are never mixed into one table."""
    weights = hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest()
    settings = {
        "weights": weights,
        "train": drawn_as(args.train),
        "test": drawn_as(args.test),
        "recipe": hashlib.sha256((RECIPE + json.dumps(VARIANTS)).encode()).hexdigest(),
        "steps": [args.prompt_steps, args.steps],
    }
    path = args.work / "settings.json"
    if path.exists() and json.loads(path.read_text()) != settings:
        raise SystemExit(f"{args.work} was begun with other settings: see {path}, or use another --work")
    path.write_text(json.dumps(settings, indent=1))


def cell(runs, where, measure):
    """Mean and deviation over the seeds, in per cent."""
    values = [found[where][measure] for found in runs.values()]
    mean = statistics.mean(values)
    return f"{mean:.1f} ± {statistics.stdev(values):.1f}" if len(values) > 1 else f"{mean:.1f}"


def differences(results, where):
    """How far each variant is from the full model with the same seed, in Markdown."""
    lines = ["| Variant | " + " | ".join(TITLES) + " |", "| --- |" + " --- |" * len(TITLES)]
    full = results["full"]
    for name, runs in results.items():
        if name == "full":
            continue
        cells = []
        for measure in MEASURES:
            both = [(runs[seed], full[seed]) for seed in runs if seed in full]
            values = [run[where][measure] - base[where][measure] for run, base in both]
            deviation = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):+.1f}{deviation}" if values else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table(results, where):
    """The scores of all variants on one data set, in Markdown."""
    lines = ["| Variant | " + " | ".join(TITLES) + " |", "| --- |" + " --- |" * len(TITLES)]
    for name, runs in results.items():
        cells = (cell(runs, where, measure) for measure in MEASURES)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", type=Path, required=True, help="a drawn data set to learn from")
    parser.add_argument("--test", type=Path, required=True, help="another one with its suites")
    parser.add_argument("--work", type=Path, required=True, help="folder for everything written")
    parser.add_argument("--program", default="target/release/calico", help="the command")
    parser.add_argument("--prompt-steps", type=int, default=300)
    parser.add_argument("--steps", type=int, default=1200)
    args = parser.parse_args()
    args.train, args.test, args.work = (p.resolve() for p in (args.train, args.test, args.work))
    args.work.mkdir(parents=True, exist_ok=True)

    def calico(command):
        subprocess.run([args.program, *map(str, command)], check=True)

    base = args.work / "mini"
    if not base.exists():
        calico(["model", "default", "--out", base])
    check_same(args, base)
    path = args.work / "ablations.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    # Seed by seed, so that a table of one seed is there early.
    for seed in SEEDS:
        for name in VARIANTS:
            done = results.setdefault(name, {})
            if str(seed) not in done:
                done[str(seed)] = run(args, calico, base, name, seed)
            path.write_text(json.dumps(results, indent=1))
            parts = []
            for title, where in (("Test split", "test"), ("Suite `correspondence`", "correspondence")):
                parts += [f"### {title}", table(results, where), differences(results, where)]
            (args.work / "ablations.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
