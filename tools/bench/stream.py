"""Documents that are written while they are made, by two processes."""

import dataclasses
import json
import multiprocessing
import time

import numpy as np

CHUNK = 250
PROCESSES = 2


@dataclasses.dataclass
class Chunk:
    """What was made for some images."""
    text: str
    object_runs: list
    part_runs: list
    annotations: int


def _made(start):
    return MAKE(start, min(start + CHUNK, COUNT))


def annotations(count, make):
    """Calls `make(first, end)` for all images, in order, in other processes."""
    global MAKE, COUNT
    MAKE, COUNT = make, count
    # A fork inherits the plan without a copy.
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        yield from pool.imap(_made, range(0, count, CHUNK))


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def write(path, document, images, count, make):
    """Writes `document` with the texts of its images and of its annotations.

    `images` yields a text per image; `make` returns the `Chunk` of a range of images.
    """
    started = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    runs, number = ([], []), 0
    head = {key: value for key, value in document.items() if key not in ("images", "annotations")}
    with path.open("w", encoding="ascii", buffering=1 << 20) as file:
        file.write(compact(head)[:-1] + ("," if head else "") + '"images":[')
        for i, image in enumerate(images):
            file.write(("," if i else "") + image)
        file.write('],"annotations":[')
        for chunk in annotations(count, make):
            if chunk.text:
                file.write(("," if number else "") + chunk.text)
            number += chunk.annotations
            runs[0].extend(chunk.object_runs)
            runs[1].extend(chunk.part_runs)
        file.write("]}\n")
    size, seconds = path.stat().st_size, time.monotonic() - started
    print(f"{path.name}: {count} images, {len(runs[0])} objects, {len(runs[1])} parts, {number} annotations, "
          f"{size / 1e6:.1f} MB, {seconds:.0f} s", flush=True)
    for what, values in zip(("objects", "parts"), runs):
        if values:
            print(f"  runs per mask, {what}: median {np.median(values):.0f}, mean {np.mean(values):.1f}", flush=True)
    return runs
