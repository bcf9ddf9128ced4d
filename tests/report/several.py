"""Small bake-offs of several classes or findings, by any metric: scikit-learn's digits, each in a colour.

As in `digits`: images are split, audited and packed by bakeoff's own stages, the models are scikit-learn's.
"""

import colorsys
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import SGDClassifier

from bakeoff.config.packing import Packing
from bakeoff.config.schema import Data, Split, Task
from bakeoff.config.task import with_task
from bakeoff.data.pack import PackedImages, pack
from bakeoff.data.splits import write_splits
from bakeoff.data.tables import read_split
from bakeoff.evaluation.baselines import write_baselines
from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.layout import Layout
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.kinds import recorded_task
from bakeoff.task.measures import measures_of

EPOCHS, SEEDS = 3, (0, 1)
PACKING = Packing(16, colours=True)
COMPONENTS = {"broad": 30, "narrow": 5}
EXPECTED = [("narrow", SEEDS), ("broad", SEEDS)]
SPLITS = ("train", "val", "test")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
UPSIDE_DOWN = {4: "four_upside_down", 7: "seven_upside_down"}
"""Of these digits every other one is turned round, and is then of a class of its own."""

FINDINGS: dict[str, Callable[[int, int], bool]] = {
    "Even": lambda digit, _: digit % 2 == 0,
    "Prime": lambda digit, _: digit in (2, 3, 5, 7),
    "Square": lambda digit, _: digit in (0, 1, 4, 9),
    "Multiple_of_three": lambda digit, _: digit % 3 == 0,
    "Above_four": lambda digit, _: digit > 4,
    "Closed_loop": lambda digit, _: digit in (0, 6, 8, 9),
    "Two_closed_loops": lambda digit, _: digit == 8,
    "Straight_line_only": lambda digit, _: digit in (1, 7),
    "Symmetric": lambda digit, _: digit in (0, 1, 3, 8),
    "Zero": lambda digit, _: digit == 0,
    "Teen": lambda digit, _: digit in (1, 2),
    "Coin": lambda digit, at: at % 2 == 0,  # nothing shows it
    "Scratched": lambda digit, at: at % 29 == 0,
    "Torn": lambda digit, at: at == 1,  # one image, in train
}
"""Fourteen things that are or are not to be seen in a digit, the i-th of all."""


@dataclass(frozen=True)
class Question:
    """What is asked of the digits: the section `task`, the labels of digit i, the metric; how many images."""

    task: dict[str, Any]
    label: Callable[[int, int], str]
    metric: str | None = None
    images: int = 330
    split: tuple[int, int, int] = (150, 75, 75)


def _twelve(digit: int, at: int) -> str:
    return UPSIDE_DOWN[digit] if digit in UPSIDE_DOWN and at % 2 else NAMES[digit]


def _findings(digit: int, at: int) -> str:
    found = [name for name, is_there in FINDINGS.items() if is_there(digit, at)]
    return "|".join(found) or "No Finding"


QUESTIONS: Mapping[str, Question] = {
    "three": Question({"kind": "multiclass"}, lambda digit, _: NAMES[digit % 3]),
    "twelve": Question({"kind": "multiclass"}, _twelve, images=402, split=(180, 90, 120)),
    "findings": Question(
        {"kind": "multilabel", "findings": list(FINDINGS)}, _findings, split=(150, 75, 90)
    ),
    "log_loss": Question(
        {"kind": "binary", "negative": ["even"], "positive": ["odd"]},
        lambda digit, _: ("even", "odd")[digit % 2],
        "log_loss",
    ),
}


def make_several(folder: Path, name: str) -> Path:
    """Write `folder`/results/`name`, which answers the question of that name, complete; return it."""
    question = QUESTIONS[name]
    results = folder / "results" / name
    data = with_task(_write_data(folder / name, question), Task(**question.task), name)
    train, val, test = question.split
    write_splits(data, Split(train=train, val=val, test=test), results / "splits", workers=1)
    layout = Layout(results)
    pack(layout.splits, data, PACKING, PACKING.folder(layout), workers=1)
    task = read_task(layout)
    write_baselines(results, task=task)
    for variant, components in COMPONENTS.items():
        for seed in SEEDS:
            _train(layout, task, variant, components, seed)
    write_comparison(results, EXPECTED, task, task.metric(question.metric))
    return results


