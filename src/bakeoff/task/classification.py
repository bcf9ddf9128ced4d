"""What a classification task is: its labels, scores, metrics, losses and words; one subclass per kind.

Everything downstream asks the task, and only `bakeoff.task` knows the kinds. Nothing here imports torch or
scikit-learn: the configuration is read at every start. What computes is in `losses` and `measures`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.spelling import did_you_mean
from bakeoff.wording import listed

if TYPE_CHECKING:
    import pandas as pd

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]
Strings = Sequence[str]

Scored = Literal["positive", "exclusive", "independent"]
"""What a model's scores are: P(class 1); one probability per class, summing to 1; one per finding."""

LAST = "last"
"""`select_on`: the weights of the last epoch, whatever validation says of it."""

SELECTED = {"auc": "val_auc", "accuracy": "val_acc", "loss": "val_loss", LAST: "epoch"}
"""The columns of history.csv that every kind has, by the names that `select_on` takes for them."""


@dataclass(frozen=True)
class Metric:
    """A metric by its name in metrics.json and comparison.csv, and as the report calls it."""

    name: str
    title: str
    higher_is_better: bool = True
    bounded: bool = True  # between 0 and 1; else from 0 to infinity
    column: str = ""  # of history.csv, where every epoch has it; select_on adds any other
    chance: float | None = None  # what guessing reaches, where that is known
    heading: str = ""  # of a column of the report; by default the title
    tabled: bool = True  # whether the report has such a column

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.higher_is_better else -1

    @property
    def ideal(self) -> float:
        """What a model without a fault reaches."""
        return 1.0 if self.higher_is_better else 0.0

    @property
    def head(self) -> str:
        """The heading of a column: "Balanced accuracy"."""
        return self.heading or self.title[0].upper() + self.title[1:]

    @property
    def with_article(self) -> str:
        """For sentences: "an AUROC", "a log loss"."""
        return f"{'an' if self.title[0].lower() in 'aeiou' else 'a'} {self.title}"

    @property
    def direction(self) -> str:
        """Behind the label of an axis: " (lower is better)", or nothing."""
        return "" if self.higher_is_better else " (lower is better)"

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True)
class OneVsRest:
    """One class or finding against the rest: its name, labels (n,) 0/1 and scores (n,)."""

    name: str
    labels: Labels
    scores: Scores


