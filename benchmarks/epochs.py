"""What an epoch costs around the bare model, and against the course lab's loop, on one core.

    python -m benchmarks.epochs [--train N] [--rounds N]

Images are PNGs of 1,024 pixels with smooth noise. Each way takes its epoch in turn; the table has medians of
the rounds, and of the ratios within a round. Seconds are the process's own on a processor, of a single
thread: those who share the machine count less. "bare" is the model's forward, backward and optimizer over
images that lie ready, in the same numerics, and its forward over those of validation. Ours is the loop of
`bakeoff train` itself, from one epoch's last step to the next one's: with the validation, the checkpoint,
the history and the journal.

Writes benchmarks/epochs.md.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from bakeoff.config.experiment import Experiment
from bakeoff.data.pack import pack
from bakeoff.data.splits import write_splits
from bakeoff.layout import Layout
from bakeoff.training.allocator import keep_freed_memory
from bakeoff.training.distributed import World
from bakeoff.training.evaluate import EVALUATION_BATCH
from bakeoff.training.stop import StopNotice
from bakeoff.training.train import Trainer
from benchmarks import lab5
from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
SIDE = 1024
DEVICE = torch.device("cpu")
WARM = 3  # steps of the bare model before its epoch: ours is timed from the end of one on
NUMERICS: dict[str, dict[str, Any]] = {
    "fp32": {},
    "fp32, channels_last": {"layout": "channels_last"},
    "bf16, channels_last": {"layout": "channels_last", "precision": "bf16"},
}


@dataclass(frozen=True)
class Case:
    """A model at a size and batch."""

    model: str
    size: int
    batch: int
    numerics: tuple[str, ...]
    part: float = 1.0  # of the images that are given, of a model that takes long

    def images(self, train: int) -> int:
        """How many of them it is trained on: whole batches."""
        return int(train * self.part) // self.batch * self.batch


CASES = (
    Case("conv_bn", 512, 4, tuple(NUMERICS)),
    Case("timm/vit_small_patch16_224", 224, 16, ("fp32", "bf16, channels_last"), 0.4),
    Case("timm/resnet18", 224, 16, ("fp32", "bf16, channels_last"), 0.4),
)


def write_images(folder: Path, count: int) -> list[int]:
    """Labelled PNGs, and labels.csv beside them; returns the labels."""
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (16, 16), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        image.save(folder / f"images/{number:04}.png")
    labels = [number % 2 for number in range(count)]
    rows = "".join(f"{n:04}.png,{n},{'Yes' if label else 'No'}\n" for n, label in enumerate(labels))
    (folder / "labels.csv").write_text("image,patient,label\n" + rows)
    return labels


def experiment_of(folder: Path, case: Case, train: int, val: int) -> tuple[Experiment, Layout]:
    """A bake-off with a variant for each of the case's numerics, split and packed."""
    name = case.model.replace("/", "-")
    data = {"labels": str(folder / "labels.csv"), "images": str(folder / "images")}
    columns = {"image_column": "image", "patient_column": "patient", "label_column": "label"}
    variants = {
        f"v{at}": {"model": case.model, "training": NUMERICS[named]}
        for at, named in enumerate(case.numerics)
    }
    experiment = Experiment.parse(
        {
            "experiment": name,
            "results": str(folder / "results"),
            "data": {**data, **columns, "negative": ["No"], "positive": ["Yes"]},
            "split": {"train": train, "val": val, "test": 2},
            "image": {"size": case.size},
            "training": {"epochs": 2, "batch_size": case.batch},
            "tracking": {"live": False},
            "variants": variants,
        },
        "benchmark",
    )
    layout = Layout(folder / "results" / name)
    write_splits(experiment.data, experiment.split, layout.splits, workers=1)
    for packing in experiment.packings():
        pack(layout.splits, experiment.data, packing, packing.folder(layout), workers=1)
    return experiment, layout


