"""Reading predictions: the scores of each image, checked before anything is computed from them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.data.patients import canonical_names
from bakeoff.errors import DataError, EvaluationError
from bakeoff.layout import IMAGE, PATIENT
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Labels, Scores
from bakeoff.wording import few


@dataclass(frozen=True)
class Predictions:
    """The scored images of one split, sorted by image name.

    images: (n,) str; units: (n,) int, the resampling unit of each image, numbered from 0; labels and
    scores as the task has them: for a binary one (n,) int 0/1 and (n,) float, P(class 1) in 0..1.
    """

    path: Path
    task: ClassificationTask
    images: NDArray[np.str_]
    units: NDArray[np.int64]
    labels: Labels
    scores: Scores
    by_patient: bool
    unit_names: tuple[str, ...] = ()  # of the units by their numbers, told apart across files

    @property
    def unit(self) -> str:
        """The unit of resampling: patients where the data names them, images elsewhere."""
        return "patient" if self.by_patient else "image"

    @property
    def unit_count(self) -> int:
        """How many patients (or images) there are to resample."""
        return int(self.units.max()) + 1


def read_predictions(path: Path, task: ClassificationTask | None = None) -> Predictions:
    """Read `predictions/<split>.csv` of a task, by default a binary one.

    Raises EvaluationError that names the file and what is wrong with it.
    """
    task = task or BinaryTask()
    again = "Delete the file and predict again."
    # Names stay text: an image called 007 is not image 7, and a class called NA is not missing.
    text: dict[str, type[str]] = {IMAGE: str, PATIENT: str, **task.label_types}
    try:
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={PATIENT: [""]})
    except FileNotFoundError:
        raise EvaluationError(f"{path}: no such predictions. Train and predict first.") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: not a table of predictions ({error}). {again}") from None
    expected = (IMAGE, *task.label_columns, *task.score_columns)
    if absent := [name for name in expected if name not in frame]:
        raise EvaluationError(
            f"{path}: the columns {absent} are missing; expected {list(expected)}, "
            f"found {list(frame.columns)}. {again}"
        )
    if frame.empty:
        raise EvaluationError(f"{path}: no rows, expected one per image. {again}")
    if twice := sorted(frame[IMAGE][frame[IMAGE].duplicated()].astype(str).unique()):
        raise EvaluationError(f"{path}: images listed more than once: {few(twice)}. {again}")
    frame = frame.sort_values(IMAGE, ignore_index=True)
    try:
        labels = task.labels_of(frame, str(path))
    except DataError as error:
        raise EvaluationError(f"{error}. {again}") from None
    if reason := task.unevaluable(labels):
        raise EvaluationError(f"{path}: {reason}. Make the split larger, or stratify it.")
    columns = list(task.score_columns)
    scores = frame[columns].apply(pd.to_numeric, errors="coerce")
    in_range = ((scores >= 0) & (scores <= 1)).all(axis=1)
    if wrong := list(frame[IMAGE][~in_range].astype(str)):
        raise EvaluationError(
            f"{path}: {few(columns)} {'is' if len(columns) == 1 else 'are'} not a probability in 0..1 for "
            f"{len(wrong)} of {len(frame)} images, for example {few(wrong)}. Did training diverge?"
        )
    units, names, by_patient = _units(frame)
    return Predictions(
        path=path,
        task=task,
        images=frame[IMAGE].to_numpy(dtype=np.str_),
        units=units,
        labels=labels,
        scores=task.scores_of(scores.to_numpy(dtype=np.float64)),
        by_patient=by_patient,
        unit_names=names,
    )


def _units(frame: pd.DataFrame) -> tuple[NDArray[np.int64], tuple[str, ...], bool]:
    """Number the patients, and name them; an image without one is a unit of its own."""
    named = frame[PATIENT].notna() if PATIENT in frame else pd.Series(False, index=frame.index)
    keys = "image " + frame[IMAGE]
    if named.any():
        keys = keys.where(~named, "patient " + canonical_names(frame[PATIENT].fillna("")))
    codes, names = pd.factorize(keys, sort=True)
    return np.asarray(codes, dtype=np.int64), tuple(map(str, names)), bool(named.any())
