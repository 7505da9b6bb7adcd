"""Prove that other tools find our masks in our files, each with its own Python package.

Needs what `requirements.txt` beside this file lists; a tool whose package is missing is skipped
by name.

    cargo run -p calico-annotation --example write_formats -- FOLDER
    python tools/roundtrip/annotation.py FOLDER
"""

import argparse
import importlib.util
import json
import os
import pathlib
import tempfile
import xml.etree.ElementTree as ElementTree

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO


def expected(folder):
    """The regions by id, each with its mask."""
    regions = {}
    for region in json.loads((folder / "expected.json").read_text()):
        region["mask"] = coco_mask.decode(region["segmentation"]).astype(bool)
        regions[region["id"]] = region
    return regions


def same(found, regions):
    """All masks were found, and each is the same."""
    assert sorted(found) == sorted(regions), (sorted(found), sorted(regions))
    for number, mask in found.items():
        assert np.array_equal(mask, regions[number]["mask"]), f"region {number} differs"


def images(folder, regions):
    """An image file of the right size for each name."""
    for region in regions.values():
        path = folder / region["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = region["mask"].shape
        Image.new("RGB", (width, height)).save(path)


def pycocotools(folder, regions):
    coco = COCO(str(folder / "coco.json"))
    found = {number: coco.annToMask(each).astype(bool) for number, each in coco.anns.items()}
    same(found, regions)
    names = [category["name"] for category in coco.dataset["categories"]]
    assert len(set(names)) == len(names), names
    for number, annotation in coco.anns.items():
        region = regions[number]
        category = coco.cats[annotation["category_id"]]
        assert category["label"] == region["label"]
        for key in ["kind", "group", "score", "origin"]:
            assert annotation.get(key) == region[key], (number, key)
        assert annotation["parent_id"] == region["parent"]
        assert annotation["area"] == region["mask"].sum()
        assert annotation["bbox"] == list(coco_mask.toBbox(region["segmentation"]))
        assert coco.imgs[annotation["image_id"]]["file_name"] == region["file_name"]


def label_studio_sdk(folder, regions):
    from label_studio_sdk.converter.brush import decode_rle
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface((folder / "label_studio.xml").read_text())
    interface.validate()
    found = {}
    for task in json.loads((folder / "label_studio.json").read_text()):
        assert all(task["data"].get(each.value_name) is not None for each in interface.objects)
        for answer in task["annotations"] + task["predictions"]:
            # Annotations follow the same rules, but only this call tells what is wrong.
            assert interface.validate_prediction(answer, return_errors=True) == []
            for result in answer["result"]:
                number = int(result["id"].removeprefix("r"))
                assert result["value"]["brushlabels"] == [regions[number]["label"]]
                height, width = result["original_height"], result["original_width"]
                values = decode_rle(result["value"]["rle"]).reshape(height, width, 4)
                found[number] = values[:, :, 3] > 0
                parent = regions[number]["parent"]
                assert result.get("parentID") == (parent and f"r{parent}")
                assert result.get("score") == regions[number]["score"]
    same(found, regions)


def cvat_sdk(folder, regions):
    from cvat_sdk import models
    from cvat_sdk.masks import decode_mask

    labels = json.loads((folder / "cvat_labels.json").read_text())
    for label in labels:
        attributes = [models.AttributeRequest(**each) for each in label["attributes"]]
        models.PatchedLabelRequest(
            name=label["name"], color=label["color"], attributes=attributes)
    found = {}
    for image in ElementTree.parse(folder / "cvat.xml").getroot().iter("image"):
        for mask in image.iter("mask"):
            attributes = {each.get("name"): each.text for each in mask.iter("attribute")}
            left, top, width, height = (
                int(mask.get(key)) for key in ["left", "top", "width", "height"])
            runs = [int(run) for run in mask.get("rle").split(",")]
            number = int(attributes["id"])
            found[number] = decode_mask(
                runs + [left, top, left + width - 1, top + height - 1],
                image_width=int(image.get("width")), image_height=int(image.get("height")))
            assert image.get("name") == regions[number]["file_name"]
            assert mask.get("label") == regions[number]["label"]
    same(found, regions)
    assert {label["name"] for label in labels} == {each["label"] for each in regions.values()}


def datumaro(folder, regions):
    from datumaro.components.annotation import AnnotationType
    from datumaro.components.dataset import Dataset

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        images(scratch / "images", regions)
        (scratch / "default.xml").write_bytes((folder / "cvat.xml").read_bytes())
        dataset = Dataset.import_from(str(scratch), "cvat")
        labels = dataset.categories()[AnnotationType.label]
        found = {}
        for item in dataset:
            for annotation in item.annotations:
                number = int(annotation.attributes["id"])
                found[number] = np.asarray(annotation.image).astype(bool)
                assert labels[annotation.label].name == regions[number]["label"]
                assert annotation.group == (regions[number]["group"] or 0)
                assert annotation.attributes["kind"] == regions[number]["kind"]
        same(found, regions)


def fiftyone(folder, regions):
    os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")
    from fiftyone.utils.coco import COCODetectionDatasetImporter

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        images(scratch / "data", regions)
        (scratch / "labels.json").write_bytes((folder / "labels.json").read_bytes())
        # What `Dataset.from_dir` uses, but without a running database.
        importer = COCODetectionDatasetImporter(
            dataset_dir=str(scratch), label_types="segmentations", include_annotation_id=True)
        found = {}
        with importer:
            for path, metadata, detections in importer:
                for detection in detections.detections:
                    region = regions[detection.coco_id]
                    assert path.endswith(region["file_name"])
                    assert detection.label.endswith(region["label"])
                    assert detection.confidence == region["score"]
                    for ours, theirs in [
                        ("parent", "parent_id"), ("kind", "kind"), ("origin", "origin")]:
                        assert detection[theirs] == region[ours], (detection.coco_id, ours)
                    size = (metadata.height, metadata.width)
                    left = round(detection.bounding_box[0] * metadata.width)
                    top = round(detection.bounding_box[1] * metadata.height)
                    height, width = detection.mask.shape
                    mask = np.zeros(size, bool)
                    mask[top:top + height, left:left + width] = detection.mask
                    found[detection.coco_id] = mask
        same(found, regions)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    regions = expected(folder)
    for tool in [pycocotools, label_studio_sdk, cvat_sdk, datumaro, fiftyone]:
        if importlib.util.find_spec(tool.__name__) is None:
            print(f"{tool.__name__}: not installed, skipped")
            continue
        tool(folder, regions)
        print(f"{tool.__name__}: all {len(regions)} masks are the same")


if __name__ == "__main__":
    main()
