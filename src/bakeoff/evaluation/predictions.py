"""Reading predictions: a score per image, checked before anything is computed from them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bakeoff.data.patients import canonical_names
from bakeoff.errors import EvaluationError
from bakeoff.wording import few

IMAGE, PATIENT, LABEL, SCORE = "Image Index", "Patient ID", "Disease", "score"
COLUMNS = (IMAGE, PATIENT, LABEL, SCORE)


@dataclass(frozen=True)
class Predictions:
    """The scored images of one split, sorted by image name.

    images: (n,) str; units: (n,) int, the resampling unit of each image, numbered from 0;
    labels: (n,) int, 0 or 1, both present; scores: (n,) float, P(disease) in 0..1.
    """

    path: Path
    images: NDArray[np.str_]
    units: NDArray[np.int64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    by_patient: bool

    @property
    def unit(self) -> str:
        """The unit of resampling: patients where the data names them, images elsewhere."""
        return "patient" if self.by_patient else "image"

    @property
    def unit_count(self) -> int:
        """How many patients (or images) there are to resample."""
        return int(self.units.max()) + 1

    def units_of(self, label: int) -> int:
        """How many patients (or images) have an image with this label."""
        return len(np.unique(self.units[self.labels == label]))


def read_predictions(path: Path) -> Predictions:
    """Read `predictions/<split>.csv`; EvaluationError names the file and what is wrong with it."""
    again = "Delete the file and predict again."
    try:
        # Names stay text: an image called 007 is not image 7.
        frame = pd.read_csv(path, dtype={IMAGE: str, PATIENT: str})
    except FileNotFoundError:
        raise EvaluationError(f"{path}: no such predictions. Train and predict first.") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: not a table of predictions ({error}). {again}") from None
    if absent := [name for name in (IMAGE, LABEL, SCORE) if name not in frame]:
        raise EvaluationError(
            f"{path}: the columns {absent} are missing; expected {list(COLUMNS)}, "
            f"found {list(frame.columns)}. {again}"
        )
    if frame.empty:
        raise EvaluationError(f"{path}: no rows, expected one per image. {again}")
    if twice := sorted(frame[IMAGE][frame[IMAGE].duplicated()].astype(str).unique()):
        raise EvaluationError(f"{path}: images listed more than once: {few(twice)}. {again}")
    frame = frame.sort_values(IMAGE, ignore_index=True)
    labels = pd.to_numeric(frame[LABEL], errors="coerce")
    if unknown := list(frame[IMAGE][~labels.isin([0, 1])].astype(str)):
        raise EvaluationError(f"{path}: {LABEL} is not 0 or 1 for {few(unknown)}. {again}")
    if labels.nunique() < 2:
        raise EvaluationError(
            f"{path}: all {len(frame)} images have {LABEL} {int(labels.iloc[0])}; a split needs "
            "both classes to be evaluated. Make the split larger, or stratify it."
        )
    scores = pd.to_numeric(frame[SCORE], errors="coerce")
    if wrong := list(frame[IMAGE][~scores.between(0, 1)].astype(str)):
        raise EvaluationError(
            f"{path}: {SCORE} is not a probability in 0..1 for {len(wrong)} of {len(frame)} "
            f"images, for example {few(wrong)}. Did training diverge?"
        )
    units, by_patient = _units(frame)
    return Predictions(
        path=path,
        images=frame[IMAGE].to_numpy(dtype=np.str_),
        units=units,
        labels=labels.to_numpy(dtype=np.int64),
        scores=scores.to_numpy(dtype=np.float64),
        by_patient=by_patient,
    )


def _units(frame: pd.DataFrame) -> tuple[NDArray[np.int64], bool]:
    """Number the patients; an image without one is a unit of its own."""
    named = frame[PATIENT].notna() if PATIENT in frame else pd.Series(False, index=frame.index)
    keys = "image " + frame[IMAGE]
    if named.any():
        keys = keys.where(~named, "patient " + canonical_names(frame[PATIENT].fillna("")))
    codes, _ = pd.factorize(keys, sort=True)
    return np.asarray(codes, dtype=np.int64), bool(named.any())
