"""What each augmentation costs a training step, beside the step itself.

    python -m benchmarks.augmentation [--rounds N]

A batch of 32 colour images of 224 pixels on one core: packed pixels to what a model is given. The rows take
turns, and the fastest round of each counts, so that other work on the machine is left out.

Writes benchmarks/augmentation.md.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from bakeoff.config.schema import Image
from bakeoff.models.registry import Task, build
from bakeoff.training.augment import Augmentation
from bakeoff.training.scaling import normalise
from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
BATCH, SIZE = 32, 224
OFF: dict[str, Any] = {"rotate": {"probability": 0}, "normalise": "unit"}
ROWS: dict[str, dict[str, Any]] = {
    "none, `normalise: unit`": OFF,
    "none, `normalise: min-max`": {**OFF, "normalise": "min-max"},
    "`rotate` (of 30 %)": {"normalise": "unit"},
    "`crop`": {**OFF, "crop": {}},
    "`flip`": {**OFF, "flip": {}},
    "`jitter`": {**OFF, "jitter": {}},
    "`jitter` with `hue: 0.1`": {**OFF, "jitter": {"hue": 0.1}},
}


def seconds(image: Image, pixels: torch.Tensor, step: int) -> float:
    """Of a batch from packed pixels to what a model is given."""
    begun = time.perf_counter()
    drawn = Augmentation.draw(len(pixels), image, 0, 1, step)
    normalise(drawn.apply(pixels.float()), image)
    return time.perf_counter() - begun


def training_step(pixels: torch.Tensor) -> float:
    """Seconds of forward and backward of a ResNet-18 on the batch."""
    model = build("timm/resnet18", Task(channels=3, size=SIZE, outputs=2), {})
    images = pixels.float() / 255
    model(images).sum().backward()
    begun = time.perf_counter()
    model(images).sum().backward()
    return time.perf_counter() - begun


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    before = load()
    pixels = torch.randint(0, 256, (BATCH, 3, SIZE, SIZE), dtype=torch.uint8)
    images = {name: Image(size=SIZE, channels=3, **keys) for name, keys in ROWS.items()}
    best = dict.fromkeys(images, float("inf"))
    for step in range(rounds):
        for name, image in images.items():
            best[name] = min(best[name], seconds(image, pixels, step))
    step_of_model = min(training_step(pixels) for _ in range(3))
    lines = [
        "# What augmentation costs\n",
        f"A batch of {BATCH} colour images of {SIZE} pixels, one core, the fastest of {rounds} rounds. "
        f"{machine()}; load average {before} at the start, {load()} at the end.",
        "Written by `benchmarks/augmentation.py`.\n",
        "| augmentation | ms a batch | images a second |",
        "|---|---|---|",
        *(f"| {name} | {1000 * took:.0f} | {BATCH / took:.0f} |" for name, took in best.items()),
        f"| beside it, forward and backward of `timm/resnet18` | {1000 * step_of_model:.0f} | "
        f"{BATCH / step_of_model:.0f} |",
    ]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
