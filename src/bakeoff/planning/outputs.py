"""The outputs of a finished run's weights in the model built now, beside those of its last evaluation."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bakeoff.config.experiment import Experiment, Run
from bakeoff.errors import EvaluationError
from bakeoff.inference.predict import predictions_of
from bakeoff.layout import Layout


@dataclass(frozen=True)
class Comparison:
    """How far the outputs of now are from those of then."""

    outputs: int
    difference: float  # the largest; infinite where one of both is no number
    worst: str = ""  # the file and the image of it, with both scores

    def __str__(self) -> str:
        how = f"largest difference {self.difference:.3g}" if self.difference else "bit for bit"
        return f"{self.outputs} outputs, {how}"


def compare(run: Run, experiment: Experiment, layout: Layout, planned: str) -> Comparison:
    """Predict val and test with the run's weights, trained under the digest `planned`; nothing is written.

    Raises EvaluationError where there are no predictions of then, or of other images or labels;
    CheckpointError where the weights are not of that digest, or do not fit the model of now.
    """
    folder = layout.run(run.variant.name, run.seed)
    then = {name: _read(folder.predictions(name)) for name in ("val", "test")}
    worst = Comparison(0, 0.0)
    outputs = 0
    for split, table in predictions_of(experiment, run, layout, planned):
        one = _compared(
            folder.predictions(split), then[split], _as_read(table), experiment.task.score_columns
        )
        outputs += one.outputs
        worst = max(worst, one, key=lambda found: found.difference)
    return Comparison(outputs, worst.difference, worst.worst)


def _compared(
    file: Path, then: pd.DataFrame, now: pd.DataFrame, columns: Sequence[str]
) -> Comparison:
    scores = list(columns)
    if list(then) != list(now) or not then.drop(columns=scores).equals(now.drop(columns=scores)):
        raise EvaluationError(
            f"{file}: its images, patients or labels are not those of the split that there is now, so "
            "there is nothing to compare with"
        )
    before, after = (np.asarray(table[scores], dtype=np.float64) for table in (then, now))
    apart = np.nan_to_num(np.abs(before - after), nan=np.inf)
    apart[np.isnan(before) & np.isnan(after)] = 0.0
    row, column = divmod(int(apart.argmax()), len(scores))
    was, scored = before[row, column], after[row, column]
    of = f" ({scores[column]})" if len(scores) > 1 else ""
    words = f"{then.iloc[row].iloc[0]!s} scores {scored:.6g}{of}, in {file} {was:.6g}"
    return Comparison(apart.size, float(apart[row, column]), words)


def _read(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, dtype=str)  # every digit, and image 007 is not image 7
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"{file}: cannot be read ({error}), so there is nothing to compare with. Evaluate the run with "
            "the code that trained it, or let it be trained again"
        ) from error


def _as_read(table: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(table.to_csv(index=False)), dtype=str)
