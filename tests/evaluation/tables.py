"""Small tables of predictions, written the way a run writes them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def write_predictions(
    path: Path,
    labels: Sequence[int],
    scores: Sequence[float],
    patients: Sequence[object] | None = None,
    prefix: str = "image",
) -> Path:
    frame = pd.DataFrame({"Image Index": [f"{prefix}-{i:05d}.png" for i in range(len(labels))]})
    if patients is not None:
        frame["Patient ID"] = list(patients)
    frame["Disease"] = list(labels)
    frame["score"] = list(scores)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return path


def write_run(
    folder: Path,
    val: tuple[Sequence[int], Sequence[float]],
    test: tuple[Sequence[int], Sequence[float]],
    patients: Sequence[object] | None = None,
) -> Path:
    write_predictions(folder / "predictions" / "val.csv", *val, prefix="val")
    write_predictions(folder / "predictions" / "test.csv", *test, patients, prefix="test")
    return folder
