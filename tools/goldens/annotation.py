"""Write the goldens of calico-annotation: what the tools' own packages make of small masks.

Needs the packages of `tools/roundtrip/requirements.txt`, which do not belong into the environment
of the other goldens.
The results are to be committed; run this again only to add a case.
`annotation_editor.mjs` writes one file more beside them.

    python tools/goldens/annotation.py [--out goldens/annotation]
"""

import argparse
import importlib.metadata
import json
import pathlib
import shutil
import tempfile

import numpy as np
from cvat_sdk.masks import encode_mask
from datumaro.components.annotation import Bbox, LabelCategories, Mask, Points, Polygon, PolyLine
from datumaro.components.annotation import AnnotationType, RotatedBbox
from datumaro.components.dataset import Dataset
from datumaro.components.dataset_base import DatasetItem
from datumaro.components.media import Image
from image import REPOSITORY, blob
from label_studio_sdk.converter.brush import mask2rle
from pycocotools import mask as coco


def compressed(mask):
    """COCO's run lengths."""
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode("ascii")


def filled(corners, height, width):
    """The mask of a polygon `[x, y, ...]`."""
    return coco.decode(coco.merge(coco.frPyObjects([corners], height, width))).astype(bool)


def strip(*runs):
    """A mask of one row with these runs, background first."""
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs)[None]


def cases():
    """One mask for each width of a length, and at both sides of each width's end."""
    generator = np.random.default_rng(1)
    yield strip(1, 2, 3, 4, 5, 63, 64, 65)
    yield strip(0, 1, 1)
    yield strip(3, 16384, 16385, 40000)
    yield np.zeros((5, 7), bool)
    yield np.ones((5, 7), bool)
    yield np.ones((300, 400), bool)
    for height, width, density in [(1, 1, 1), (9, 13, 0.1), (13, 9, 0.5), (17, 1, 0.5)]:
        yield generator.random((height, width)) < density
    yield blob(48, 64, 2)
    yield blob(97, 131, 3)


def masks(path):
    """Each mask as Label Studio's brush and as CVAT's runs with the corners of their box."""
    lines = []
    for mask in cases():
        *runs, left, top, right, bottom = encode_mask(mask)
        lines.append(json.dumps({
            "height": mask.shape[0],
            "width": mask.shape[1],
            "compressed": compressed(mask),
            "brush": mask2rle(mask.astype(np.uint8) * 255),
            "cvat": {"runs": runs, "box": [left, top, right - left + 1, bottom - top + 1]},
        }, separators=(",", ":")))
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")


