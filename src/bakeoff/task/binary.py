"""The binary task: class 0 or 1, from the labels of a table that mean the one or the other.

Its default is the question of ChestX-ray14's sample: is any of the 14 findings there? Its column in splits
and predictions is `Disease`, whatever the labels are: results of every version have it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.errors import DataError
from bakeoff.task.classification import (
    ClassificationTask,
    Labels,
    Metric,
    OneVsRest,
    Scores,
    Strings,
    text_of,
)
from bakeoff.task.label_spelling import Spellings
from bakeoff.task.labels import SEPARATOR, binary_classes, labels_in

if TYPE_CHECKING:
    import pandas as pd

DISEASE = "Disease"
"""The column of splits and predictions: 1 for a positive label, else 0."""

LABELLED = "Disease as labelled"
"""The new name of a label column that is itself called `Disease`, beside the 0 and 1."""

SCORE = "score"
MOST_LISTED = 16  # labels named one by one where a class has several

METRICS = (
    Metric("auroc", "AUROC", column="val_auc", chance=0.5),
    Metric("accuracy", "accuracy", column="val_acc"),
    Metric("balanced_accuracy", "balanced accuracy", chance=0.5),
    Metric("sensitivity", "sensitivity"),
    Metric("specificity", "specificity"),
    Metric("pr_auc", "average precision", heading="PR-AUC"),
    Metric("brier", "Brier score", higher_is_better=False, heading="Brier"),
    Metric("accuracy_at_half", "accuracy at 0.5", column="val_acc", tabled=False),
    Metric("log_loss", "log loss", higher_is_better=False, bounded=False),
)


@dataclass(frozen=True)
class BinaryTask(ClassificationTask):
    """Class 1 where any label of an image is in `positive`, 0 where all are in `negative`."""

    negative: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()

    kind = "binary"
    scored_as = "positive"
    losses = ("cross_entropy", "nll", "bce", "bce_with_logits")
    select_on = "auc"
    label_noun = "class"
    label_nouns = "classes"
    label_keys = "data.negative and data.positive"

    @property
    def classes(self) -> tuple[str, str]:
        """The names of class 0 and class 1: that of its label where a class has a single one."""
        return _name(self.negative, "negative"), _name(self.positive, "positive")

    @property
    def scored(self) -> tuple[str, ...]:
        """Class 1."""
        return self.classes[1:]

    @property
    def meaning(self) -> str:
        """Which labels a class with several of them has: "positive is any of a, b and c"."""
        meanings = [
            f"{side} is any of {', '.join(labels[:MOST_LISTED])}"
            + (f" and {len(labels) - MOST_LISTED} more" if len(labels) > MOST_LISTED else "")
            for side, labels in (("negative", self.negative), ("positive", self.positive))
            if len(labels) > 1
        ]
        return "; ".join(meanings)

    @property
    def idle_keys(self) -> tuple[str, ...]:
        """None: its labels are among the data's keys."""
        return ()

    def as_json(self) -> dict[str, Any]:
        """Its kind and labels."""
        return {
            "kind": self.kind,
            "negative": list(self.negative),
            "positive": list(self.positive),
        }

    @property
    def as_written(self) -> dict[str, dict[str, Any]]:
        """The labels of both classes, with the data's."""
        return {"data": {"negative": list(self.negative), "positive": list(self.positive)}}

    @property
    def label_columns(self) -> tuple[str, ...]:
        """`Disease`."""
        return (DISEASE,)

    @property
    def score_columns(self) -> tuple[str, ...]:
        """`score`."""
        return (SCORE,)

    @property
    def answer(self) -> str:
        """The probability of class 1."""
        return "a `score`, the probability of the positive class"

    def read(
        self, frame: "pd.DataFrame", places: Strings, label_column: str, source: str
    ) -> Labels:
        """The class of each row by its labels, joined by `|`."""
        cells = frame[label_column].tolist()
        return np.asarray(
            binary_classes(cells, places, self.negative, self.positive, source), dtype=np.int64
        )

    def knows(self, frame: "pd.DataFrame", label_column: str) -> bool:
        """Every label is of class 0 or 1, and there are some of each."""
        if label_column not in frame:
            return False
        spellings = Spellings([*self.negative, *self.positive])
        seen = {
            spellings.label(one) for cell in frame[label_column].unique() for one in labels_in(cell)
        }
        seen -= {""}
        sides = set(self.negative), set(self.positive)
        return seen <= set.union(*sides) and all(seen & side for side in sides)

    def columns_of(self, labels: Labels) -> dict[str, Any]:
        """Column `Disease`."""
        return {DISEASE: labels}

    def labels_of(self, frame: "pd.DataFrame", source: str) -> Labels:
        """Column `Disease`, 0 or 1."""
        texts = text_of(frame[DISEASE])
        if bad := sorted(set(texts) - {"0", "1"}):
            raise DataError(f"{source}: column '{DISEASE}' holds {bad}, expected only 0 and 1")
        return texts.to_numpy().astype(np.int64)

    def identities(self, frame: "pd.DataFrame", labels: Labels, label_column: str) -> list[str]:
        """The label cell without blanks around its labels, and the class."""
        listed = _listed(frame, label_column)
        return [f"{text}\t{label}" for text, label in zip(listed, labels, strict=True)]

    def scores_of(self, columns: Scores) -> Scores:
        """The one column."""
        return columns[:, 0]

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The labels of class 0, then those of class 1."""
        return (*self.negative, *self.positive)

    @property
    def negatives(self) -> int:
        """How many labels class 0 has."""
        return len(self.negative)

    def emitted(
        self, frame: "pd.DataFrame", labels: Labels, label_column: str
    ) -> NDArray[np.float32]:
        """The labels of each row's cell."""
        spellings = Spellings(self.vocabulary)
        cells = _listed(frame, label_column).map(
            lambda cell: SEPARATOR.join(spellings.label(label) for label in labels_in(cell))
        )
        found = cells.str.get_dummies(SEPARATOR)
        return found.reindex(columns=list(self.vocabulary)).fillna(0).to_numpy(dtype=np.float32)

    def strata(self, labels: Labels) -> NDArray[np.int64]:
        """Class 1: what is not of it is of class 0."""
        return labels[:, None]

    @property
    def strata_names(self) -> tuple[str, ...]:
        """Class 1."""
        return self.scored

    def required(self, labels: Labels) -> dict[str, int]:
        """Both classes."""
        negative, positive = np.bincount(labels, minlength=2)
        return dict(zip(self.classes, (int(negative), int(positive)), strict=True))

    def counts_in(self, summary: Mapping[str, Any]) -> dict[str, int]:
        """Earlier versions wrote the rows of class 1 as `disease`."""
        earlier = {self.scored[0]: int(summary["disease"])} if "disease" in summary else {}
        return super().counts_in(summary) or earlier

    def unevaluable(self, labels: Labels) -> str:
        """A single class."""
        if len(np.unique(labels)) > 1:
            return ""
        return (
            f"all {len(labels)} images have {DISEASE} {int(labels[0])}; a split needs both classes to be "
            "evaluated"
        )

    def missing_from(self, split: str, labels: Labels, drawn: bool) -> list[str]:
        """Every split needs both classes."""
        present = set(np.unique(labels))
        return [name for at, name in enumerate(self.classes) if at not in present]

    def in_words(self, labels: Labels) -> list[str]:
        """The name of each row's class."""
        return [self.classes[label] for label in labels]

    def one_vs_rest(self, labels: Labels, scores: Scores) -> Iterator[OneVsRest]:
        """Class 1 against class 0."""
        yield OneVsRest(self.scored[0], labels, scores)

    def called(self, scores: Scores, thresholds: Mapping[str, float]) -> Labels:
        """1 where the score reaches the threshold."""
        threshold = next(iter(thresholds.values()), 0.5)
        return (scores >= threshold).astype(np.int64)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """AUROC first."""
        return METRICS

    @property
    def calibration(self) -> Metric:
        """The Brier score."""
        return self.metric("brier")


def _listed(frame: "pd.DataFrame", label_column: str) -> "pd.Series":
    """The label cells of a split's rows, as the table has them but for blanks around the labels."""
    texts: pd.Series = frame[LABELLED if label_column == DISEASE else label_column]
    return texts.str.replace(r"\s*\|\s*", "|", regex=True).str.strip()


def _name(labels: tuple[str, ...], side: str) -> str:
    if len(labels) != 1:
        return side
    # A bare 1 between other figures reads as one of them.
    return labels[0] if not labels[0].strip().isdigit() else f"class {labels[0].strip()}"
