"""Write the goldens of calico-image: what Pillow and pycocotools make of small inputs.

Needs Pillow, numpy and pycocotools.
The results are to be committed; run this again only to add a case.

    python tools/goldens/image.py [--out goldens/image]
"""

import argparse
import importlib.metadata
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps, features
from pycocotools import mask as coco

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def example(name):
    picture = Image.open(REPOSITORY / "examples" / name)
    return ImageOps.exif_transpose(picture).convert("RGB")


def noise(width, height, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def resizes(out):
    """`{input}.png`, and `{input}-{filter}-{width}x{height}.png` for each result.

    The input `astronaut.png` is the example of that name.

    Rows are resized before columns, in two calls: that is what one call does up to Pillow 12,
    while Pillow 13 begins with the columns where that is less work.
    """
    out.mkdir(parents=True, exist_ok=True)
    astronaut, cat = example("astronaut.png"), example("cat.jpg")
    cases = {
        "astronaut": (astronaut, [(224, 224)], ["bicubic"]),
        "face": (astronaut.crop((90, 10, 190, 131)), [(56, 56), (70, 56)], FILTERS),
        "fur": (cat.crop((150, 60, 214, 108)), [(65, 48), (64, 49), (20, 90), (97, 71)], FILTERS),
        "noise": (noise(37, 23, 1), [(1, 1), (37, 5), (5, 23), (56, 56), (36, 24)], FILTERS),
        "strip": (noise(257, 2, 2), [(3, 40), (64, 1), (258, 2)], FILTERS),
        "pixel": (noise(1, 1, 3), [(7, 5), (1, 1)], FILTERS),
    }
    for name, (picture, sizes, filters) in cases.items():
        if picture is not astronaut:
            picture.save(out / f"{name}.png", optimize=True)
        for width, height in sizes:
            for filter_name in filters:
                resample = FILTERS[filter_name]
                resized = picture.resize((width, picture.height), resample)
                resized = resized.resize((width, height), resample)
                resized.save(out / f"{name}-{filter_name}-{width}x{height}.png", optimize=True)


# First column and row of each pass of an interlaced PNG, and the steps to the next ones.
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]


def png(samples, bits, colour, palette=None, interlaced=False):
    """A PNG of given samples, shape `[height, width, channels]`, which Pillow cannot write all."""
    height, width, channels = samples.shape

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    def lines(part):
        for row in part:
            if bits >= 8:
                yield row.astype(">u2" if bits == 16 else "u1").tobytes()
            else:
                places = row.reshape(-1, 1) >> np.arange(bits - 1, -1, -1) & 1
                yield np.packbits(places.astype(np.uint8)).tobytes()

    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    parts = [samples[top::down, left::right] for left, top, right, down in passes]
    rows = b"".join(b"\0" + line for part in parts if part.size for line in lines(part))
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    chunks = [chunk(b"IHDR", header)]
    if palette is not None:
        chunks.append(chunk(b"PLTE", palette.astype(np.uint8).tobytes()))
    chunks += [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png16(samples):
    """A 16-bit PNG of one to four channels."""
    return png(samples, 16, {1: 0, 2: 4, 3: 2, 4: 6}[samples.shape[2]])


def decodes(out):
    """`{name}`, a file to decode, and `{name}.expected.png`, its upright RGB pixels."""
    out.mkdir(parents=True, exist_ok=True)
    picture = example("cat.jpg").crop((180, 90, 210, 110))
    alpha = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30).astype(np.uint8))
    transparent = picture.copy()
    transparent.putalpha(alpha)
    grey = picture.convert("L")
    palette = picture.quantize(16)

    def add(name, image, **options):
        image.save(out / name, **options)
        add_expected(name)

    def add_expected(name):
        upright = ImageOps.exif_transpose(Image.open(out / name)).convert("RGB")
        upright.save(out / f"{name}.expected.png", optimize=True)

    add("rgb.png", picture)
    add("rgba.png", transparent)
    add("grey.png", grey)
    add("grey-alpha.png", transparent.convert("LA"))
    add("black-white.png", grey.convert("1"))
    add("palette.png", palette)
    add("palette-transparent.png", palette, transparency=3)
    add("rgb.bmp", picture)
    add("palette.bmp", palette)
    add("rgb-lzw.tiff", picture, compression="tiff_lzw")
    add("rgba.tiff", transparent)
    add("grey.tiff", grey)
    add("rgb.webp", picture, lossless=True)
    add("lossy.webp", picture, quality=80)
    add("rgba.webp", transparent, lossless=True, exact=True)
    add("animation.gif", palette, save_all=True, append_images=[noise(30, 20, 4)])
    add("animation.webp", picture, lossless=True, save_all=True, append_images=[noise(30, 20, 4)])
    add("grey.jpg", grey, quality=90)
    add("cmyk.jpg", picture.convert("CMYK"), quality=90)

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        small = picture.crop((0, 0, 6, 4))
        add(f"orientation-{orientation}.png", small, exif=exif)
    exif = Image.Exif()
    exif[0x0112] = 6
    add("orientation-6.jpg", picture, quality=90, exif=exif)
    add("orientation-6.webp", picture, lossless=True, exif=exif)
    add("orientation-6.tiff", picture, exif=exif)

    # Of 16 bits, the high byte is kept; Pillow does so for colour, but clips grey.
    generator = np.random.default_rng(5)
    for name, channels in {"grey": 1, "grey-alpha": 2, "rgb": 3, "rgba": 4}.items():
        samples = generator.integers(0, 65536, (5, 7, channels)).astype(np.uint16)
        (out / f"{name}-16.png").write_bytes(png16(samples))
        high = (samples >> 8).astype(np.uint8)
        colour = high[..., :3] if channels > 2 else np.repeat(high[..., :1], 3, axis=2)
        Image.fromarray(colour).save(out / f"{name}-16.png.expected.png", optimize=True)