def label_studio(out):
    """A corrected task as Label Studio exports it: brush, polygon, rectangles and more.

    The fields are those that its export has; only the brush is made by its package.
    """
    height, width = 48, 64
    brush = blob(height, width, 2)

    def result(number, kind, tool, value, **more):
        return {
            "id": f"Zx{number}_q", "type": kind, "value": value, "origin": "manual",
            "to_name": "image", "from_name": tool, "image_rotation": 0,
            "original_width": width, "original_height": height, **more}

    percent = [[12.5, 25], [75, 12.5], [81.25, 93.75]]
    corners = [side for x, y in percent for side in (x * width / 100, y * height / 100)]
    box = [8, 6, 8, 18, 40, 18, 40, 6]
    turned = [32, 12, 32, 28, 20, 28, 20, 12]
    results = [
        result(1, "brushlabels", "object",
               {"format": "rle", "rle": mask2rle(brush.astype(np.uint8) * 255),
                "brushlabels": ["chair"]}),
        result(2, "polygonlabels", "part_polygon",
               {"points": percent, "closed": True, "polygonlabels": ["leg"]},
               parentID="Zx1_q"),
        result(3, "rectanglelabels", "object",
               {"x": 12.5, "y": 12.5, "width": 50, "height": 25, "rotation": 0,
                "rectanglelabels": ["table"]}),
        result(4, "rectanglelabels", "object",
               {"x": 50, "y": 25, "width": 25, "height": 25, "rotation": 90,
                "rectanglelabels": ["lamp"]}),
        result(5, "ellipselabels", "object",
               {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "rotation": 0,
                "ellipselabels": ["plate"]}),
        result(6, "keypointlabels", "object",
               {"x": 50, "y": 50, "width": 0.5, "keypointlabels": ["tip"]}),
        {"id": "c1", "type": "choices", "from_name": "quality", "to_name": "image",
         "origin": "manual", "value": {"choices": ["good"]}},
        {"from_id": "Zx2_q", "to_id": "Zx1_q", "type": "relation", "direction": "right"},
    ]
    task = {
        "id": 7,
        "annotations": [
            {"id": 3, "completed_by": 1, "was_cancelled": True, "ground_truth": False,
             "result": [], "lead_time": 2.5},
            {"id": 4, "completed_by": 1, "was_cancelled": False, "ground_truth": False,
             "created_at": "2024-01-01T00:00:00.000000Z", "result": results, "task": 7},
        ],
        "drafts": [], "predictions": [],
        "data": {"image": "/data/upload/1/0f3c-chair.jpg"},
        "meta": {}, "project": 1, "inner_id": 1, "total_annotations": 1,
    }
    (out / "label_studio_export.json").write_text(json.dumps([task], indent=1) + "\n")
    expected = [
        {"label": label, "kind": kind, "compressed": compressed(mask)}
        for label, kind, mask in [
            ("chair", "object", brush),
            ("leg", "part", filled(corners, height, width)),
            ("table", "object", filled(box, height, width)),
            ("lamp", "object", filled(turned, height, width)),
        ]]
    (out / "label_studio_export.expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def cvat(out):
    """A file for CVAT as datumaro writes it, whose masks have the whole image as their box."""
    height, width = 48, 64
    triangle = [8.0, 12.0, 48.0, 6.0, 52.0, 45.0]
    labels = LabelCategories.from_iterable(["chair", "leg", "lamp"])
    mask = blob(height, width, 2)
    shapes = [
        Mask(mask, label=0, group=4),
        Polygon(triangle, label=1, group=4),
        Bbox(8, 6, 32, 12, label=2),
        RotatedBbox(26, 20, 16, 12, 90, label=2),
        PolyLine([1, 1, 5, 5, 9, 1], label=1),
        Points([1, 1, 5, 5], label=1),
    ]
    item = DatasetItem(
        id="a/chair 1", subset="default", annotations=shapes,
        media=Image.from_numpy(data=np.zeros((height, width, 3), np.uint8)))
    dataset = Dataset.from_iterable([item], categories={AnnotationType.label: labels})
    with tempfile.TemporaryDirectory() as scratch:
        dataset.export(scratch, "cvat", save_media=False)
        shutil.copyfile(pathlib.Path(scratch) / "default.xml", out / "cvat_export.xml")
    expected = [
        {"label": label, "group": group, "compressed": compressed(mask)}
        for label, group, mask in [
            ("chair", 4, mask),
            ("leg", 4, filled(triangle, height, width)),
            ("lamp", None, filled([8, 6, 8, 18, 40, 18, 40, 6], height, width)),
            ("lamp", None, filled([32, 12, 32, 28, 20, 28, 20, 12], height, width)),
        ]]
    (out / "cvat_export.expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def provenance(path):
    packages = ["cvat-sdk", "datumaro", "label-studio-sdk", "numpy", "pycocotools"]
    facts = {
        "script": "tools/goldens/annotation.py",
        "editor_script": "tools/goldens/annotation_editor.mjs",
        "@thi.ng/rle-pack": "3.2.12",
    }
    facts |= {package: importlib.metadata.version(package) for package in packages}
    path.write_text(json.dumps(facts, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = REPOSITORY / "goldens" / "annotation"
    parser.add_argument("--out", type=pathlib.Path, default=default)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    masks(out / "masks.json")
    label_studio(out)
    cvat(out)
    provenance(out / "provenance.json")


if __name__ == "__main__":
    main()