def read_task(layout: Layout) -> ClassificationTask:
    """The task that the split recorded."""
    task = recorded_task(layout.audit)
    assert task is not None
    return task


def _write_data(folder: Path, question: Question) -> Data:
    digits = load_digits()
    (folder / "images").mkdir(parents=True)
    rows = []
    for i, (pixels, digit) in enumerate(
        zip(digits.images[: question.images], digits.target, strict=False)
    ):
        file, label = f"digit-{i:04d}.png", question.label(int(digit), i)
        shape = pixels[::-1, ::-1] if label in UPSIDE_DOWN.values() else pixels
        colour = np.array(colorsys.hsv_to_rgb(i * 0.618 % 1, 0.6, 1.0))
        painted = (shape[..., None] * colour * 255 / 16).astype(np.uint8)
        Image.fromarray(painted).save(folder / "images" / file)
        rows.append((file, label, str(i // 3), "AP" if pixels.mean() > 4.9 else "PA"))
    columns = ["Image Index", "Finding Labels", "Patient ID", "View Position"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "labels.csv", index=False)
    return Data(labels=folder / "labels.csv", images=folder / "images")


def _train(
    layout: Layout, task: ClassificationTask, variant: str, components: int, seed: int
) -> None:
    measures = measures_of(task)
    parts = {split: read_split(layout.split(split), task) for split in SPLITS}
    packed = PackedImages.open(PACKING.folder(layout))
    pixels = {
        split: packed.images[packed.rows(part.frame["Image Index"])].reshape(len(part.labels), -1)
        for split, part in parts.items()
    }
    reduce = PCA(components, random_state=seed).fit(pixels["train"] / 255)
    seen = {split: reduce.transform(values / 255) for split, values in pixels.items()}
    history, best, kept = [], {"value": -np.inf}, {}
    column, sign = task.selection(task.select_on)
    for epoch in range(1, EPOCHS + 1):
        model = SGDClassifier(
            loss="log_loss", alpha=1e-2, max_iter=epoch, tol=None, random_state=seed
        )
        fitted = measures.fit(model, seen["train"], parts["train"].labels)
        scores = {split: measures.scores(fitted, values) for split, values in seen.items()}
        row: dict[str, float] = {"epoch": epoch}
        for split in ("train", "val"):
            labels = parts[split].labels
            row[f"{split}_loss"] = measures.selected(labels, scores[split], "log_loss")
            for name, value in measures.epoch(labels, scores[split]).items():
                row[f"{split}_{name}"] = value
        history.append(row | {"lr": 0.01, "seconds": 0.5})
        if sign * row[column] > best["value"]:
            best = {"epoch": epoch, "criterion": task.select_on, "value": sign * row[column]}
            kept = scores
    run = layout.run(variant, seed)
    (run.path / "predictions").mkdir(parents=True)
    pd.DataFrame(history).to_csv(run.history, index=False)
    for split in ("val", "test"):
        frame = parts[split].frame[["Image Index", "Patient ID"]].reset_index(drop=True)
        frame = frame.assign(**task.columns_of(parts[split].labels))
        each = kept[split].reshape(len(frame), -1)
        frame = frame.assign(**dict(zip(task.score_columns, each.T, strict=True)))
        frame.to_csv(run.predictions(split), index=False)
    record = {
        "experiment": layout.root.name,
        "variant": variant,
        "seed": seed,
        "config": {
            "model": "pca-logistic",
            "options": {"components": components},
            "image": {"size": PACKING.size, "channels": 3},
            "training": {"epochs": EPOCHS, "select_on": task.select_on},
            "task": task.as_json(),
            "data": {"source": "files"},
        },
        "parameters": {"total": components + 1, "trainable": components + 1},
        "best": best,
        "provenance": {"git_commit": "f6ccff5d2a", "host": "laptop", "python": "3.11"},
    }
    run.run_json.write_text(json.dumps(record))
    evaluate_predictions(run.path, task)
