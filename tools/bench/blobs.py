"""Irregular outlines by the hundred, and their run lengths."""

import pathlib
import sys

import numpy as np
from pycocotools import mask as coco

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tools" / "fixtures"))

CORNERS = 56
WAVES = np.arange(2, 8)
ANGLES = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
COSINES, SINES = np.cos(np.outer(WAVES, ANGLES)), np.sin(np.outer(WAVES, ANGLES))


def radii(rng, count, roughness=.03):
    """(count, CORNERS): distances from the middle, about 1, that wave and jitter."""
    strength = .30 / WAVES
    waves = rng.normal(0, 1, (2, count, len(WAVES))) * strength
    jitter = rng.normal(0, roughness, (count, CORNERS))
    return np.clip(1 + waves[0] @ COSINES + waves[1] @ SINES + jitter, .35, 1.9)


def outlines(rng, middles, axes, turns, sides):
    """(count, 2 * CORNERS): closed outlines around `middles`, clipped to a picture of `sides`."""
    r = radii(rng, len(middles))
    x, y = r * np.cos(ANGLES) * axes[:, :1], r * np.sin(ANGLES) * axes[:, 1:]
    c, s = np.cos(turns)[:, None], np.sin(turns)[:, None]
    points = np.stack([middles[:, :1] + c * x - s * y, middles[:, 1:] + s * x + c * y], axis=2)
    points = np.clip(points, 0, sides)
    return points.reshape(len(middles), 2 * CORNERS).round(2)


def objects(rng, count, sides):
    """Middles, half axes and turns of `count` objects in a picture."""
    sides = np.asarray(sides, float)
    side = np.clip(np.exp(rng.normal(np.log(72), .8, count)), 12, sides.min() * .9)
    stretch = np.exp(rng.normal(0, .3, count))
    axes = np.stack([side * stretch, side / stretch], axis=1) / 2
    axes = np.minimum(axes, sides * .48)
    reach = axes.max(axis=1, keepdims=True)
    room = np.maximum(sides - 2 * reach, 1)
    middles = np.minimum(reach, sides / 2) + rng.random((count, 2)) * room
    return middles, axes, rng.random(count) * np.pi


def parts(rng, owners, middles, axes, turns):
    """Middles, half axes and turns of parts, given the object (an index) of each."""
    count = len(owners)
    angle, distance = rng.random(count) * 2 * np.pi, np.sqrt(rng.random(count)) * .75
    inside = np.stack([np.cos(angle), np.sin(angle)], axis=1) * distance[:, None] * axes[owners]
    c, s = np.cos(turns[owners]), np.sin(turns[owners])
    moved = np.stack([c * inside[:, 0] - s * inside[:, 1], s * inside[:, 0] + c * inside[:, 1]], axis=1)
    size = np.clip(np.exp(rng.normal(np.log(.5), .4, (count, 1))), .12, 1.)
    shape = np.exp(rng.normal(0, .25, (count, 1))) ** [1, -1]
    return middles[owners] + moved, axes[owners] * size * shape, turns[owners]


def filled(polygons, height, width):
    """One mask per outline."""
    return coco.frPyObjects(polygons.tolist(), height, width) if len(polygons) else []


def within(part, owner):
    """What of a part lies in its object; the object where nothing does."""
    inside = coco.merge([part, owner], intersect=True)
    return inside if coco.area(inside) else owner


def run_count(rle):
    """Runs of a compressed mask: values end with a character whose highest bit is clear."""
    return int(np.count_nonzero((np.frombuffer(rle["counts"], np.uint8) - 48) & 32 == 0))


def quoted(rle):
    """A compressed mask as JSON; the backslash is the only character to escape."""
    counts = rle["counts"].decode("ascii").replace("\\", "\\\\")
    height, width = rle["size"]
    return f'{{"size":[{height},{width}],"counts":"{counts}"}}'


def shares(weights, total):
    """Whole numbers in proportion to weights that sum up to `total`."""
    weights = np.asarray(weights, float)
    exact = weights * total / weights.sum()
    whole = np.floor(exact).astype(int)
    whole[np.argsort(whole - exact, kind="stable")[: total - whole.sum()]] += 1
    return whole


def picked_sides(rng, count, table):
    """(count, 2): width and height, drawn from ((width, height), weight) pairs."""
    sizes, weights = np.array([size for size, _ in table]), np.array([weight for _, weight in table], float)
    return sizes[rng.choice(len(sizes), count, p=weights / weights.sum())]


def areas(masks):
    """Pixels per mask; pycocotools counts at most 255 at once."""
    return [area for at in range(0, len(masks), 255) for area in coco.area(masks[at: at + 255]).tolist()]
