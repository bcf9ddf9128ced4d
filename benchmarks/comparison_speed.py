"""How long the statistics of a comparison take: metrics over resamples, and the conclusion from them.

    python -m benchmarks.comparison_speed [--rounds N]

2,000 draws of the patients, as for a report, on one core; predictions are not read. As in a comparison every
variant has a model more than seeds, their ensemble, where it has several. Each row is a process of its own,
which says its peak memory and how long it had a core; the fastest of its rounds counts, so that other work on
the machine is left out.

Writes benchmarks/comparison_speed.md.
"""

import argparse
import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.conclusion import Sample, conclude
from bakeoff.evaluation.conclusion.joint_errors import Figures
from bakeoff.evaluation.intervals import Floats
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.kinds import task_of
from bakeoff.task.measures import measures_of
from benchmarks.load import load, machine

TABLE = Path(__file__).with_suffix(".md")
FINDINGS = tuple(f"finding_{number:02d}" for number in range(14))
CLASSES = tuple(f"class_{number:02d}" for number in range(10))
RAREST, MOST = 0.002, 0.18  # of ChestX-ray14's findings: hernia and infiltration, roughly


@dataclass(frozen=True)
class Row:
    """A comparison. seconds: what it may take, None where nothing was promised."""

    name: str
    kind: str
    metric: str
    variants: int
    seeds: int
    images: int
    patients: int
    seconds: float | None = None

    @property
    def task(self) -> ClassificationTask:
        """The task that its predictions are of."""
        names = {"multiclass": {"classes": CLASSES}, "multilabel": {"findings": FINDINGS}}
        return task_of({"kind": self.kind, **names.get(self.kind, {})})

    @property
    def models(self) -> int:
        """Of each variant: its seeds, and of several the ensemble."""
        return self.seeds + (self.seeds > 1)


ROWS = (
    Row("200 images, binary, AUROC", "binary", "auroc", 20, 3, 200, 130, 2),
    Row("200 images, binary, accuracy", "binary", "accuracy", 20, 3, 200, 130, 2),
    Row("200 images, 10 classes, macro AUROC", "multiclass", "macro_auroc", 20, 3, 200, 130),
    Row("5,000 images, 10 classes, macro AUROC", "multiclass", "macro_auroc", 8, 3, 5_000, 5_000),
    Row("25,596 images, 14 findings", "multilabel", "macro_auroc", 8, 1, 25_596, 2_797, 300),
)


def cohort(row: Row, random: np.random.Generator) -> tuple[Any, list[Any], Any]:
    """Labels, scores of every model of every variant, and patients."""
    units = np.unique(random.integers(0, row.patients, row.images), return_inverse=True)[1]
    count = row.variants * row.models
    if row.kind == "binary":
        labels: Any = (random.random(row.images) < 0.47).astype(np.int64)
        scores = [noisy(labels, random) for _ in range(count)]
    elif row.kind == "multilabel":
        shares = np.geomspace(RAREST, MOST, len(FINDINGS))
        labels = (random.random((row.images, len(FINDINGS))) < shares).astype(np.int64)
        scores = [noisy(labels, random) for _ in range(count)]
    else:
        labels = random.integers(0, len(CLASSES), row.images)
        ones = np.eye(len(CLASSES))[labels]
        scores = [noisy(ones, random) for _ in range(count)]
        scores = [each / each.sum(axis=1, keepdims=True) for each in scores]
    return labels, scores, units


def noisy(truth: Any, random: np.random.Generator) -> Floats:
    """Scores in 0..1 that are higher where the truth is 1, with as many digits as a model's."""
    return np.asarray(1 / (1 + np.exp(1 - truth - random.normal(size=truth.shape))))


def seconds(row: Row) -> tuple[float, float]:
    """Of a core, for the resampling, and for the conclusion from it."""
    labels, scores, units = cohort(row, np.random.default_rng(0))
    measures = measures_of(row.task)
    halves = dict.fromkeys(row.task.scored, 0.5)
    begun = time.process_time()
    chunks = [
        [
            measures.resampled(labels, one, halves, weights, [row.metric])[row.metric]
            for one in scores
        ]
        for weights in intervals.resample_weights(units)
    ]
    drawn = np.concatenate([np.stack(chunk) for chunk in chunks], axis=1)
    resampled = time.process_time()
    figures = [
        Figures(
            f"variant {at}", drawn[own : own + row.seeds].mean(axis=1), drawn[own : own + row.seeds]
        )
        for at, own in enumerate(range(0, len(drawn), row.models))
    ]
    sample = Sample("patient", int(units.max()) + 1, row.images)
    conclude(row.metric, figures, sample, bounds=(0.0, 1.0))
    return resampled - begun, time.process_time() - resampled


def measured(row: Row, rounds: int) -> tuple[float, float, float]:
    """Seconds of resampling and conclusion in the fastest round, and the process's peak memory in GB."""
    took = min((seconds(row) for _ in range(rounds)), key=sum)
    return *took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    """Measure all rows and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    os.environ["OMP_NUM_THREADS"] = "1"  # of the rows' processes
    lines = [
        "# How long the statistics of a comparison take",
        "",
        f"`python -m benchmarks.comparison_speed`, {time.strftime('%d %B %Y', time.gmtime())}: "
        f"{intervals.RESAMPLES:,} draws of the patients on one core of a machine with {machine()}, "
        f"load {load()}; the fastest of {rounds} rounds. A variant has seeds and, of several, their "
        "ensemble.",
        "",
        "| comparison | variants | seeds | patients | resampling | conclusion | together | limit | memory |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            resampling, conclusion, memory = process.submit(measured, row, rounds).result()
        most = "" if row.seconds is None else f"{row.seconds:g} s"
        lines.append(
            f"| {row.name} | {row.variants} | {row.seeds} | {row.patients:,} | {resampling:.2f} s | "
            f"{conclusion:.2f} s | {resampling + conclusion:.2f} s | {most} | {memory:.2f} GB |"
        )
        print(lines[-1], flush=True)
    TABLE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
