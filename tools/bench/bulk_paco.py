"""PACO-LVIS at full size: the exact counts of the splits, and of the classes in training."""

import numpy as np
from pycocotools import mask as coco

import blobs
import stream
import paco
from coding import vocabulary

SPLITS = {"train": (45_790, 217_117, 395_071), "val": (2_410, 10_794, 20_945), "test": (9_443, 45_861, 86_041)}
SIDES = [((640, 480), 55), ((480, 640), 15), ((640, 427), 15), ((427, 640), 6), ((500, 375), 5), ((640, 640), 4)]
COCO_IDS = 581_930
TWO_PIECES = .25  # share of the parts with two pieces, as two legs


def slots(rng, classes, images, objects):
    """(image, class, instances) of every class in every image, sorted by image."""
    instances = blobs.shares([o["train_instance_count"] for o in classes], objects)
    wanted = np.round([o["train_image_count"] * objects / 217_117 for o in classes]).astype(int)
    wanted = np.minimum(np.maximum(wanted, 1), instances)
    kind = rng.permutation(np.repeat(np.arange(len(classes)), wanted))
    image = np.concatenate([rng.permutation(images), rng.integers(0, images, max(len(kind) - images, 0))])[: len(kind)]
    for _ in range(50):  # a class is once in an image
        _, first = np.unique(image * len(classes) + kind, return_index=True)
        again = np.setdiff1d(np.arange(len(kind)), first)
        if not len(again):
            break
        image[again] = rng.integers(0, images, len(again))
    extra = np.ones(len(kind), int)
    for number in range(len(classes)):
        mine = np.flatnonzero(kind == number)
        more = instances[number] - len(mine)
        if len(mine) and more:
            weights = np.exp(rng.normal(0, 1.2, len(mine)))
            extra[mine] += rng.multinomial(more, weights / weights.sum())
    order = np.argsort(image, kind="stable")
    return image[order], kind[order], extra[order]


def part_counts(classes, instances, parts):
    """How many objects of each class have each part: between one an image and all of them."""
    counts = [np.array(o["part_train_image_counts"], float) for o in classes]
    several = [instances[i] / max(o["train_image_count"], 1) for i, o in enumerate(classes)]
    scale = instances.sum() / sum(o["train_instance_count"] for o in classes)
    several = [ratio / scale for ratio in several]
    total = lambda t: sum(float((c * scale * (1 + t * (r - 1))).sum()) for c, r in zip(counts, several))
    low, high = 0., 1.
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) < parts else (low, middle)
    flat = np.concatenate([c * (1 + low * (r - 1)) for c, r in zip(counts, several)])
    whole = blobs.shares(flat, parts)
    return np.split(whole, np.cumsum([len(c) for c in counts])[:-1])


