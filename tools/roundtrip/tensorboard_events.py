"""Prove that TensorBoard reads our event files: numbers, a picture, and what a resume voids.

Needs what `tensorboard_requirements.txt` beside this file lists.

    cargo run -p calico-train --example write_watch -- FOLDER
    python tools/roundtrip/tensorboard_events.py FOLDER
"""

import argparse
import io
import json
import pathlib

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing import directory_loader, event_file_loader
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

LAST_STEP_BEFORE_RESUME = 1500


def rows(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def expected_scalars(folder):
    """Steps and values by tag, as `metrics.jsonl` has them."""
    found = {}
    plain = ["stage", "step", "kind", "tokens", "masks", "samples"]
    for row in rows(folder):
        values = row["scores"] if row["kind"] == "validation" else row
        for name, value in values.items():
            if name not in plain:
                found.setdefault(f"{row['kind']}/{name}", []).append((row["step"], value))
    return found


def scalars_and_purge(folder, accumulator):
    expected = expected_scalars(folder)
    tags = accumulator.Tags()["scalars"]
    assert sorted(tags) == sorted(expected), (tags, sorted(expected))
    for tag, points in expected.items():
        found = accumulator.Scalars(tag)
        # Steps after the resume come once, from the second file: those of the first are void.
        assert [point.step for point in found] == [step for step, _ in points], tag
        values = np.array([value for _, value in points], dtype=np.float32)
        assert np.array_equal(np.float32([point.value for point in found]), values), tag
    return len(expected)


def purge_was_needed(events):
    """The first file alone has the steps that the second one voids."""
    first = sorted(events.iterdir())[0]
    accumulator = EventAccumulator(str(first), size_guidance={"scalars": 0})
    accumulator.Reload()
    steps = [point.step for point in accumulator.Scalars("train/loss")]
    assert max(steps) > LAST_STEP_BEFORE_RESUME, max(steps)


def picture(folder, accumulator):
    (tag,) = accumulator.Tags()["images"]
    (event,) = accumulator.Images(tag)
    (file,) = (folder / "samples").iterdir()
    assert event.encoded_image_string == file.read_bytes()
    size = Image.open(io.BytesIO(event.encoded_image_string)).size
    assert size == (event.width, event.height), (size, event.width, event.height)


def whole_folder(events):
    """The loader of the board's own server reads every record, so that all checksums hold."""
    load_file = event_file_loader.TimestampedEventFileLoader
    loader = directory_loader.DirectoryLoader(str(events), load_file)
    return sum(1 for _ in loader.Load())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    events = folder / "tensorboard"
    accumulator = EventAccumulator(str(events), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    tags = scalars_and_purge(folder, accumulator)
    purge_was_needed(events)
    picture(folder, accumulator)
    count = whole_folder(events)
    print(f"tensorboard: {tags} curves, the picture and the resume agree in {count} events")


if __name__ == "__main__":
    main()
