"""The baselines that always compete: the majority class, and the table without the images."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.data.grouping import patient_cells
from bakeoff.data.metadata import metadata_features
from bakeoff.data.patients import SimilarIds
from bakeoff.data.tables import DISEASE, read_split
from bakeoff.errors import EvaluationError
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.evaluation.predictions import IMAGE, LABEL, PATIENT, SCORE
from bakeoff.files import write_csv, write_json
from bakeoff.layout import Layout, SplitName

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # inverse regularisation (C) to choose from on validation

Splits = dict[SplitName, pd.DataFrame]


def write_baselines(
    results: Path,
    image_column: str = IMAGE,
    patient_column: str | None = PATIENT,
    similar_ids: SimilarIds | None = None,
) -> None:
    """Train on `splits/train.csv`, choose on val, and write `baselines/<name>/` in the format of runs.

    The columns are the label table's own names, `similar_ids` is `data.similar_ids`. A table without
    metadata gives the metrics.json `{"missing": reason}`. Raises EvaluationError if train.csv has a
    single class, DataError if a split cannot be read.
    """
    layout = Layout(results)
    splits = {name: read_split(layout.split(name)) for name in SPLITS}
    if splits["train"][DISEASE].nunique() < 2:
        raise EvaluationError(
            f"{layout.split('train')}: a single class in {len(splits['train'])} rows; "
            "nothing can be learned from it. Make the split larger, or stratify it."
        )
    if patient_column is not None:
        patients = patient_cells(splits, patient_column, similar_ids)
        splits = {
            name: split.assign(**{patient_column: patients[name]}) for name, split in splits.items()
        }
    columns = (image_column, patient_column)
    _majority(results / "baselines" / "majority", splits, columns)
    _metadata(results / "baselines" / "metadata", splits, columns)


def _majority(folder: Path, splits: Splits, columns: tuple[str, str | None]) -> None:
    prevalence = float(splits["train"][DISEASE].mean())
    for name in SPLITS[1:]:
        _write(folder, name, splits[name], np.full(len(splits[name]), prevalence), columns)
    write_json(folder / "baseline.json", {"what": "the prevalence in train", "score": prevalence})
    evaluate_predictions(folder)


def _metadata(folder: Path, splits: Splits, columns: tuple[str, str | None]) -> None:
    features = {name: metadata_features(split) for name, split in splits.items()}
    # A column may be absent, or have no readable value.
    usable = [str(name) for name in features["train"] if features["train"][name].notna().any()]
    if not usable:
        reason = "the label table has no age, sex, view or follow-up number"
        write_json(folder / "metrics.json", {"missing": reason})
        return
    candidates = [_fit(features["train"][usable], splits["train"], c) for c in STRENGTHS]
    val = [
        float(roc_auc_score(splits["val"][DISEASE], _scores(model, features["val"][usable])))
        for model in candidates
    ]
    best = int(np.argmax(val))  # a tie goes to the stronger regularisation
    for name in SPLITS[1:]:
        scores = _scores(candidates[best], features[name][usable])
        _write(folder, name, splits[name], scores, columns)
    write_json(folder / "baseline.json", _record(candidates[best], usable, val, best))
    evaluate_predictions(folder)


def _fit(features: pd.DataFrame, split: pd.DataFrame, strength: float) -> Pipeline:
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(C=strength, max_iter=1000),
    )
    return model.fit(features, split[DISEASE])


def _scores(model: Pipeline, features: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(model.predict_proba(features)[:, 1], dtype=np.float64)


def _write(
    folder: Path,
    name: SplitName,
    split: pd.DataFrame,
    scores: NDArray[np.float64],
    columns: tuple[str, str | None],
) -> None:
    image, patient = columns
    frame = pd.DataFrame({IMAGE: split[image]})
    if patient is not None:
        frame[PATIENT] = split[patient]
    frame[LABEL] = split[DISEASE]
    frame[SCORE] = scores
    write_csv(folder / "predictions" / f"{name}.csv", frame)


def _record(model: Pipeline, usable: list[str], val: list[float], best: int) -> dict[str, Any]:
    imputer, regression = model[0], model[-1]
    names = [str(name) for name in imputer.get_feature_names_out(usable)]
    weights = [float(weight) for weight in regression.coef_[0]]
    return {
        "what": "logistic regression on standardised metadata, missing values at the median",
        "features": usable,
        "coefficients": dict(zip(names, weights, strict=True)),
        "strength": STRENGTHS[best],
        "val_auroc_by_strength": dict(zip(map(str, STRENGTHS), val, strict=True)),
    }
