"""The baselines that always compete: how frequent each class is, and the table without the images."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bakeoff.data.grouping import patient_cells
from bakeoff.data.metadata import metadata_features
from bakeoff.data.patients import SimilarIds
from bakeoff.data.tables import LabelledRows, read_split
from bakeoff.errors import EvaluationError
from bakeoff.evaluation.metrics import evaluate_predictions
from bakeoff.files import write_csv, write_json
from bakeoff.layout import IMAGE, PATIENT, Layout, SplitName
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Scores
from bakeoff.task.measures import measures_of

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # inverse regularisation (C) to choose from on validation

Splits = dict[SplitName, LabelledRows]


def write_baselines(
    results: Path,
    image_column: str = IMAGE,
    patient_column: str | None = PATIENT,
    similar_ids: SimilarIds | None = None,
    task: ClassificationTask | None = None,
) -> None:
    """Train on `splits/train.csv`, choose on val, and write `baselines/<name>/` in the format of runs.

    The columns are the label table's own names, `similar_ids` is `data.similar_ids`, the task by default a
    binary one. A table without
    metadata gives the metrics.json `{"missing": reason}`. Raises EvaluationError if train.csv has a
    single class, DataError if a split cannot be read.
    """
    layout = Layout(results)
    task = task or BinaryTask()
    splits = {name: read_split(layout.split(name), task) for name in SPLITS}
    train = splits["train"]
    if task.unevaluable(train.labels):
        raise EvaluationError(
            f"{layout.split('train')}: a single {task.label_noun} in {len(train.labels)} rows; "
            "nothing can be learned from it. Make the split larger, or stratify it."
        )
    if patient_column is not None:
        frames = {name: split.frame for name, split in splits.items()}
        patients = patient_cells(frames, patient_column, similar_ids)
        splits = {
            name: split._replace(frame=split.frame.assign(**{patient_column: patients[name]}))
            for name, split in splits.items()
        }
    columns = (image_column, patient_column)
    _majority(results / "baselines" / "majority", splits, columns)
    _metadata(results / "baselines" / "metadata", splits, columns)


def _majority(folder: Path, splits: Splits, columns: tuple[str, str | None]) -> None:
    train = splits["train"]
    prior = measures_of(train.task).prior(train.labels)
    for name in SPLITS[1:]:
        rows = len(splits[name].labels)
        _write(folder, name, splits[name], np.repeat(prior, rows, axis=0), columns)
    shares = prior.ravel().tolist()
    record = shares[0] if len(shares) == 1 else dict(zip(train.task.scored, shares, strict=True))
    write_json(folder / "baseline.json", {"what": "the prevalence in train", "score": record})
    evaluate_predictions(folder, train.task)


def _metadata(folder: Path, splits: Splits, columns: tuple[str, str | None]) -> None:
    features = {name: metadata_features(split.frame) for name, split in splits.items()}
    # A column may be absent, or have no readable value.
    usable = [str(name) for name in features["train"] if features["train"][name].notna().any()]
    if not usable:
        reason = "age, sex, view and follow-up number are not known"
        write_json(folder / "metrics.json", {"missing": reason})
        return
    task = splits["train"].task
    measures = measures_of(task)
    candidates = [_fit(features["train"][usable], splits["train"], c) for c in STRENGTHS]
    known = splits["val"].labels
    val = [
        measures.epoch(known, measures.scores(model, features["val"][usable]))["auc"]
        for model in candidates
    ]
    best = int(np.argmax(val))  # a tie goes to the stronger regularisation
    for name in SPLITS[1:]:
        scores = measures.scores(candidates[best], features[name][usable])
        _write(folder, name, splits[name], scores, columns)
    write_json(folder / "baseline.json", _record(candidates[best], usable, val, best, task))
    evaluate_predictions(folder, task)


def _fit(features: pd.DataFrame, split: LabelledRows, strength: float) -> Any:
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(C=strength, max_iter=1000),
    )
    return measures_of(split.task).fit(model, features, split.labels)


def _write(
    folder: Path,
    name: SplitName,
    split: LabelledRows,
    scores: Scores,
    columns: tuple[str, str | None],
) -> None:
    image, patient = columns
    table: dict[str, Any] = {IMAGE: split.frame[image].to_numpy()}
    if patient is not None:
        table[PATIENT] = split.frame[patient].to_numpy()
    table |= split.task.columns_of(split.labels)
    each = scores.reshape(len(split.labels), -1)
    table |= dict(zip(split.task.score_columns, each.T, strict=True))
    write_csv(folder / "predictions" / f"{name}.csv", pd.DataFrame(table))


def _record(
    model: Any, usable: list[str], val: list[float], best: int, task: ClassificationTask
) -> dict[str, Any]:
    each = getattr(model, "estimators_", [model])  # a model for each finding
    coefficients = [_coefficients(one, usable) for one in each]
    flat = [weights for one in coefficients for weights in one]
    return {
        "what": "logistic regression on standardised metadata, missing values at the median",
        "features": usable,
        "coefficients": flat[0] if len(flat) == 1 else dict(zip(task.scored, flat, strict=False)),
        "strength": STRENGTHS[best],
        "val_auroc_by_strength": dict(zip(map(str, STRENGTHS), val, strict=True)),
    }


def _coefficients(model: Pipeline, usable: list[str]) -> list[dict[str, float]]:
    """The weight of each feature, for each output of the regression."""
    imputer, regression = model[0], model[-1]
    names = [str(name) for name in imputer.get_feature_names_out(usable)]
    return [
        dict(zip(names, (float(weight) for weight in row), strict=True)) for row in regression.coef_
    ]
