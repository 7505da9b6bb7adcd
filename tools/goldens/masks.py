"""Write the goldens of COCO's mask encodings: what pycocotools makes of random masks and polygons.

Needs numpy and pycocotools.
The results are to be committed; run this again only to add a case.

    python tools/goldens/masks.py [--out goldens/image/masks] [--seed 0] [--times 1]

More cases than those that are kept come from another seed and `--times 20`, written elsewhere.
"""

import argparse
import importlib.metadata
import json
import pathlib

import numpy as np
from image import REPOSITORY, blob, runs
from pycocotools import mask as coco

SIZES = [(1, 1), (1, 23), (23, 1), (2, 2), (5, 3), (7, 40), (40, 7), (16, 16), (24, 31), (31, 24)]


def encode(mask):
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))


def text(code):
    return code["counts"].decode("ascii")


def random_mask(generator, height, width):
    """Blobs, noise of any density, stripes, one pixel, nothing or everything."""
    kind = generator.choice(["blob", "noise", "stripes", "pixel", "empty", "full"],
                            p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.05])
    mask = np.zeros((height, width), dtype=bool)
    if kind == "blob":
        mask = blob(height, width, generator.integers(1 << 30))
    elif kind == "noise":
        mask = generator.random((height, width)) < generator.random()
    elif kind == "stripes":
        mask[generator.integers(2)::2] = True
    elif kind == "pixel":
        mask[generator.integers(height), generator.integers(width)] = True
    elif kind == "full":
        mask[:] = True
    return mask


def codes(generator, times):
    """Masks with the sum of `(position + 1)^2` over the foreground, row by row, modulo 2^64."""
    for index in range(2000 * times):
        height, width = SIZES[index % len(SIZES)]
        if index % 100 == 99:
            height, width = (int(side) for side in generator.integers(60, 200, 2))
        mask = random_mask(generator, height, width)
        positions = np.flatnonzero(mask).astype(np.uint64) + np.uint64(1)
        code = encode(mask)
        assert int(coco.area(code)) == sum(runs(mask)[1::2]), "the masks are not what they say"
        yield {
            "size": [height, width],
            "code": text(code),
            "area": int(coco.area(code)),
            "box": [int(value) for value in coco.toBbox(code)],
            "squares": str(int((positions * positions).sum(dtype=np.uint64))),
        }


def sets(generator, times):
    """Masks of one size: their IoU, plain and with crowds, row by row, and what they merge to.

    Ratios are text, so that no reader rounds them.
    """
    for index in range(150 * times):
        height, width = SIZES[index % len(SIZES)]
        if index % 25 == 24:
            height, width = 60, 80
        count = int(generator.integers(1, 7))
        masks = [encode(random_mask(generator, height, width)) for _ in range(count)]
        iou, crowd = (coco.iou(masks, masks, [flag] * count) for flag in (0, 1))
        yield {
            "size": [height, width],
            "codes": [text(mask) for mask in masks],
            "iou": [repr(float(value)) for value in iou.flatten()],
            "crowd": [repr(float(value)) for value in crowd.flatten()],
            "union": text(coco.merge(masks)),
            "intersection": text(coco.merge(masks, intersect=True)),
            "pairs": [text(coco.merge([a, b])) for a, b in zip(masks, masks[1:])],
            "common": [text(coco.merge([a, b], intersect=True)) for a, b in zip(masks, masks[1:])],
        }


def rounded(generator, values):
    """Coordinates of whole, half, tenth and hundredth pixels: COCO has all of these."""
    step = generator.choice([1, 2, 10, 100])
    return np.round(np.asarray(values) * step) / step


def polygon(generator, height, width):
    """The corners of one polygon, shape `[corners, 2]`."""
    kind = generator.choice(["star", "scatter", "outside", "tiny", "line", "repeated", "upright"],
                            p=[0.35, 0.2, 0.15, 0.1, 0.05, 0.1, 0.05])
    size = np.array([width, height])
    count = int(generator.integers(3, 12))
    if kind in ("scatter", "repeated"):
        points = generator.uniform(0, 1, (count, 2)) * size
    elif kind == "outside":
        points = generator.uniform(-1.5, 2.5, (count, 2)) * size
    elif kind == "tiny":
        points = generator.uniform(0, 1, 2) * size + generator.uniform(-1.2, 1.2, (count, 2))
    elif kind == "line":
        ends = generator.uniform(-0.2, 1.2, (2, 2)) * size
        points = ends[0] + np.outer(generator.uniform(0, 1, count), ends[1] - ends[0])
    elif kind == "upright":
        (x0, y0), (x1, y1) = generator.uniform(-0.2, 1.2, (2, 2)) * size
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    else:
        angles = np.sort(generator.uniform(0, 2 * np.pi, count))
        radii = generator.uniform(0.1, 0.7, count)[:, None]
        centre = generator.uniform(0.2, 0.8, 2) * size
        points = centre + radii * size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = rounded(generator, points)
    if kind == "repeated":
        points = np.repeat(points, generator.integers(1, 4, count), axis=0)
        points = np.concatenate([points, points[:1]])
    return points


def numbers(values):
    """The shortest text of each number."""
    return [int(value) if value == int(value) else float(value) for value in values]


def polygons(generator, times):
    """Lists of polygons and the mask of each."""
    for index in range(2400 * times):
        height, width = SIZES[index % len(SIZES)]
        if index % 20 == 19:
            height, width = [(480, 640), (640, 480), (333, 500), (100, 75)][index // 20 % 4]
        count = int(generator.choice([1, 1, 1, 2, 3, 6]))
        shapes = [numbers(polygon(generator, height, width).flatten()) for _ in range(count)]
        code = coco.merge(coco.frPyObjects(shapes, height, width))
        yield {"size": [height, width], "polygons": shapes, "code": text(code)}


def boxes(generator, times):
    """Lists of boxes and their masks.

    A list whose first polygon has four numbers is meant for the same function of pycocotools,
    but this version takes boxes as an array only.
    """
    for index in range(600 * times):
        height, width = SIZES[index % len(SIZES)]
        size = np.array([width, height])
        count = int(generator.choice([1, 1, 2, 3]))
        corners = generator.uniform(-0.5, 1.2, (count, 2)) * size
        # Some boxes have sides below 0, and are filled all the same.
        sides = generator.uniform(-0.2, 1.5, (count, 2)) * size
        shapes = [numbers(rounded(generator, row)) for row in np.hstack([corners, sides])]
        boxes_array = np.array(shapes, dtype=np.double)
        code = coco.merge(coco.frPyObjects(boxes_array, height, width))
        yield {"size": [height, width], "boxes": shapes, "code": text(code)}


def write(path, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = REPOSITORY / "goldens" / "image" / "masks"
    parser.add_argument("--out", type=pathlib.Path, default=folder)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=1, help="how many times as many cases")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number, component in enumerate([codes, sets, polygons, boxes]):
        generator = np.random.default_rng([options.seed, number])
        write(options.out / f"{component.__name__}.json", component(generator, options.times))
    facts = {
        "script": "tools/goldens/masks.py",
        "numpy": np.__version__,
        "pycocotools": importlib.metadata.version("pycocotools"),
    }
    (options.out / "provenance.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
