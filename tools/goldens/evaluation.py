"""Write the goldens of calico-eval: an independent evaluation of random predictions.

AP50 comes from pycocotools' COCOeval, assignments from scipy, everything else from the plain
loops below, which work on pixels and know nothing of our code.
Text encoders are replaced by signed counts of character trigrams, which the test makes as well.

    python tools/goldens/evaluation.py [--out goldens/evaluation]
"""

import argparse
import contextlib
import importlib.metadata
import io
import json
import math
import pathlib

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TASKS = ["common_objects", "common_parts", "unique_parts"]
CLASSES = {
    "paco_lvis": ["chair", "bench", "trash can"],
    "part_imagenet": ["bird", "dog", "bed"],
}
# "bed" is a part of other things as well, as in ADE20K.
PARTS = ["leg", "left leg", "seat", "back", "handle", "head", "tail", "bed"]
BUCKETS = 48
# The height of images whose masks are strips.
STRIPED = 8


# --- the random case -------------------------------------------------------------------------


def strips(rng, height, width):
    """Some of four strips: most IoUs are equal to others, so that the order of ties decides."""
    mask = np.zeros((height, width), bool)
    for strip in np.flatnonzero(rng.random(4) < 0.5):
        mask[:, strip * width // 4 : (strip + 1) * width // 4] = True
    return mask


def blob(rng, height, width):
    if height == STRIPED:
        return strips(rng, height, width)
    y, x = np.mgrid[:height, :width]
    centre = rng.uniform(0.1, 0.9, 2) * (height, width)
    radius = rng.uniform(0.15, 0.5, 2) * (height, width)
    return ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2 < 1


def moved(rng, mask):
    """Nearly the same mask."""
    if len(mask) == STRIPED:
        return strips(rng, *mask.shape)
    shift = rng.integers(-8, 9, 2)
    return np.roll(mask, shift, (0, 1))


def encoded(mask):
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": rle["counts"].decode("ascii")}


def uncompressed(mask):
    flat = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return {
        "size": list(mask.shape),
        "counts": np.diff(changes, prepend=0, append=flat.size).tolist(),
    }


def decoded(segmentation, height, width):
    if isinstance(segmentation, list):
        rle = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        rle = coco_mask.frPyObjects(segmentation, height, width)
    else:
        rle = segmentation
    return coco_mask.decode(rle).astype(bool)


def truth(rng, number, source, task, striped):
    a, b = rng.choice(CLASSES[source], 2)
    if task == "common_objects":
        b = a
    sizes = [(int(rng.integers(36, 60)), int(rng.integers(36, 60))) for _ in range(2)]
    if striped:
        sizes = [(STRIPED, 8)] * 2
    images = [{"image_id": f"{source}/{number:03}-{i}", "size": list(size), "targets": []}
              for i, size in enumerate(sizes)]

    def add(image, label, is_object):
        mask = blob(rng, *sizes[image])
        images[image]["targets"].append(
            {"label": label, "is_object": is_object, "mask": encoded(mask)})

    if task == "common_objects" or rng.random() < 0.5:
        add(0, str(a), True)
        add(1, str(b), True)
    labels = [str(label) for label in rng.permutation(PARTS)[: rng.integers(1, 4)]]
    if task == "common_parts":
        for label in labels:
            add(0, label, False)
            add(1, label, False)
    if task == "unique_parts":
        # Sometimes one image has no unique part.
        sides = [rng.integers(0, 2) if rng.random() < 0.7 else 0 for _ in labels]
        for label, side in zip(labels, sides):
            add(int(side), label, False)
    return {
        "sample_id": f"{source}/test/{task}/{(number * 37) % 101:03}",
        "source": source,
        "subtask": task,
        "classes": [str(a), str(b)],
        "images": images,
    }


def spelled(rng, label):
    forms = [label, f"the {label}", f"<p> A {label} </p>", label.replace(" ", "_").upper(),
             f"{label}."]
    return forms[rng.integers(len(forms))]


def prediction(rng, sample, distinct):
    """Hits, near misses, duplicates, empty masks, wrong labels, wrong images, extra objects."""
    segments = []

    def add(image, label, segmentation):
        segment = {"image": image + 1, "label": spelled(rng, label), "mask": segmentation}
        if rng.random() < 0.7:
            segment["score"] = float(rng.integers(1, 6)) / 5
        segments.append(segment)

    for index, image in enumerate(sample["images"]):
        height, width = image["size"]
        labels = [target["label"] for target in image["targets"]]
        if len(labels) > 1 and rng.random() < 0.2:
            labels = labels[1:] + labels[:1]
        for label, target in zip(labels, image["targets"]):
            mask = decoded(target["mask"], height, width)
            chance = rng.random()
            if chance < 0.12:
                continue
            if rng.random() < 0.15:
                label = f"left {label}" if rng.random() < 0.5 else f"{label} of it"
            if chance < 0.35 and not distinct:
                add(index, label, encoded(mask))
            else:
                mask = moved(rng, mask)
                add(index, label, encoded(mask) if chance < 0.7 else uncompressed(mask))
            if rng.random() < 0.15:
                again = moved(rng, mask) if distinct else mask
                add(index, str(rng.choice(PARTS)), encoded(again))
        if rng.random() < 0.2:
            add(index, str(rng.choice(PARTS)), encoded(np.zeros((height, width), bool)))
        if rng.random() < 0.2:
            add(index, str(rng.choice(PARTS)), encoded(blob(rng, height, width)))
        if rng.random() < 0.2:
            add(index, sample["classes"][index], encoded(blob(rng, height, width)))
        if rng.random() < 0.15:
            x, y = rng.integers(0, width // 2), rng.integers(0, height // 2)
            corners = [x, y, x + 17.5, y + 0.5, x + 14.25, y + 15.75, x, y + 12]
            add(index, str(rng.choice(PARTS)), [[float(c) for c in corners]])
    order = rng.permutation(len(segments))
    segments = [segments[i] for i in order]
    return {"sample_id": sample["sample_id"], "segments": segments}


def crowded(rng, sample, line):
    """More than 100 predictions in one image, so that the last do not count in AP50."""
    height, width = sample["images"][0]["size"]
    specks = []
    for _ in range(104):
        mask = np.zeros((height, width), bool)
        mask[rng.integers(height), rng.integers(width)] = True
        specks.append({"image": 1, "label": "leg", "mask": encoded(mask), "score": 0.4})
    line["segments"] = specks + line["segments"]


def case(seed, distinct, striped):
    rng = np.random.default_rng(seed)
    samples, lines = [], []
    for number in range(60):
        source = list(CLASSES)[number % 2]
        sample = truth(rng, number, source, TASKS[number // 2 % 3], striped)
        samples.append(sample)
        if number in (7, 20):
            continue  # missing
        line = prediction(rng, sample, distinct)
        if number == 11:
            line = {"sample_id": sample["sample_id"], "segments": [], "failure": "no answer"}
        if number == 26 and not distinct:
            crowded(rng, sample, line)
        lines.append(line)
    lines = [lines[i] for i in rng.permutation(len(lines))]
    return samples, lines


# --- the evaluation --------------------------------------------------------------------------


def normalized(text):
    text = text.replace("<p>", " ").replace("</p>", " ").lower()
    words = "".join(c if c.isalnum() else " " for c in text).split()
    if len(words) > 1 and words[0] in ("the", "a", "an"):
        words = words[1:]
    return " ".join(words)


def embedding(text):
    """Signed counts of the trigrams of `^text$`."""
    data = f"^{text}$".encode()
    vector = [0.0] * BUCKETS
    for a, b, c in zip(data, data[1:], data[2:]):
        vector[(a * 961 + b * 31 + c) % BUCKETS] += 1.0 if (a + b + c) % 3 else -1.0
    return vector


def cosine(a, b):
    a, b = embedding(a), embedding(b)
    product = lambda u, v: sum(x * y for x, y in zip(u, v))
    lengths = math.sqrt(product(a, a) * product(b, b))
    return product(a, b) / lengths if lengths else 0.0


def word_overlap(a, b):
    a, b = set(a.split()), set(b.split())
    return len(a & b) / len(a | b) if a | b else 0.0


def units_of(sample, line, objects):
    """Per image: target masks and labels, predicted masks, labels and scores."""
    is_part_task = sample["subtask"] != "common_objects"
    set_aside = is_part_task and objects == "set_aside"
    names = {normalized(label) for label in sample["classes"]}
    names |= {normalized(target["label"]) for image in sample["images"]
              for target in image["targets"] if target["is_object"]}
    for index, image in enumerate(sample["images"]):
        height, width = image["size"]
        unit = {"targets": [], "wanted": [], "predictions": [], "found": [], "scores": []}
        for target in image["targets"]:
            if set_aside and target["is_object"]:
                continue
            unit["targets"].append(decoded(target["mask"], height, width))
            unit["wanted"].append(normalized(target["label"]))
        for segment in line["segments"] if line else []:
            label = normalized(segment["label"])
            if segment["image"] != index + 1:
                continue
            if set_aside and label in names and label not in unit["wanted"]:
                continue
            unit["predictions"].append(decoded(segment["mask"], height, width))
            unit["found"].append(label)
            unit["scores"].append(segment.get("score", 1.0))
        unit["shape"] = (height, width)
        if unit["targets"] or unit["predictions"]:
            yield unit


def ious(rows, columns):
    matrix = np.zeros((len(rows), len(columns)))
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            union = np.logical_or(a, b).sum()
            matrix[i, j] = np.logical_and(a, b).sum() / union if union else 0.0
    return matrix


def greedy(matrix):
    """Row, column and value of each maximum above 0, in turn."""
    matrix = matrix.copy()
    taken = []
    while matrix.size and matrix.max() > 0:
        row, column = np.unravel_index(np.argmax(matrix), matrix.shape)
        taken.append((row, column, matrix[row, column]))
        matrix[row, :] = 0
        matrix[:, column] = 0
    return taken


def measured(unit, setting):
    by_prediction = ious(unit["predictions"], unit["targets"])
    if setting["assign"] == "greedy":
        pairs = [(t, p, iou) for p, t, iou in greedy(by_prediction)]
        recall_pairs = greedy(by_prediction.T)
    else:
        rows, columns = linear_sum_assignment(-by_prediction)
        pairs = [(t, p, by_prediction[p, t]) for p, t in zip(rows, columns)
                 if by_prediction[p, t] > 0]
        recall_pairs = pairs

    def agrees(target, found):
        a, b = unit["wanted"][target], unit["found"][found]
        return cosine(a, b) >= 0.5 if setting["label_test"] == "bert" else a == b

    right = [iou >= 0.5 and agrees(t, p) for t, p, iou in recall_pairs]
    stop = right.index(False) if False in right and setting["assign"] == "greedy" else len(right)
    total = sum(iou for _, _, iou in pairs)
    targets = len(unit["targets"])

    def likeness(function):
        if not targets:
            return None
        best = sum(max([0.0] + [function(a, b) for b in unit["found"]]) for a in unit["wanted"])
        matched = sum(max(0.0, function(unit["wanted"][t], unit["found"][p]))
                      for t, p, _ in pairs)
        return best / targets, matched / targets

    return {
        "miou": total / len(pairs) if pairs else 0.0,
        "miou_strict": total / targets if targets else 0.0,
        "targets": targets,
        "predictions": len(unit["predictions"]),
        "recalled": sum(right[:stop]),
        "recalled_strict": sum(right),
        "words": likeness(word_overlap),
        "sentences": likeness(cosine),
    }


def ap50(units, use_scores):
    images, annotations, results = [], [], []
    for number, unit in enumerate(units, 1):
        height, width = unit["shape"]
        images.append({"id": number, "height": height, "width": width})
        for mask in unit["targets"]:
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": 1,
                                "segmentation": encoded(mask), "area": int(mask.sum()),
                                "bbox": [0, 0, 1, 1], "iscrowd": 0})
        for mask, score in zip(unit["predictions"], unit["scores"]):
            results.append({"image_id": number, "category_id": 1, "segmentation": encoded(mask),
                            "score": score if use_scores else 1.0})
    if not annotations or not results:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "annotations": annotations,
                        "categories": [{"id": 1, "name": "thing"}]}
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, 0, 0, 2]
    return float(precision.mean())


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def row(samples, lines, setting):
    samples = sorted(samples, key=lambda sample: sample["sample_id"].encode())
    units = [unit for sample in samples
             for unit in units_of(sample, lines.get(sample["sample_id"]), setting["objects"])]
    found = [measured(unit, setting) for unit in units]
    targets = sum(unit["targets"] for unit in found)
    strict = setting["mode"] == "strict"
    result = {
        "pairs": len(samples),
        "images": len(units),
        "targets": targets,
        "predictions": sum(unit["predictions"] for unit in found),
        "ap50": ap50(units, strict),
        "miou": mean(unit["miou_strict" if strict else "miou"] for unit in found),
        "recall": sum(unit["recalled_strict" if strict else "recalled"] for unit in found)
        / max(targets, 1),
        "miou_strict": mean(unit["miou_strict"] for unit in found),
        "recall_strict": sum(unit["recalled_strict"] for unit in found) / max(targets, 1),
    }
    for name, kind in (("ss", "sentences"), ("s_iou", "words")):
        likenesses = [unit[kind] for unit in found if unit[kind] is not None]
        result[name] = mean(best for best, _ in likenesses)
        result[f"{name}_mask_matched"] = mean(matched for _, matched in likenesses)
    return result


