"""Check what make_full_scale.py wrote: counts, ids, links, and the masks of some images.

    python tools/bench/check_full_scale.py DIR [IMAGES]

Reads whole files, so it takes some gigabytes of memory at full size. Masks are decoded for
every image, or for IMAGES of each file.
"""

import collections
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from pycocotools import mask as coco

import blobs  # noqa: F401  comes first, as it makes tools/fixtures known
from coding import vocabulary


def decoded(segmentation, record):
    height, width = record["height"], record["width"]
    if isinstance(segmentation, list):
        return coco.merge(coco.frPyObjects(segmentation, height, width))
    assert segmentation["size"] == [height, width], record
    return segmentation


def opened(path, images):
    """(records by id, annotations of `images` of them by image id, all annotations)."""
    document = json.loads(path.read_text(encoding="ascii"))
    records = {record["id"]: record for record in document["images"]}
    annotations = document["annotations"]
    assert len(records) == len(document["images"])
    assert len({annotation["id"] for annotation in annotations}) == len(annotations)
    assert all(annotation["image_id"] in records for annotation in annotations)
    some = set(list(records)[:: max(1, len(records) // images)])
    chosen = collections.defaultdict(list)
    for annotation in annotations:
        if annotation["image_id"] in some:
            chosen[annotation["image_id"]].append(annotation)
    return records, chosen, annotations


def measured(annotation, record):
    rle = decoded(annotation["segmentation"], record)
    assert int(coco.area(rle)) == annotation["area"] > 0, annotation["id"]
    assert coco.toBbox(rle).tolist() == annotation["bbox"]
    return rle


def paco(root, images):
    objects = vocabulary("paco_lvis")["objects"]
    owner_class = {number: o["object_id"] for o in objects for number in o["part_ids"]}
    names = set()
    for split in ("train", "val", "test"):
        records, chosen, annotations = opened(root / "annotations" / f"paco_lvis_v1_{split}.json", images)
        by_id = {annotation["id"]: annotation for annotation in annotations}
        parts = [a for a in annotations if a["id"] != a["obj_ann_id"]]
        for part in parts:
            owner = by_id[part["obj_ann_id"]]
            assert owner["image_id"] == part["image_id"]
            assert owner["category_id"] == owner_class[part["category_id"]]
        pairs = {(a["obj_ann_id"], a["category_id"]) for a in parts}
        assert len(pairs) == len(parts), "a part is annotated twice on one object"
        stems = {record["file_name"].split("/")[1] for record in records.values()}
        assert not stems & names
        names |= stems
        inside = []
        for image, entries in chosen.items():
            masks = {entry["id"]: measured(entry, records[image]) for entry in entries}
            for entry in entries:
                shared = coco.merge([masks[entry["id"]], masks[entry["obj_ann_id"]]], intersect=True)
                inside.append(int(coco.area(shared)) / entry["area"])
        assert min(inside) == 1
        counts = collections.Counter(category for category, _ in {(a["category_id"], a["image_id"]) for a in annotations})
        instances = collections.Counter(a["category_id"] for a in annotations)
        exact = all(
            (counts[o["object_id"]], instances[o["object_id"]]) == (o["train_image_count"], o["train_instance_count"])
            for o in objects)
        print(f"paco_lvis {split}: {len(records)} images, {len(annotations) - len(parts)} objects, {len(parts)} parts; "
              f"classes {'exactly' if exact else 'in proportion'} as in the vocabulary; {len(inside)} masks decoded")


def part_imagenet(root, images):
    synsets = {entry["wnid"]: entry["supercategory"] for entry in vocabulary("part_imagenet")["synsets"]}
    family = {n: o["object"] for o in vocabulary("part_imagenet")["objects"] for n in o["part_ids"]}
    for split in ("train", "val", "test"):
        records, chosen, annotations = opened(root / "annotations" / split / f"{split}.json", images)
        for annotation in annotations:
            name = records[annotation["image_id"]]["file_name"]
            assert synsets[name.split("_")[0]] == family[annotation["category_id"]]
        for image, entries in chosen.items():
            for entry in entries:
                measured(entry, records[image])
        print(f"part_imagenet {split}: {len(records)} images, {len(annotations)} parts")


def ade20k(root, images):
    objects = {o["object_id"]: o for o in vocabulary("ade20k_part_234")["objects"]}
    for split, short in (("training", "train"), ("validation", "val")):
        records, chosen, annotations = opened(root / f"ade20k_instance_{short}.json", images)
        for image, entries in chosen.items():
            record = records[image]
            stem = record["file_name"].rsplit(".", 1)[0]
            picture = Image.open(root / "annotations_detectron2_part" / split / f"{stem}.png")
            assert picture.mode.startswith("I;16") and picture.size == (record["width"], record["height"])
            values = np.array(picture)
            for entry in entries:
                found = set(np.unique(values[coco.decode(measured(entry, record)).astype(bool)]).tolist())
                assert found & set(objects[entry["category_id"]]["part_ids"]) == set(entry["part_category_id"])
        pictures = sum(1 for _ in (root / "annotations_detectron2_part" / split).iterdir())
        assert pictures == len(records)
        print(f"ade20k_part_234 {split}: {len(records)} images, {len(annotations)} objects, {pictures} part pictures")


def main():
    root, images = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10**9
    paco(root / "paco", images)
    part_imagenet(root / "PartImageNet", images)
    ade20k(root / "ADE20KPart234", images)


if __name__ == "__main__":
    main()
