"""Write annotations of the true size of the three sources, for tests of speed and memory.

    python tools/bench/make_full_scale.py --out DIR [--scale 1] [--jpegs 2000] [--pngs] [--seed 7]

Needs numpy, Pillow and pycocotools, and takes some minutes on two cores. There are no pictures:
build with `images.check = "none"`. Equal arguments give equal bytes with equal library versions.
"""

import argparse
import pathlib
import time

import numpy as np

import blobs  # comes first, as it makes tools/fixtures known
import bulk_ade20k
import bulk_paco
import bulk_part_imagenet
import photographs


def decode_set(out, number, seed):
    """PACO-LVIS with `number` pictures of 640 x 480, all of which exist."""
    totals = np.array(list(bulk_paco.SPLITS.values()))
    images = np.maximum(blobs.shares(totals[:, 0], number), 1)
    counts = {
        split: (int(n), *(max(1, round(int(total) * int(n) / int(row[0]))) for total in row[1:]))
        for split, n, row in zip(bulk_paco.SPLITS, images, totals)
    }
    places, _ = bulk_paco.write(out / "paco", counts, seed + 1, sides=(640, 480))
    started = time.monotonic()
    size = photographs.write(out / "coco", places, seed)
    print(f"{len(places)} JPEGs of 640 x 480, quality {photographs.QUALITY}, {size / 1e6:.1f} MB, "
          f"{size / len(places) / 1e3:.0f} kB each, {time.monotonic() - started:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a folder outside of the repository")
    parser.add_argument("--scale", type=float, default=1., help="share of the full size")
    parser.add_argument("--jpegs", type=int, default=0, help="pictures for the decode rate, in DIR/decode")
    parser.add_argument("--pngs", action="store_true", help="the label pictures of PartImageNet too")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    out, scale, seed, started = arguments.out, arguments.scale, arguments.seed, time.monotonic()
    if out.resolve().is_relative_to(blobs.REPOSITORY):
        raise SystemExit(f"{out} is inside of the repository, choose a folder outside of it")

    objects, parts = [], []
    _, (found_objects, found_parts) = bulk_paco.write(out / "paco", bulk_paco.scaled(scale), seed)
    objects, parts = objects + found_objects, parts + found_parts
    _, found_parts = bulk_part_imagenet.write(out / "PartImageNet", scale, seed, arguments.pngs)
    parts = parts + found_parts
    found_objects, found_parts = bulk_ade20k.write(out / "ADE20KPart234", scale, seed)
    objects, parts = objects + found_objects, parts + found_parts
    everything = objects + parts
    print(f"all: {len(objects)} objects, {len(parts)} parts, runs per mask: median {np.median(everything):.0f}, "
          f"mean {np.mean(everything):.1f}; {time.monotonic() - started:.0f} s")
    if np.median(everything) < 60:
        raise SystemExit("the masks are too plain: their median is below 60 runs")
    if arguments.jpegs:
        decode_set(out / "decode", arguments.jpegs, seed)


if __name__ == "__main__":
    main()