def jpegs(out):
    """JPEG files in the common samplings, and Pillow's (libjpeg-turbo's) pixels of each."""
    out.mkdir(parents=True, exist_ok=True)
    photograph = example("coffee.jpg").crop((240, 120, 321, 185))
    for name, options in {
        "444": {"subsampling": 0},
        "422": {"subsampling": 1},
        "420": {"subsampling": 2},
        "420-progressive": {"subsampling": 2, "progressive": True},
    }.items():
        photograph.save(out / f"{name}.jpg", quality=90, **options)
        Image.open(out / f"{name}.jpg").save(out / f"{name}.jpg.expected.png", optimize=True)


def refusals(out):
    """Sound files that must be refused."""
    out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ones((4, 5), dtype=np.float32)).save(out / "float.tiff")
    (out / "text.jpg").write_text("This is not a picture.\n")


def labels(out):
    """Label maps, and in `expected.json` the values of each, row by row.

    Pillow reads the same values from each, but that it spreads grey of few bits over 8.
    """
    out.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(10)
    expected = {}

    def add(name, bits, values, data):
        path = out / name
        data.save(path) if isinstance(data, Image.Image) else path.write_bytes(data)
        scale = 255 // (2**bits - 1) if name.startswith("grey") and 1 < bits < 8 else 1
        assert (np.asarray(Image.open(path)).astype(int) == values * scale).all(), name
        expected[name] = {"bits": bits, "size": list(values.shape), "values": values.flatten().tolist()}

    for bits in (1, 2, 4, 8, 16):
        values = generator.integers(0, 2**bits, (9, 13))
        for mode, colour in ("grey", 0), ("palette", 3):
            if mode == "palette" and bits == 16:
                continue
            palette = generator.integers(0, 256, (2**bits, 3)) if mode == "palette" else None
            for interlaced in (False, True):
                data = png(values[..., None], bits, colour, palette, interlaced)
                add(f"{mode}-{bits}{'-interlaced' * interlaced}.png", bits, values, data)

    # As data sets write them: with Pillow, a region of large numbers, a palette with opacity.
    values = np.repeat(np.repeat([[0, 300, 65535], [41, 41, 0]], 3, axis=0), 4, axis=1)
    add("pillow-16.png", 16, values, Image.fromarray(values.astype(np.uint16)))
    values %= 7
    add("pillow-8.png", 8, values, Image.fromarray(values.astype(np.uint8)))
    add("pillow-1.png", 1, values % 2, Image.fromarray(values % 2 == 1))
    image = Image.fromarray(values.astype(np.uint8), "P")
    image.putpalette(generator.integers(0, 256, 768).tolist())
    image.info["transparency"] = bytes([0, 128, 255])
    data = io.BytesIO()
    image.save(data, "PNG", bits=8)
    add("pillow-palette.png", 8, values, data.getvalue())

    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(case, separators=(',', ':'))}"
                       for name, case in expected.items())
    (out / "expected.json").write_text(f"{{\n{lines}\n}}\n")


def blob(height, width, seed):
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), dtype=bool)
    for _ in range(5):
        centre_y, centre_x = generator.uniform(0, height), generator.uniform(0, width)
        radius = generator.uniform(0.05, 0.3) * max(height, width)
        mask ^= (y - centre_y) ** 2 + (x - centre_x) ** 2 < radius**2
    return mask


def runs(mask):
    """Run lengths down the columns, beginning with background."""
    flat = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(changes, prepend=0, append=flat.size).tolist()


def run_lengths(path):
    generator = np.random.default_rng(6)
    masks = [generator.random((h, w)) < p for h, w, p in
             [(1, 1, 0.5), (1, 17, 0.5), (17, 1, 0.5), (9, 13, 0.1), (9, 13, 0.5), (13, 9, 0.9)]]
    masks += [np.zeros((5, 7), bool), np.ones((5, 7), bool), np.ones((1000, 1500), bool)]
    masks += [blob(480, 640, 7), blob(640, 427, 8), blob(56, 56, 9)]
    cases = []
    for mask in masks:
        encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        cases.append({
            "height": mask.shape[0],
            "width": mask.shape[1],
            "counts": runs(mask),
            "compressed": encoded["counts"].decode("ascii"),
            "area": int(coco.area(encoded)),
            "bounding_box": [int(value) for value in coco.toBbox(encoded)],
        })
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")


def provenance(path):
    facts = {
        "script": "tools/goldens/image.py",
        "pillow": PIL.__version__,
        "libjpeg_turbo": features.version("libjpeg_turbo"),
        "numpy": np.__version__,
        "pycocotools": importlib.metadata.version("pycocotools"),
    }
    path.write_text(json.dumps(facts, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=REPOSITORY / "goldens" / "image")
    out = parser.parse_args().out
    resizes(out / "resize")
    decodes(out / "decode")
    jpegs(out / "jpeg")
    refusals(out / "refuse")
    labels(out / "labels")
    run_lengths(out / "rle.json")
    provenance(out / "provenance.json")


if __name__ == "__main__":
    main()