class ClassificationTask(ABC):
    """A task: labels are int64, (n,) or (n, F); scores are float, (n,) or (n, K).

    Binary: labels 0/1 (n,) and scores P(class 1) (n,). Multiclass: the class's position (n,) and a score
    for each class (n, K). Multilabel: 0/1 for each finding (n, F) and a score for each (n, F).
    """

    kind: ClassVar[str]
    scored_as: ClassVar[Scored]
    losses: ClassVar[tuple[str, ...]]  # that fit, the default first
    select_on: ClassVar[str]  # the default of training.select_on
    label_noun: ClassVar[str]  # "class" or "finding", in sentences
    label_nouns: ClassVar[str]  # several of them
    label_keys: ClassVar[str]  # of the configuration, that say what the labels are

    # What there is to tell apart.

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the classes or findings; none where they are still to be taken from the data."""

    @property
    def in_short(self) -> str:
        """The kind and the names, as far as they are known."""
        return f"{self.kind} ({listed(self.classes)})" if self.classes else self.kind

    @property
    @abstractmethod
    def scored(self) -> tuple[str, ...]:
        """The names of what gets a score, in the order of the score columns."""

    @property
    @abstractmethod
    def meaning(self) -> str:
        """What the names stand for where they do not say it themselves; empty where they do."""

    @property
    def problem(self) -> str:
        """The key that a configuration has to write otherwise, and why; empty where all is said."""
        return ""

    @property
    def is_open(self) -> bool:
        """Whether the classes are still to be taken from the data."""
        return False

    def closed_over(self, frame: "pd.DataFrame", label_column: str) -> "ClassificationTask":
        """The task with its classes taken from the table, where the configuration lists none."""
        return self

    @property
    def idle_keys(self) -> tuple[str, ...]:
        """Keys of a whole configuration that say nothing of this kind, so that nobody is shown them."""
        return ("data.negative", "data.positive")

    @abstractmethod
    def as_json(self) -> dict[str, Any]:
        """The task as the section `task` and audit.json have it: plain values, nothing left open."""

    @property
    @abstractmethod
    def as_written(self) -> dict[str, dict[str, Any]]:
        """The keys that make a configuration's task this one, by their section; what is usual is left out."""

    # Labels in tables.

    @property
    @abstractmethod
    def label_columns(self) -> tuple[str, ...]:
        """The columns of splits and predictions that hold the labels."""

    @property
    @abstractmethod
    def score_columns(self) -> tuple[str, ...]:
        """The columns of predictions that hold the scores."""

    @abstractmethod
    def read(
        self, frame: "pd.DataFrame", places: Strings, label_column: str, source: str
    ) -> Labels:
        """The labels of a user's table, cells as text; `places[i]` names row i in errors, `source` the file.

        Raises one DataError for everything that is wrong.
        """

    def left_out(self, frame: "pd.DataFrame", label_column: str) -> NDArray[np.bool_]:
        """Which rows of a user's table are not used, (n,), for the labels that they have."""
        return np.zeros(len(frame), dtype=np.bool_)

    def is_labelled(self, frame: "pd.DataFrame", label_column: str) -> bool:
        """Whether a user's table has the columns that `read` needs."""
        return label_column in frame

    def columns_hint(self, frame: "pd.DataFrame") -> str:
        """What columns lack for `is_labelled` where some of them are there; else empty."""
        return ""

    @abstractmethod
    def knows(self, frame: "pd.DataFrame", label_column: str) -> bool:
        """Whether it has a meaning for every label of a user's table, and these tell something apart."""

    @abstractmethod
    def columns_of(self, labels: Labels) -> dict[str, Any]:
        """Labels as the columns `label_columns` of a split or of predictions."""

    @abstractmethod
    def labels_of(self, frame: "pd.DataFrame", source: str) -> Labels:
        """The labels in the columns `label_columns`, as written or as text; DataError naming `source`."""

    @abstractmethod
    def identities(self, frame: "pd.DataFrame", labels: Labels, label_column: str) -> list[str]:
        """What of each row of a split's table a trained model depends on, beside its image."""

    @property
    def label_types(self) -> dict[str, type[str]]:
        """The types that pandas has to read the label columns as, for it would guess: a class `1` is text."""
        return dict.fromkeys(self.label_columns, str)

    @property
    @abstractmethod
    def answer(self) -> str:
        """What a model says of an image, in Markdown, by the names of the score columns."""

    def scores_of(self, columns: Scores) -> Scores:
        """The scores of the columns `score_columns` (n, K), as the task has them: (n,) or (n, K)."""
        return columns

    # What a model is built for.

    @property
    @abstractmethod
    def vocabulary(self) -> tuple[str, ...]:
        """The labels that a model may emit one after the other."""

    @property
    def negatives(self) -> int:
        """How many of the vocabulary's first labels say that there is nothing."""
        return 0

    @abstractmethod
    def emitted(
        self, frame: "pd.DataFrame", labels: Labels, label_column: str
    ) -> NDArray[np.float32]:
        """Which labels of the vocabulary each row has: float32 (n, V) of 0 and 1."""

    def unlabelled(self, count: int) -> Labels:
        """Labels of `count` images that mean nothing, in the task's shape."""
        return np.zeros(count, dtype=np.int64)

    # Counting.

    @abstractmethod
    def strata(self, labels: Labels) -> NDArray[np.int64]:
        """What a split is stratified by: 0/1 (n, C)."""

    @property
    @abstractmethod
    def strata_names(self) -> tuple[str, ...]:
        """The names of the columns of `strata`."""

    def counts(self, labels: Labels) -> dict[str, int]:
        """How many rows each class or finding has, by name."""
        sums = self.strata(labels).sum(axis=0)
        return {name: int(n) for name, n in zip(self.strata_names, sums, strict=True)}

    def counts_in(self, summary: Mapping[str, Any]) -> dict[str, int]:
        """The counts of a split's summary in audit.json, of whichever version."""
        counts: dict[str, int] = dict(summary.get("counts", {}))
        return counts

    def required(self, labels: Labels) -> dict[str, int]:
        """How many rows there are of each class or finding that must not be missing, by name."""
        return self.counts(labels)

    def least(self, splits: int) -> int:
        """How many rows of each of them are needed to draw so many splits."""
        return splits

    def way_out_of_rare(self, names: Strings) -> str:
        """What else helps where these classes have too few rows, a sentence; empty where nothing does."""
        return ""

    @abstractmethod
    def unevaluable(self, labels: Labels) -> str:
        """Why nothing can be measured on these labels; empty where something can."""

    @abstractmethod
    def missing_from(self, split: str, labels: Labels, drawn: bool) -> list[str]:
        """The classes or findings that `split` must have rows of and has none of.

        `drawn` is whether we chose the rows; of a split that was given less is asked.
        """

    @abstractmethod
    def in_words(self, labels: Labels) -> list[str]:
        """The label of each row as a person says it."""

    @abstractmethod
    def one_vs_rest(self, labels: Labels, scores: Scores) -> Iterator[OneVsRest]:
        """Each class or finding against the rest, in the order of `scored`."""

    @abstractmethod
    def called(self, scores: Scores, thresholds: Mapping[str, float]) -> Labels:
        """The labels that a model's scores call, given its thresholds by the names of `scored`."""

    # Metrics.

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, the default primary one first."""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The names of the metrics."""
        return tuple(metric.name for metric in self.metrics)

    @property
    def ranking(self) -> Metric:
        """The metric of how well images are ranked, whatever the threshold: an AUROC or their mean."""
        return next(metric for metric in self.metrics if metric.column == SELECTED["auc"])

    @property
    def calibration(self) -> Metric:
        """The metric of scores as probabilities, which a score that is only a ranking fails."""
        return self.metric("log_loss")

    def metric(self, name: str | None = None) -> Metric:
        """The metric of that name, by default the primary one; ValueError with the known ones."""
        if name is None:
            return self.metrics[0]
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise ValueError(
            f"{name!r} is no metric of a {self.kind} task"
            + self._unlike(name, self.metric_names)
            + f"It has: {', '.join(self.metric_names)}"
        )

    def why_not(self, metric: str) -> str:
        """Why these labels have no such metric where others of the kind have it; empty for any other."""
        return ""

    def _unlike(self, name: str, known: Strings) -> str:
        """The middle of an error: why there is none of that name, else which name may be meant."""
        if reason := self.why_not(name):
            return f": {reason}. "
        return f". {did_you_mean(name, known)} ".replace(".  ", ". ")

    def selection(self, select_on: str) -> tuple[str, int]:
        """The column of history.csv that `select_on` names, and 1 where higher is better, else -1.

        Raises ValueError with what can be selected on.
        """
        if select_on in SELECTED:
            return SELECTED[select_on], -1 if select_on == "loss" else 1
        try:
            metric = self.metric(select_on)
        except ValueError:
            known = (*SELECTED, *self.metric_names)
            raise ValueError(
                f"{select_on!r} cannot be measured in a {self.kind} task"
                + self._unlike(select_on, known)
                + f"Expected one of {', '.join(dict.fromkeys(known))}"
            ) from None
        return metric.column or f"val_{metric.name}", metric.sign

    def require_loss(self, name: str) -> None:
        """Raise ValueError unless the loss fits the task."""
        if name not in self.losses:
            raise ValueError(
                f"'{name}' does not fit a {self.kind} task; {' and '.join(self.losses)} "
                f"{'do' if len(self.losses) > 1 else 'does'}"
            )


def text_of(column: "pd.Series") -> "pd.Series":
    """Cells as text without blanks around them; whole numbers as `1`, whichever way pandas read them."""
    return column.astype("str").str.strip().str.replace(r"^([01])\.0+$", r"\1", regex=True)
