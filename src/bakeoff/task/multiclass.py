"""The multiclass task: one class of several for each image, as in the class folders of a photo collection."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import DataError
from bakeoff.spelling import did_you_mean
from bakeoff.task.classification import (
    ClassificationTask,
    Labels,
    Metric,
    OneVsRest,
    Scores,
    Strings,
)
from bakeoff.task.label_spelling import Spellings, alike
from bakeoff.task.labels import SEPARATOR
from bakeoff.wording import listed, plural

if TYPE_CHECKING:
    import pandas as pd

LABEL = "label"
"""The column of splits and predictions with the name of the class."""

READ_AS_ONE = "differ only in case, blanks or spelling. Write one of them throughout"
"""What is wrong with names that `alike` finds."""

MANY = 10
"""Classes from which top-5 accuracy says something that accuracy does not."""

METRICS = (
    Metric("accuracy", "accuracy", column="val_acc"),
    Metric("balanced_accuracy", "balanced accuracy"),
    Metric("macro_auroc", "macro AUROC", column="val_auc", chance=0.5),
    Metric("macro_f1", "macro F1"),
    Metric("log_loss", "log loss", higher_is_better=False, bounded=False),
)
TOP = Metric("top_5_accuracy", "top-5 accuracy")


@dataclass(frozen=True)
class MulticlassTask(ClassificationTask):
    """One of `classes`, in their order; () until they are taken from the data. `ignore` are no classes."""

    names: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    kind = "multiclass"
    scored_as = "exclusive"
    losses = ("cross_entropy", "nll")
    select_on = "accuracy"
    label_noun = "class"
    label_nouns = "classes"
    label_keys = "task.classes"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.names

    @property
    def scored(self) -> tuple[str, ...]:
        """Every class."""
        return self.names

    @property
    def meaning(self) -> str:
        """Nothing: the names say it."""
        return ""

    @property
    def problem(self) -> str:
        """A single class, classes that read as one, and some that are to be ignored."""
        if len(self.names) == 1:
            return f"classes: two at least are needed, found one, {self.names[0]!r}"
        if found := alike(self.names):
            return f"classes: {' and '.join(map(repr, found[0]))} {READ_AS_ONE}"
        if both := sorted(set(self.names) & set(self.ignore)):
            return f"classes: {', '.join(both)}: also in 'ignore'"
        return ""

    @property
    def is_open(self) -> bool:
        """Whether no classes were listed."""
        return not self.names

    def closed_over(self, frame: "pd.DataFrame", label_column: str) -> "MulticlassTask":
        """The task with the classes that the table has, in alphabetical order, numbers by value."""
        if not self.is_open:
            return self
        names = {cell.strip() for cell in frame[label_column].unique()} - {"", *self.ignore}
        return replace(self, names=tuple(sorted(names, key=_natural)))

    def as_json(self) -> dict[str, Any]:
        """Its kind and classes, and those that are left out."""
        left_out = {"ignore": list(self.ignore)} if self.ignore else {}
        return {"kind": self.kind, "classes": list(self.names), **left_out}

    @property
    def as_written(self) -> dict[str, dict[str, Any]]:
        """Its kind, and its classes unless the data has them."""
        return {"task": {key: value for key, value in self.as_json().items() if value}}

    @property
    def label_columns(self) -> tuple[str, ...]:
        """`label`."""
        return (LABEL,)

    @property
    def score_columns(self) -> tuple[str, ...]:
        """`score_<class>` of every class."""
        return tuple(f"score_{name}" for name in self.names)

    def left_out(self, frame: "pd.DataFrame", label_column: str) -> "NDArray[np.bool_]":
        """Those of the classes `ignore`."""
        if label_column not in frame:
            return super().left_out(frame, label_column)
        return frame[label_column].str.strip().isin(self.ignore).to_numpy(dtype=np.bool_)

    @property
    def answer(self) -> str:
        """The probability of every class."""
        return "a probability of each class, `score_<class>`, which sum to 1"

    def read(
        self, frame: "pd.DataFrame", places: Strings, label_column: str, source: str
    ) -> Labels:
        """The position of each row's class."""
        spellings = Spellings(self.names)
        cells = frame[label_column].str.strip().map(spellings.label)
        self._refuse(cells, places, source)
        return _positions(cells, self.names)

    def _refuse(self, cells: "pd.Series", places: Strings, source: str) -> None:
        problems = []
        missing = [place for place, cell in zip(places, cells, strict=True) if not cell]
        if missing:
            problems.append(
                f"{plural(len(missing), 'row')} without a label: {listed(missing)}. "
                "Write the class of each, or take these rows out"
            )
        unknown: dict[str, list[str]] = defaultdict(list)
        for place, cell in zip(places, cells, strict=True):
            if cell and cell not in self.names:
                unknown[cell].append(place)
        for cell, where in list(unknown.items())[:20]:
            hint = did_you_mean(cell, self.names)
            problems.append(
                f"unknown class '{cell}' in {plural(len(where), 'row')}: {listed(where)}. {hint}"
            )
        if len(unknown) > 20:
            problems.append(f"and {len(unknown) - 20} more unknown classes")
        if unknown:
            problems.append(
                f"known classes: {listed(self.names)}. Correct the file, or list its classes: task.classes"
            )
        problems += self._odd_names(cells)
        if problems:
            raise DataError("\n".join(f"{source}: {problem.strip()}" for problem in problems))

    def _odd_names(self, cells: "pd.Series") -> Iterator[str]:
        rows, counts = len(cells), cells.value_counts()
        for group in alike(self.names):
            named = [f"{name!r} ({plural(counts.get(name, 0), 'row')})" for name in group]
            yield f"the classes {' and '.join(named)} {READ_AS_ONE}"
        if len(self.names) == 1:
            yield f"every row is of the class '{self.names[0]}'; a task needs two classes at least"
        if len(self.names) > rows:
            yield f"{len(self.names)} classes, but only {rows} images"
        elif len(self.names) == rows and rows > 2:
            yield (
                f"each of the {rows} images has a class of its own: is this what says the class "
                "(data.label_column, or in class folders data.images)?"
            )

    def knows(self, frame: "pd.DataFrame", label_column: str) -> bool:
        """There are two classes at least, and every one is listed, if they are."""
        if label_column not in frame:
            return False
        spellings = Spellings(self.names)
        seen = {spellings.label(cell.strip()) for cell in frame[label_column].unique()}
        seen -= {"", *self.ignore}
        return len(seen) > 1 and (self.is_open or seen <= set(self.names))

    def columns_of(self, labels: Labels) -> dict[str, Any]:
        """Column `label`, with the class's name."""
        return {LABEL: np.asarray(self.names, dtype=object)[labels]}

    def labels_of(self, frame: "pd.DataFrame", source: str) -> Labels:
        """Column `label`."""
        cells = frame[LABEL].astype("str").str.strip()
        if unknown := sorted(set(cells) - set(self.names)):
            raise DataError(
                f"{source}: column '{LABEL}' holds {listed(unknown)}, expected only the classes "
                f"{listed(self.names)}"
            )
        return _positions(cells, self.names)

    def identities(self, frame: "pd.DataFrame", labels: Labels, label_column: str) -> list[str]:
        """The name of each row's class."""
        return self.in_words(labels)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every class."""
        return self.names

    def emitted(
        self, frame: "pd.DataFrame", labels: Labels, label_column: str
    ) -> NDArray[np.float32]:
        """The one class of each row."""
        members: NDArray[np.float32] = np.eye(len(self.names), dtype=np.float32)[labels]
        return members

    def strata(self, labels: Labels) -> NDArray[np.int64]:
        """Every class."""
        members: NDArray[np.int64] = np.eye(len(self.names), dtype=np.int64)[labels]
        return members

    @property
    def strata_names(self) -> tuple[str, ...]:
        """Every class."""
        return self.names

    def way_out_of_rare(self, names: Strings) -> str:
        """Leaving their images out; or another task, where a class is several labels."""
        if joined := [name for name in names if SEPARATOR in name]:
            return f"{joined[0]!r} may be several findings of one image: task.kind: multilabel."
        if not names:
            return ""
        return f"Or leave {'it' if len(names) == 1 else 'them'} out: task.ignore."

    def unevaluable(self, labels: Labels) -> str:
        """A single class."""
        if len(np.unique(labels)) > 1:
            return ""
        name = self.names[int(labels[0])]
        return f"all {len(labels)} images are of the class '{name}'; nothing can be told from it"

    def missing_from(self, split: str, labels: Labels, drawn: bool) -> list[str]:
        """Training needs every class, and so does every split that we draw."""
        if not drawn and split != "train":
            return []
        present = np.bincount(labels, minlength=len(self.names))
        return [name for name, count in zip(self.names, present, strict=True) if not count]

    def in_words(self, labels: Labels) -> list[str]:
        """The name of each row's class."""
        return [self.names[label] for label in labels]

    def one_vs_rest(self, labels: Labels, scores: Scores) -> Iterator[OneVsRest]:
        """Each class against all others."""
        for at, name in enumerate(self.names):
            yield OneVsRest(name, (labels == at).astype(np.int64), scores[:, at])

    def called(self, scores: Scores, thresholds: Mapping[str, float]) -> Labels:
        """The class with the highest score; of equal ones the first."""
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Accuracy first; top-5 accuracy where there are many classes."""
        return (*METRICS, TOP) if self.is_open or len(self.names) >= MANY else METRICS

    def why_not(self, metric: str) -> str:
        """Top-5 accuracy says little of few classes."""
        if metric != TOP.name or metric in self.metric_names:
            return ""
        return f"it needs {MANY} classes, and there are {len(self.names)}"


def _positions(cells: "pd.Series", names: tuple[str, ...]) -> Labels:
    position = {name: at for at, name in enumerate(names)}
    return np.asarray(cells.map(position), dtype=np.int64)


def _natural(name: str) -> tuple[bool, float, str]:
    number = re.fullmatch(r"-?\d+(\.\d+)?", name)
    return number is None, float(name) if number else 0.0, name
