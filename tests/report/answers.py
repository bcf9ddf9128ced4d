"""Other answers for the runs of a small bake-off, and what the report then makes of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.layout import Layout
from bakeoff.report.evidence import Evidence, read_evidence
from bakeoff.task.kinds import recorded_task

Change = Callable[[pd.DataFrame], object]
BOTH: Sequence[tuple[str, Sequence[int]]] = [("narrow", (0, 1)), ("broad", (0, 1))]


def change_scores(run: Path, change: Change, splits: Sequence[str] = ("val", "test")) -> None:
    """Replace the scores in the predictions of a run by what `change` makes of the table; evaluate."""
    for split in splits:
        path = run / "predictions" / f"{split}.csv"
        frame = pd.read_csv(path)
        frame["score"] = change(frame)
        frame.to_csv(path, index=False)
    evaluate_predictions(run)


def blur(share: float, seed: int = 0) -> Change:
    """Scores of which `share` are replaced by chance."""

    def change(frame: pd.DataFrame) -> object:
        generator = np.random.default_rng(seed)
        chance = generator.random(len(frame))
        return np.where(generator.random(len(frame)) < share, chance, frame["score"])

    return change


def turn(share: float, seed: int = 0) -> Change:
    """Scores of which `share` are turned round: worse than chance for that part."""

    def change(frame: pd.DataFrame) -> object:
        turned = np.random.default_rng(seed).random(len(frame)) < share
        return np.where(turned, 1 - frame["score"], frame["score"])

    return change


def evidence_of(
    results: Path,
    expected: Sequence[tuple[str, Sequence[int]]] = BOTH,
    metric: str | None = None,
) -> Evidence:
    """The evidence, compared anew, by the task's usual metric or another."""
    task = recorded_task(Layout(results).audit)
    write_comparison(results, expected, task, task.metric(metric) if task else None)
    return read_evidence(results, expected)