def group(samples, lines, setting):
    tasks = {}
    for task in TASKS:
        chosen = [sample for sample in samples if sample["subtask"] == task]
        if chosen:
            tasks[task] = row(chosen, lines, setting)
    counts = ("pairs", "images", "targets", "predictions")
    overall = {key: (sum if key in counts else mean)(entry[key] for entry in tasks.values())
               for key in next(iter(tasks.values()))}
    return {"overall": overall, "tasks": tasks}


def groups(samples, lines, setting, keys):
    names = sorted({key for sample in samples for key in keys(sample)})
    return {name: group([s for s in samples if name in keys(s)], lines, setting)
            for name in names}


def report(samples, lines, setting):
    lines = {line["sample_id"]: line for line in lines}
    return {
        "setting": setting,
        "all": group(samples, lines, setting),
        "sources": groups(samples, lines, setting, lambda s: [s["source"]]),
        "classes": groups(samples, lines, setting, lambda s: s["classes"]),
        "class_pairs": groups(samples, lines, setting, lambda s: [" + ".join(sorted(s["classes"]))]),
    }


# --- the files -------------------------------------------------------------------------------


def assignments(rng):
    """Matrices of all shapes, with ties and zeros, and the largest sum of one per row and column."""
    cases = []
    for number in range(60):
        rows, columns = rng.integers(1, 14, 2)
        matrix = rng.random((rows, columns))
        if number % 3 == 1:
            matrix = np.round(matrix, 1)
        if number % 3 == 2:
            matrix[matrix < 0.6] = 0
        matrix = np.round(matrix, 6)
        chosen = linear_sum_assignment(matrix, maximize=True)
        cases.append({"matrix": matrix.tolist(), "sum": float(matrix[chosen].sum())})
    return cases


