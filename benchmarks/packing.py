"""What packing costs: on one core and on two, in memory, and by other decoders than Pillow's.

    python -m benchmarks.packing [--images N] [--rounds N]

Images are grey PNGs of 1,024 pixels with smooth and fine noise, packed at 512 pixels; each way packs them in
a fresh process, and the ways take turns. "two at once" is what the machine has to give in that minute: two
processes, each with half of the images and one worker, side by side, until the later one is done.
Memory is the peak of a fresh process (VmHWM) over many small images. Decoders are measured as far as they
are installed (`pip install opencv-python-headless imagecodecs pyvips[binary]`), in processor time, and
must give Pillow's pixels.

Writes benchmarks/packing.md.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from bakeoff.config.packing import Packing
from bakeoff.data.images import decode
from bakeoff.data.pack import write_pack
from bakeoff.data.parallel import parallel_map
from bakeoff.data.resizing import Resized, resize
from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
SIDE, SIZE, SMALL = 1024, 512, 128
COUNTS = (200, 1000, 4000)
DISTINCT = 24


def write_images(folder: Path, count: int, side: int) -> None:
    """PNGs, of which DISTINCT are different and the others are links to those."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(count):
        file = folder / f"{number:05}.png"
        if number >= DISTINCT:
            file.hardlink_to(folder / f"{number % DISTINCT:05}.png")
            continue
        coarse = Image.fromarray(random.integers(30, 226, (16, 16), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
        noisy = smooth + random.normal(0, 1, smooth.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file)


def one(folder: Path, name: str) -> Resized:
    """An image as it is packed."""
    return resize(Packing(SIZE), name, decode(folder, name))


def work(way: str, folder: Path, size: int, start: int, count: int) -> dict[str, float]:
    """Pack images in this process; what it took: wall and processor seconds, and MB at the peak."""
    names = sorted(path.name for path in folder.iterdir())[start : start + count]
    wall, before = time.perf_counter(), os.times()
    with tempfile.TemporaryDirectory() as out:
        if way == "processes":
            for _ in parallel_map(partial(one, folder), names, 2):
                pass
        else:
            packing, splits = Packing(size), ["train"] * count
            write_pack(folder, names, splits, packing, Path(out), int(way))
    wall, after = time.perf_counter() - wall, os.times()
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    return {
        "wall": wall,
        "cpu": sum(after[:4]) - sum(before[:4]),
        "peak": int(peak) / 1024,
    }


def started(
    way: str, folder: Path, start: int, count: int, size: int = SIZE
) -> subprocess.Popen[str]:
    """A fresh process that does this work."""
    part = ["--start", str(start), "--images", str(count), "--size", str(size)]
    given = ["--way", way, "--folder", str(folder), *part]
    command = [sys.executable, "-m", "benchmarks.packing", *given]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def ended(*processes: subprocess.Popen[str]) -> list[dict[str, float]]:
    """What each of the processes says."""
    return [json.loads(process.communicate()[0]) for process in processes]


def on_two_cores(folder: Path, count: int, rounds: int) -> list[str]:
    """Rows of the ways to pack."""
    half = count // 2
    ways: dict[str, Callable[[], list[dict[str, float]]]] = {
        "one worker": lambda: ended(started("1", folder, 0, count)),
        "two workers, threads": lambda: ended(started("2", folder, 0, count)),
        "two spawned processes, as before": lambda: ended(started("processes", folder, 0, count)),
        "two at once": lambda: ended(
            started("1", folder, 0, half), started("1", folder, half, half)
        ),
    }
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            parts = run()
            taken[way].append((max(p["wall"] for p in parts), sum(p["cpu"] for p in parts)))
            print(f"{way}: {taken[way][-1]}", file=sys.stderr, flush=True)
    rows = []
    for way, rounds_of in taken.items():
        ratios = [a[0] / b[0] for a, b in zip(taken["one worker"], rounds_of, strict=True)]
        wall, cpu = (median(column) for column in zip(*rounds_of, strict=True))
        rows.append(f"| {way} | {wall:.2f} | {cpu:.2f} | {median(ratios):.2f}x |")
    return rows


def in_memory(folder: Path) -> list[str]:
    """Rows of the peak of memory, for one worker and for two."""
    rows = []
    write_images(folder, max(COUNTS), 2 * SMALL)
    for workers in ("1", "2"):
        peaks = [ended(started(workers, folder, 0, count, SMALL))[0]["peak"] for count in COUNTS]
        rows.append(f"| {workers} | " + " | ".join(f"{peak:.0f}" for peak in peaks) + " |")
    return rows


def decoders() -> dict[str, Callable[[bytes], Any]]:
    """PNG decoders by name, as far as they are installed: bytes of a file to its pixels."""

    def pillow(content: bytes) -> Any:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image)

    def opencv(cv2: Any, content: bytes) -> Any:
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)

    def vips(pyvips: Any, content: bytes) -> Any:
        return pyvips.Image.new_from_buffer(content, "").numpy()

    found: dict[str, Callable[[bytes], Any]] = {"Pillow": pillow}
    for name, module, call in (
        ("OpenCV", "cv2", opencv),
        ("libvips", "pyvips", vips),
        ("imagecodecs, libpng", "imagecodecs", lambda module, data: module.png_decode(data)),
        ("imagecodecs, libspng", "imagecodecs", lambda module, data: module.spng_decode(data)),
    ):
        try:
            found[name] = partial(call, import_module(module))
        except ImportError:
            print(f"{name} is not installed", file=sys.stderr)
    return found


