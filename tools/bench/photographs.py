"""JPEGs that cost about as much to decode as photographs."""

import multiprocessing

import numpy as np
from PIL import Image

QUALITY = 90
OCTAVES = (5, 9, 17, 33, 65, 129)


def drawn(width, height, seed):
    """Gradients and clouds of every size, with the noise of a camera."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), np.float32)
    for octave in OCTAVES:
        cells = rng.normal(0, 1, (octave, octave, 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(cells[..., channel], "F").resize((width, height), Image.Resampling.BICUBIC)
            pixels[..., channel] += np.asarray(layer) * (90 / octave ** .5)
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = 128 + .8 * grey + .35 * pixels + rng.normal(0, 5, (height, width, 1))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _one(job):
    path, (width, height), seed = job
    drawn(width, height, seed).save(path, "JPEG", quality=QUALITY)
    return path.stat().st_size


def write(root, places, seed):
    """Writes a picture for every (name, (width, height)); the bytes of all."""
    for folder in {(root / name).parent for name, _ in places}:
        folder.mkdir(parents=True, exist_ok=True)
    jobs = [(root / name, sides, [seed, 30, i]) for i, (name, sides) in enumerate(places)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.imap_unordered(_one, jobs, chunksize=16))