class Plan:
    """Which classes and which parts each image holds."""

    def __init__(self, split, counts, seed):
        self.classes = vocabulary("paco_lvis")["objects"]
        self.images, objects, parts = counts
        self.seed = [seed, sorted(SPLITS).index(split)]
        rng = np.random.default_rng(self.seed)
        image, kind, instances = slots(rng, self.classes, self.images, objects)
        self.image, self.kind = np.repeat(image, instances), np.repeat(kind, instances)
        rank = np.concatenate([np.arange(n) for n in instances])
        self.sides = blobs.picked_sides(rng, self.images, SIDES)
        per_class = np.bincount(self.kind, minlength=len(self.classes))
        owner, part = [], []
        for number, wanted in enumerate(part_counts(self.classes, per_class, parts)):
            mine = np.flatnonzero(self.kind == number)
            # Parts are annotated on few objects, first on one of every image, and then together.
            mine = mine[np.lexsort((rng.random(len(mine)), rank[mine]))]
            for index, count in enumerate(np.minimum(wanted, len(mine))):
                usual = mine[: max(count, min(len(mine), int(wanted.max() * 1.04) + 1))]
                owner.append(rng.choice(usual, count, replace=False))
                part.append(np.full(count, index))
        owner, part = np.concatenate(owner), np.concatenate(part)
        order = np.lexsort((part, owner))
        self.owner, self.part = owner[order], part[order]
        self.first_object = np.searchsorted(self.image, np.arange(self.images + 1))
        self.first_part = np.searchsorted(self.owner, self.first_object)
        self.incomplete = rng.random(len(self.image)) < .02

    def records(self, names):
        ids = [o["object_id"] for o in self.classes]
        for i, (number, name) in enumerate(names):
            here = slice(self.first_object[i], self.first_object[i + 1])
            incomplete = sorted({ids[k] for k in self.kind[here][self.incomplete[here]].tolist()})
            width, height = self.sides[i].tolist()
            yield stream.compact({
                "id": number, "file_name": name, "width": width, "height": height, "license": 1,
                "neg_category_ids": [], "not_exhaustive_category_ids": incomplete,
                "neg_category_ids_attrs": [], "not_exhaustive_category_ids_attrs": []})

    def chunk(self, names, first, end):
        texts, runs = [], ([], [])
        number = self.first_object[first] + self.first_part[first] + 1
        for i in range(first, end):
            lines = self.one(i, names[i][0], int(number), runs)
            number += len(lines)
            texts += lines
        return stream.Chunk(",".join(texts), runs[0], runs[1], len(texts))

    def one(self, i, image, number, runs):
        """The annotations of an image."""
        rng = np.random.default_rng([*self.seed, 1, i])
        width, height = self.sides[i].tolist()
        kinds = self.kind[self.first_object[i]: self.first_object[i + 1]]
        here = slice(self.first_part[i], self.first_part[i + 1])
        owners, parts = self.owner[here] - self.first_object[i], self.part[here]
        shapes = blobs.objects(rng, len(kinds), (width, height))
        masks = blobs.filled(blobs.outlines(rng, *shapes, (width, height)), height, width)
        pieces = blobs.parts(rng, np.concatenate([owners, owners]), *shapes)
        pieces = blobs.filled(blobs.outlines(rng, *pieces, (width, height)), height, width)
        double = rng.random(len(owners)) < TWO_PIECES
        ids, entries, at = [], [], 0
        for k, kind in enumerate(kinds.tolist()):
            ids.append(number + len(entries))
            entries.append((self.classes[kind]["object_id"], masks[k], ids[k]))
            runs[0].append(blobs.run_count(masks[k]))
            while at < len(owners) and owners[at] == k:
                piece = pieces[at]
                if double[at]:
                    piece = coco.merge([piece, pieces[at + len(owners)]])
                piece = blobs.within(piece, masks[k])
                entries.append((self.classes[kind]["part_ids"][parts[at]], piece, ids[k]))
                runs[1].append(blobs.run_count(piece))
                at += 1
        found = [mask for _, mask, _ in entries]
        rows = zip(entries, blobs.areas(found), coco.toBbox(found).tolist()) if found else ()
        return [
            f'{{"id":{number + n},"bbox":{stream.compact(box)},"area":{area}.0,"category_id":{category},'
            f'"image_id":{image},"segmentation":{blobs.quoted(mask)},"attribute_ids":[],"dom_color_ids":[],'
            f'"obj_ann_id":{owner},"unknown_color":1,"unknown_pattern_marking":1,"unknown_material":1,'
            f'"unknown_transparency":1}}'
            for n, ((category, mask, owner), area, box) in enumerate(rows)
        ]


def document():
    found = paco.document()
    for o in vocabulary("paco_lvis")["objects"]:
        entry = next(c for c in found["categories"] if c["id"] == o["object_id"])
        entry.update(image_count=o["train_image_count"], instance_count=o["train_instance_count"])
    return found


def scaled(scale):
    return {split: tuple(max(1, round(n * scale)) for n in counts) for split, counts in SPLITS.items()}


def write(out, counts, seed, sides=None):
    """Returns the places of the pictures, with their sizes."""
    rng = np.random.default_rng([seed, 99])
    total = sum(images for images, _, _ in counts.values())
    ids, at, places, all_runs = rng.choice(COCO_IDS, total, replace=False) + 1, 0, [], ([], [])
    for split, numbers in counts.items():
        plan = Plan(split, numbers, seed)
        if sides:
            plan.sides[:] = sides
        mine = np.sort(ids[at: at + plan.images]).tolist()
        at += plan.images
        # Half of the pictures of test are from the training half of COCO.
        away = rng.random(plan.images) < {"train": .04, "val": .04, "test": .5}[split]
        names = [(n, f"{'val2017' if other else 'train2017'}/{n:012d}.jpg") for n, other in zip(mine, away)]
        made = lambda first, end: plan.chunk(names, first, end)
        runs = stream.write(out / "annotations" / f"paco_lvis_v1_{split}.json",
                            document() | ({"queries": []} if split == "test" else {}),
                            plan.records(names), plan.images, made)
        all_runs[0].extend(runs[0])
        all_runs[1].extend(runs[1])
        places += [(name, tuple(size)) for (_, name), size in zip(names, plan.sides.tolist())]
    return places, all_runs
