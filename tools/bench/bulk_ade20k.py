"""ADE20K-Part-234 at full size: instances in COCO documents, parts in 16-bit label pictures."""

import numpy as np
from pycocotools import mask as coco

import ade20k
import blobs
import stream
from coding import vocabulary, write_png

SPLITS = {"training": 7_347, "validation": 1_016}
SIDES = [((683, 512), 55), ((512, 683), 10), ((640, 480), 15), ((512, 512), 6), ((256, 256), 6), ((1024, 768), 6),
         ((2000, 1500), 2)]
# How often a class occurs, where that is far from the rest (our guess: the release says nothing).
OFTEN = {"person": 22, "chair": 16, "cabinet": 10, "table": 9, "lamp": 9, "car": 8, "door": 7, "armchair": 5, "bed": 4,
         "sofa": 4, "light": 4, "shelf": 3, "desk": 3, "sink": 3, "chest of drawers": 3, "swivel chair": 3}
HAS_PART = .7
POLYGONS = .8  # share of the instances whose mask is a polygon


class Plan:
    """Where everything lies is decided image by image."""

    def __init__(self, root, split, images, seed):
        self.root, self.split, self.images = root, split, images
        self.classes = vocabulary("ade20k_part_234")["objects"]
        weights = np.array([OFTEN.get(o["object"], 1) for o in self.classes], float)
        self.weights = weights / weights.sum()
        self.seed = [seed, 20 + sorted(SPLITS).index(split)]
        rng = np.random.default_rng(self.seed)
        self.sides = blobs.picked_sides(rng, images, SIDES)
        self.counts = 1 + rng.poisson(3.2, images)
        self.first = np.concatenate([[0], np.cumsum(self.counts)])

    def stem(self, i):
        return f"ADE_{ade20k.SHORT[self.split]}_{i + 1:08d}"

    def records(self):
        for i in range(self.images):
            width, height = self.sides[i].tolist()
            yield f'{{"id":{i + 1},"file_name":"{self.stem(i)}.jpg","width":{width},"height":{height}}}'

    def chunk(self, first, end):
        texts, runs = [], ([], [])
        for i in range(first, end):
            texts += self.one(i, runs)
        return stream.Chunk(",".join(texts), runs[0], runs[1], len(texts))

    def one(self, i, runs):
        rng = np.random.default_rng([*self.seed, i])
        (width, height), count = self.sides[i].tolist(), int(self.counts[i])
        kinds = rng.choice(len(self.classes), count, p=self.weights)
        shapes = blobs.objects(rng, count, (width, height))
        polygons = blobs.outlines(rng, *shapes, (width, height))
        masks = blobs.filled(polygons, height, width)
        dense = coco.decode(masks).view(bool)
        values = np.full((height, width), ade20k.NO_PART, np.uint16, order="F")  # as masks are decoded
        for k in range(count):
            entry = self.classes[kinds[k]]
            here = np.flatnonzero(rng.random(len(entry["part_ids"])) < HAS_PART)
            pieces = blobs.parts(rng, np.full(len(here), k), *shapes)
            for part, mask in zip(here, blobs.filled(blobs.outlines(rng, *pieces, (width, height)), height, width)):
                inside = blobs.within(mask, masks[k])
                values[coco.decode(inside).view(bool)] = entry["part_ids"][part]
                runs[1].append(blobs.run_count(inside))
        write_png(self.root / "annotations_detectron2_part" / self.split / f"{self.stem(i)}.png", values, np.uint16)
        lines, areas, boxes = [], blobs.areas(masks), coco.toBbox(masks).tolist()
        for k in range(count):
            entry = self.classes[kinds[k]]
            runs[0].append(blobs.run_count(masks[k]))
            listed = sorted(set(np.unique(values[dense[..., k]]).tolist()) & set(entry["part_ids"]))
            segmentation = blobs.quoted(masks[k])
            if rng.random() < POLYGONS:
                segmentation = stream.compact([polygons[k].tolist()])
            lines.append(
                f'{{"id":{self.first[i] + k + 1},"image_id":{i + 1},"category_id":{entry["object_id"]},'
                f'"bbox":{stream.compact(boxes[k])},"area":{areas[k]},"iscrowd":0,"segmentation":{segmentation},'
                f'"part_category_id":{stream.compact(listed)}}}')
        return lines


def write(out, scale, seed):
    all_runs = ([], [])
    for split, images in SPLITS.items():
        plan = Plan(out, split, max(1, round(images * scale)), seed)
        path = out / f"ade20k_instance_{ade20k.SHORT[split]}.json"
        runs = stream.write(path, ade20k.Writer().document, plan.records(), plan.images, plan.chunk)
        all_runs[0].extend(runs[0])
        all_runs[1].extend(runs[1])
    return all_runs
