"""PartImageNet (Seg) at full size: 24,000 images with one object each, parts as polygons."""

import numpy as np
from pycocotools import mask as coco

import blobs
import part_imagenet
import stream
from coding import vocabulary, write_png

SPLITS = {"train": 16_540, "val": 2_957, "test": 4_503}
SIDES = [((500, 375), 55), ((375, 500), 18), ((500, 333), 15), ((333, 500), 4), ((640, 480), 4), ((500, 500), 4)]
USUAL = 150  # images of a synset whose number is not known
HAS_PART = .85
PIECES = {"Foot": 4, "Hand": 2, "Tier": 2, "Wing": 2, "Fin": 2, "Engine": 2}


class Plan:
    """Which synset each image shows."""

    def __init__(self, root, split, images, seed, pngs):
        document = vocabulary("part_imagenet")
        self.root, self.split, self.images, self.pngs = root, split, images, pngs
        self.synsets = document["synsets"]
        self.families = {o["object"]: list(zip(o["parts"], o["part_ids"])) for o in document["objects"]}
        self.seed = [seed, 10 + sorted(SPLITS).index(split)]
        rng = np.random.default_rng(self.seed)
        weights = [entry.get("ood_train_images", USUAL) for entry in self.synsets]
        self.kind = rng.permutation(np.repeat(np.arange(len(weights)), blobs.shares(weights, images)))
        self.sides = blobs.picked_sides(rng, images, SIDES)
        start = 1 + 100_000 * sorted(SPLITS).index(split)
        self.stems = [f"{self.synsets[k]['wnid']}_{start + i}" for i, k in enumerate(self.kind.tolist())]
        self.object_ids = part_imagenet.whole_ids(seed)

    def records(self):
        for i, stem in enumerate(self.stems):
            width, height = self.sides[i].tolist()
            yield f'{{"id":{i},"file_name":"{stem}.JPEG","width":{width},"height":{height}}}'

    def chunk(self, first, end):
        texts, runs = [], []
        for i in range(first, end):
            texts += self.one(i, runs)
        return stream.Chunk(",".join(texts), [], runs, len(texts))

    def one(self, i, runs):
        """The annotations of an image, whose ids leave room for ten parts."""
        rng = np.random.default_rng([*self.seed, i])
        width, height = self.sides[i].tolist()
        middle = np.array([[width, height]]) * (.5 + rng.uniform(-.08, .08, (1, 2)))
        shape = middle, np.array([[width, height]]) * rng.uniform(.20, .42, (1, 2)), rng.uniform(-.4, .4, 1)
        synset = self.synsets[self.kind[i]]
        here = [part for part in self.families[synset["supercategory"]] if rng.random() < HAS_PART]
        lines, values = [], np.full((height, width), part_imagenet.BACKGROUND, np.uint8)
        for n, (name, category) in enumerate(here):
            most = PIECES.get(name.split(" ", 1)[1], 1)
            pieces = int(rng.integers(1, most + 1))
            polygons = blobs.outlines(rng, *blobs.parts(rng, np.zeros(pieces, int), *shape), (width, height))
            mask = coco.merge(blobs.filled(polygons, height, width))
            area = int(coco.area(mask))
            if not area:
                continue
            runs.append(blobs.run_count(mask))
            if self.pngs:
                values[coco.decode(mask).astype(bool)] = category
            lines.append(
                f'{{"id":{10 * i + n + 1},"image_id":{i},"category_id":{category},'
                f'"bbox":{stream.compact(coco.toBbox(mask).tolist())},"area":{area},"iscrowd":0,'
                f'"segmentation":{stream.compact(polygons.tolist())}}}')
        if self.pngs:
            folder, stem = self.root / "annotations", self.stems[i]
            write_png(folder / self.split / f"{stem}.png", values, np.uint8)
            whole = np.where(values != part_imagenet.BACKGROUND, self.object_ids[synset["wnid"]],
                             part_imagenet.WHOLE_BACKGROUND)
            write_png(folder / f"{self.split}_whole" / f"{stem}.png", whole, np.uint8)
        return lines


def write(out, scale, seed, pngs):
    all_runs = []
    for split, images in SPLITS.items():
        plan = Plan(out, split, max(1, round(images * scale)), seed, pngs)
        path = out / "annotations" / split / f"{split}.json"
        _, runs = stream.write(path, part_imagenet.document(), plan.records(), plan.images, plan.chunk)
        all_runs += runs
    return [], all_runs