class Bare:
    """The model alone: over images that lie ready, in the numerics of a trainer that was built."""

    def __init__(self, trainer: Trainer, train: int, val: int, batch: int) -> None:
        self.model, self.optimizer = trainer.model, trainer.optimizer
        self.numerics = trainer.numerics
        size = trainer.run.variant.image.size
        self.steps, self.batch = train // batch, batch
        self.images = self.numerics.lay_out(torch.rand(batch, 1, size, size))
        self.labels = torch.arange(batch) % 2
        self.seen = [
            self.numerics.lay_out(torch.rand(min(EVALUATION_BATCH, val - at), 1, size, size))
            for at in range(0, val, EVALUATION_BATCH)
        ]

    def warm(self) -> "Bare":
        """What comes once: libraries choose kernels, memory is mapped, the optimizer makes its state."""
        self._epoch(WARM)
        return self

    def epoch(self) -> None:
        """As many steps as the trainer takes, then validation's forward."""
        self._epoch(self.steps)

    def _epoch(self, steps: int) -> None:
        self.model.train()
        for _ in range(steps):
            self.optimizer.zero_grad(set_to_none=True)
            with self.numerics.computing(DEVICE):
                logits = self.model(self.images)
            loss = F.cross_entropy(logits.float(), self.labels)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        self.model.eval()
        with torch.no_grad(), self.numerics.computing(DEVICE):
            for images in self.seen:
                self.model(images)


def timed(work: Callable[[], object]) -> float:
    """Processor seconds of a call: what waits for a core that others use does not count."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def lab_epoch(folder: Path, labels: list[int], train: int, size: int, batch: int) -> float:
    """Seconds of an epoch of the lab's loop, in a process of its own; the first one there warms it."""
    torch.set_num_threads(1)
    course = lab5.Training(folder, labels, train, size, batch)
    return timed(course.epoch)


def second_epoch(trainer: Trainer) -> float:
    """Seconds of the last of two epochs, from last step to last step: all that happens between two."""
    ended = [time.process_time() for _ in trainer.turns(StopNotice())]
    return ended[-1] - ended[len(ended) // 2 - 1]


def measure(
    folder: Path, case: Case, labels: list[int], train: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds of an epoch by each way, a value per round."""
    train = case.images(train)
    val = train // 3
    experiment, layout = experiment_of(folder, case, train, val)
    taken: dict[str, list[float]] = {}

    def note(way: str, seconds: float) -> None:
        taken.setdefault(way, []).append(seconds)
        print(f"{case.model}: {way}: {seconds:.2f} s", file=sys.stderr, flush=True)

    given = (folder / "images", labels[: train + val], train, case.size, case.batch)
    # In a process of its own: the lab does not tell its allocator anything.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as course:
        for seed in range(rounds):
            if case.model == "conv_bn":
                note("lab5", course.submit(lab_epoch, *given).result())
            for at, name in enumerate(case.numerics):
                run = replace(experiment.run(f"v{at}", 0), seed=seed)
                made_of = (experiment, run, layout, layout.run(f"v{at}", seed), World(), DEVICE)
                note(
                    f"bare, {name}",
                    timed(Bare(Trainer(*made_of), train, val, case.batch).warm().epoch),
                )
                note(f"ours, {name}", second_epoch(Trainer(*made_of)))
    return taken


def rows(case: Case, images: int, taken: dict[str, list[float]]) -> list[str]:
    """The table's rows of a case."""
    lines = []
    for name in case.numerics:
        ours, bare = taken[f"ours, {name}"], taken[f"bare, {name}"]
        around = statistics.median(a / b - 1 for a, b in zip(ours, bare, strict=True))
        against = "-"
        if "lab5" in taken:
            ratios = [a / b for a, b in zip(taken["lab5"], ours, strict=True)]
            against = f"{statistics.median(ratios):.2f}x"
        lines.append(
            f"| {case.model}, {case.size} pixels, batch {case.batch}, {images} images | {name} "
            f"| {statistics.median(bare):.2f} | {statistics.median(ours):.2f} | {around:.1%} | {against} |"
        )
    return lines


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=240, help="images; a third as many validate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a model's name")
    given = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    before = load()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = write_images(folder, given.train + given.train // 3 + 2)
        for case in CASES:
            if given.only in case.model:
                taken = measure(folder, case, labels, given.train, given.rounds)
                lines += rows(case, case.images(given.train), taken)
                if "lab5" in taken:
                    lab = statistics.median(taken["lab5"])
                    lines.append(
                        f"| Lab 5's loop, PyTorch, the same model | fp32 | - | {lab:.2f} | - | 1x |"
                    )
    text = (
        "# What an epoch costs\n\n"
        f"Training images, and a third as many of validation, one thread, seconds of a "
        f"processor, medians of {given.rounds} rounds in which the ways take turns. {machine()}; load "
        f"average {before} at the start, {load()} at the end.\n"
        "Written by `benchmarks/epochs.py`, which says what each column is.\n\n"
        "| model | numerics | bare, s an epoch | ours, s | around the model | against Lab 5's loop |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )
    print(text)
    if not given.only:
        TABLE.write_text(text)


if __name__ == "__main__":
    main()
