"""Which images the audit calls near-identical: perceptual distances of different images and of copies.

    python benchmarks/duplicates.py IMAGES TABLE     a folder, and a CSV with `Image Index` and `Patient ID`
    python benchmarks/duplicates.py IMAGES           a folder of images that are all different
    python benchmarks/duplicates.py --synthetic 500  the project's own synthetic X-rays

Prints a table of the bits, of 576, in which hashes differ; it sets `NEAR` in src/bakeoff/data/duplicates.py.
"""

import io
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance

from bakeoff.data.decoding import examine_images
from bakeoff.data.duplicates import NEAR, near_sets, perceptual_hash
from bakeoff.data.images import decode
from bakeoff.data.parallel import parallel_map
from bakeoff.data.synthesis import synthesize

COPIED = 200
"""Images, evenly spread, of which copies are made."""


def encoded(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("L")


def copies(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    width, height = image.size
    half = image.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    for quality in (95, 75, 50, 30):
        yield f"JPEG of quality {quality}", encoded(image, quality)
    yield "half size", half
    yield "quarter size", image.resize((width // 4, height // 4), Image.Resampling.BICUBIC)
    yield "half size, JPEG of quality 50", encoded(half, 50)
    yield "10 % brighter", ImageEnhance.Brightness(image).enhance(1.1)
    yield "20 % more contrast", ImageEnhance.Contrast(image).enhance(1.2)
    yield "gamma 0.8", image.point([round(255 * (i / 255) ** 0.8) for i in range(256)])
    for percent in (1, 2, 5):
        x, y = width * percent // 100, height * percent // 100
        box = (x, y, width - x, height - y)
        yield f"{percent} % cropped at each edge", image.crop(box).resize(image.size)


def distances_of_copies(folder: Path, name: str) -> dict[str, int]:
    pixels = decode(folder, name).pixels
    original = bits(perceptual_hash(pixels))
    return {
        kind: int((bits(perceptual_hash(np.asarray(copy))) != original).sum())
        for kind, copy in copies(Image.fromarray(pixels))
    }


def bits(look: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(look, dtype=np.uint8)).astype(np.int32)


def main(folder: Path, table: Path | None) -> None:
    if table is None:
        files = sorted(file for file in folder.rglob("*") if file.suffix in {".jpg", ".png"})
        names = [str(file.relative_to(folder)) for file in files]
        patients = np.arange(len(names))
    else:
        frame = pd.read_csv(table, dtype=str)
        names, patients = frame["Image Index"].tolist(), frame["Patient ID"].to_numpy()
    started = time.perf_counter()
    facts = examine_images(folder, names)
    examined = time.perf_counter() - started
    looks = np.stack([bits(fact.look) for fact in facts])
    started = time.perf_counter()
    sets = near_sets([fact.look for fact in facts])
    compared = time.perf_counter() - started
    first, second = np.triu_indices(len(names), 1)
    distance = (looks @ (1 - looks).T + (1 - looks) @ looks.T)[first, second]
    same = patients[first] == patients[second]
    pixels = np.array([fact.digest for fact in facts])
    identical = pixels[first] == pixels[second]
    print(f"{folder}: {len(names)} images of {len(set(patients))} patients, ", end="")
    print(f"examined in {examined:.1f} s, compared in {compared:.2f} s")
    print("| pairs | number | least | 1st percentile | median | largest | within NEAR |")
    print("|---|---|---|---|---|---|---|")
    row("of different patients", distance[~same])
    row("of one patient, not pixel-identical", distance[same & ~identical])
    spread = names[:: max(1, len(names) // COPIED)]
    found = list(parallel_map(partial(distances_of_copies, folder), spread))
    for kind in found[0]:
        row(kind, np.array([one[kind] for one in found]))
    print(f"sets called near-identical (pixel-identical ones, too): {len(sets)}")


def row(kind: str, distance: np.ndarray) -> None:
    if len(distance):
        low, middle = np.percentile(distance, [1, 50])
        near = int((distance <= NEAR).sum())
        print(f"| {kind} | {len(distance)} | {distance.min()} | {low:.0f} | {middle:.0f} ", end="")
        print(f"| {distance.max()} | {near} ({near / len(distance):.2%}) |")


if __name__ == "__main__":
    if sys.argv[1] == "--synthetic":
        with tempfile.TemporaryDirectory() as room:
            synthesize(Path(room), images=int(sys.argv[2]), size=256, seed=0)
            main(Path(room) / "images", Path(room) / "sample_labels.csv")
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
