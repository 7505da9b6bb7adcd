"""Derive comparable_pairs.json from the vocabularies and from comparable_groups.json.

    python tools/vocabulary/derive_pairs.py [--check]

Needs Python alone. Two runs write the same bytes; --check writes nothing and fails when the
committed file differs.
"""

import argparse
import itertools
import json
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
VOCABULARY = REPOSITORY / "crates" / "calico-data" / "vocabulary"
DATASETS = ("paco_lvis", "part_imagenet", "ade20k_part_234")
ABOUT = (
    "Comparable object-class pairs per dataset, derived by derive_pairs.py from "
    "comparable_groups.json. Parts are class-level vocabulary sets; the sets used in a sample "
    "come from what is annotated in the two images."
)


def load(name):
    return json.loads((VOCABULARY / name).read_text(encoding="utf-8"))


def classes(dataset):
    """Raw name, or label for PartImageNet, to (label, part labels in order)."""
    vocabulary = load(f"{dataset}.json")
    if dataset == "part_imagenet":
        return {entry["label"]: (entry["label"], entry["part_labels"]) for entry in vocabulary["labels"]}
    return {entry["object"]: (entry["label"], entry["part_labels"]) for entry in vocabulary["objects"]}


def candidates(dataset, groups, vocabulary):
    """Every pair of names that a group proposes, and every class with itself."""
    found = {}
    for group in groups:
        members = group["members"]
        missing = [member for member in members if member not in vocabulary]
        if missing:
            raise SystemExit(f"{dataset}: unknown members {missing} in {group['group']}")
        if len(set(members)) != len(members):
            raise SystemExit(f"{dataset}: repeated member in {group['group']}")
        for pair in itertools.combinations(sorted(members), 2):
            found.setdefault(pair, group["group"])  # the first group that lists a pair names it
    for name in vocabulary:
        found[name, name] = "same class"
    return found


def derive(dataset, groups, weak):
    """(pairs that share a part, pairs that share none or only weak ones)."""
    vocabulary = classes(dataset)
    kept, dropped = [], []
    for (a, b), group in sorted(candidates(dataset, groups, vocabulary).items()):
        (label_a, parts_a), (label_b, parts_b) = vocabulary[a], vocabulary[b]
        common = [part for part in parts_a if part in parts_b]
        strong = [part for part in common if part not in weak]
        if not common or (a != b and not strong):
            dropped.append([a, b])
            continue
        kept.append({
            "a": a, "b": b, "label_a": label_a, "label_b": label_b, "group": group,
            "common_parts": common,
            "unique_a": [part for part in parts_a if part not in parts_b],
            "unique_b": [part for part in parts_b if part not in parts_a],
        })
    return kept, dropped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    groups = load("comparable_groups.json")
    weak = set(groups["weak_parts"])
    pairs, dropped, counts = {}, {}, {}
    for dataset in DATASETS:
        pairs[dataset], dropped[dataset] = derive(dataset, groups[dataset], weak)
        same = sum(pair["a"] == pair["b"] for pair in pairs[dataset])
        counts[dataset] = {
            "pairs": len(pairs[dataset]),
            "same_class": same,
            "cross_class": len(pairs[dataset]) - same,
            "dropped": len(dropped[dataset]),
        }
    for example in groups["paper_examples"]:
        wanted = sorted(example["pair"])
        if not any([pair["a"], pair["b"]] == wanted for pair in pairs[example["dataset"]]):
            raise SystemExit(f"an example of the paper is missing: {example}")

    document = {"about": ABOUT, "counts": counts, "pairs": pairs, "dropped": dropped}
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    path = VOCABULARY / "comparable_pairs.json"
    if arguments.check:
        if path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{path.name} is not what comparable_groups.json gives: run this script")
    else:
        path.write_text(text, encoding="utf-8")
    for dataset in DATASETS:
        print(dataset, counts[dataset])


if __name__ == "__main__":
    main()