def by_decoder(folder: Path, rounds: int) -> list[str]:
    """Rows of what a decoder takes, and what an image's packing would take with it."""
    names = sorted(path.name for path in folder.iterdir())[:DISTINCT]
    contents = [(folder / name).read_bytes() for name in names]
    found = decoders()
    taken: dict[str, list[float]] = {decoder: [] for decoder in found}
    whole: list[float] = []
    for _ in range(rounds):
        for name, content in zip(names, contents, strict=True):
            expected = found["Pillow"](content)
            for decoder, call in found.items():
                begun = time.process_time()
                pixels = call(content)
                taken[decoder].append(time.process_time() - begun)
                assert np.array_equal(np.squeeze(pixels), expected), decoder
            begun = time.process_time()
            one(folder, name)
            whole.append(time.process_time() - begun)
    cost = {decoder: 1e3 * median(times) for decoder, times in taken.items()}
    rest = 1e3 * median(whole) - cost["Pillow"]
    return [
        f"| {decoder} | {ms:.1f} | {(rest + cost['Pillow']) / (rest + ms):.2f}x |"
        for decoder, ms in cost.items()
    ]


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--start", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(work(given.way, given.folder, given.size, given.start, given.images)))
        return
    before = load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "large", given.images, SIDE)
        packing = on_two_cores(folder / "large", given.images, given.rounds)
        decoding = by_decoder(folder / "large", given.rounds)
        memory = in_memory(folder / "small")
    counts = " | ".join(f"{count:,} images" for count in COUNTS)
    lines = [
        "# What packing costs\n",
        f"{machine()}; load average {before} at the start, {load()} at the end.",
        "Written by `benchmarks/packing.py`, which says what is measured.\n",
        f"{given.images} images, medians of {given.rounds} rounds, ratios within a round:\n",
        "| way | wall, s | processors, s | against one worker |",
        "|---|---|---|---|",
        *packing,
        f"\nPeak of memory in MB, images of {2 * SMALL} pixels packed at {SMALL}:\n",
        f"| workers | {counts} |",
        "|---|" + "---|" * len(COUNTS),
        *memory,
        "\nDecoders of a PNG, ms of a processor, and how much faster an image would be packed with it:\n",
        "| decoder | ms | packing |",
        "|---|---|---|",
        *decoding,
    ]
    TABLE.write_text("\n".join(lines) + "\n")
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