def write_list(path, entries):
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n")


def write_lines(path, entries):
    path.write_text("".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries))


def setting(mode="glamm", assign="greedy", label_test="exact", objects="set_aside"):
    return {"mode": mode, "assign": assign, "label_test": label_test, "objects": objects}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=REPOSITORY / "goldens" / "evaluation")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    # Where two predictions are the same, several assignments have the same sum, and which labels
    # are matched is open: the Hungarian ones are compared on distinct masks.
    cases = {
        "strips": (4, False, [setting(), setting(mode="strict")]),
        "ties": (1, False, [setting(), setting(label_test="bert"), setting(objects="count"),
                            setting(mode="strict"), setting("strict", label_test="bert")]),
        "distinct": (2, True, [setting(), setting(assign="hungarian"),
                               setting(assign="hungarian", label_test="bert")]),
    }
    for name, (seed, distinct, settings) in cases.items():
        samples, lines = case(seed, distinct, striped=name == "strips")
        write_list(out / f"{name}.truth.json", samples)
        write_lines(out / f"{name}.predictions.jsonl", lines)
        write_list(out / f"{name}.expected.json", [report(samples, lines, s) for s in settings])
    write_list(out / "assignments.json", assignments(np.random.default_rng(3)))
    facts = {"script": "tools/goldens/evaluation.py"}
    facts |= {name: importlib.metadata.version(name) for name in ("numpy", "pycocotools", "scipy")}
    (out / "provenance.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
