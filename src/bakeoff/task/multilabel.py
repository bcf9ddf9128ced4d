"""The multilabel task: several findings, each there or not, as the literature reports ChestX-ray14.

A row's findings are joined by `|` in one column, or each finding has a column of 0 and 1.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    text_of,
)
from bakeoff.task.label_spelling import Spellings, alike, truth
from bakeoff.task.labels import SEPARATOR, labels_in
from bakeoff.wording import few, listed, plural

if TYPE_CHECKING:
    import pandas as pd

NONE = ("No Finding",)
"""Labels that say that there is none of the findings."""

METRICS = (
    Metric("macro_auroc", "macro AUROC", column="val_auc", chance=0.5),
    Metric("macro_average_precision", "macro average precision"),
    Metric("macro_balanced_accuracy", "macro balanced accuracy", chance=0.5),
    Metric("label_accuracy", "accuracy over all labels", column="val_acc"),
    Metric("log_loss", "log loss", higher_is_better=False, bounded=False),
)


@dataclass(frozen=True)
class MultilabelTask(ClassificationTask):
    """Each of `findings` is there or not; `none` says that none is, `ignore` what is not learned."""

    findings: tuple[str, ...] = ()
    none: tuple[str, ...] = NONE
    ignore: tuple[str, ...] = ()

    kind = "multilabel"
    scored_as = "independent"
    losses = ("bce_with_logits",)
    select_on = "auc"
    label_noun = "finding"
    label_nouns = "findings"
    label_keys = "task.findings"

    @property
    def classes(self) -> tuple[str, ...]:
        """The findings."""
        return self.findings

    @property
    def scored(self) -> tuple[str, ...]:
        """Every finding."""
        return self.findings

    @property
    def meaning(self) -> str:
        """Nothing: the names say it."""
        return ""

    def as_json(self) -> dict[str, Any]:
        """Its kind and findings."""
        return {
            "kind": self.kind,
            "findings": list(self.findings),
            "none": list(self.none),
            "ignore": list(self.ignore),
        }

    @property
    def as_written(self) -> dict[str, dict[str, Any]]:
        """Its kind and findings, and the words for none and those to be ignored where they are needed."""
        task: dict[str, Any] = {"kind": self.kind, "findings": list(self.findings)}
        if self.none != NONE:
            task["none"] = list(self.none)
        if self.ignore:
            task["ignore"] = list(self.ignore)
        return {"task": task}

    @property
    def problem(self) -> str:
        """Findings that are not named, or named and not learned at once."""
        if not self.findings:
            return (
                "findings: this key is required, the list of what an image may have "
                "(in ChestX-ray14: [Atelectasis, Cardiomegaly, ...])"
            )
        if joined := [name for name in self.findings if SEPARATOR in name]:
            return f"findings: {joined[0]!r}: '{SEPARATOR}' stands between two findings of an image"
        if found := alike(self.findings):
            return (
                f"findings: {' and '.join(map(repr, found[0]))} differ only in case, blanks or spelling. "
                "Write one of them throughout"
            )
        if both := sorted(set(self.findings) & {*self.none, *self.ignore}):
            return f"findings: {', '.join(both)}: also in 'none' or 'ignore'"
        return ""

    @property
    def label_columns(self) -> tuple[str, ...]:
        """`label_<finding>` of every finding, 0 or 1."""
        return tuple(f"label_{name}" for name in self.findings)

    @property
    def score_columns(self) -> tuple[str, ...]:
        """`score_<finding>` of every finding."""
        return tuple(f"score_{name}" for name in self.findings)

    @property
    def answer(self) -> str:
        """The probability of every finding."""
        return "a probability of each finding, `score_<finding>`"

    def is_labelled(self, frame: "pd.DataFrame", label_column: str) -> bool:
        """Whether there is a column of labels, or one for each finding."""
        return label_column in frame or set(self.findings) <= set(frame.columns)

    def columns_hint(self, frame: "pd.DataFrame") -> str:
        """The findings that have no column of their own, where others have one."""
        there = [repr(name) for name in self.findings if name in frame]
        lacking = [repr(name) for name in self.findings if name not in frame]
        if not there or not lacking:
            return ""
        return (
            f"Of the findings {few(there)} {'has a column' if len(there) == 1 else 'have columns'}, "
            + (f"{few(lacking)} {'has' if len(lacking) == 1 else 'have'} none.")
        )

    def knows(self, frame: "pd.DataFrame", label_column: str) -> bool:
        """Every label is a finding, none or ignored, and a finding is there; or findings have columns."""
        if label_column not in frame:
            return bool(self.findings) and self.is_labelled(frame, label_column)
        seen = {one for cell in frame[label_column].unique() for one in labels_in(cell)} - {""}
        return seen <= {*self.findings, *self.none, *self.ignore} and bool(
            seen & set(self.findings)
        )

    def read(
        self, frame: "pd.DataFrame", places: Strings, label_column: str, source: str
    ) -> Labels:
        """Which findings each row has, from its label cell, or from a column for each finding."""
        if label_column not in frame and set(self.findings) <= set(frame.columns):
            return self._of_columns(frame[list(self.findings)], places, source)
        cells = frame[label_column].tolist()
        missing: list[str] = []
        mixed: list[str] = []
        unknown: dict[str, list[str]] = defaultdict(list)
        spellings = Spellings((*self.findings, *self.none, *self.ignore))
        position = {name: at for at, name in enumerate(self.findings)}
        labels = np.zeros((len(cells), len(self.findings)), dtype=np.int64)
        for row, (cell, place) in enumerate(zip(cells, places, strict=True)):
            found = [spellings.label(label) for label in labels_in(cell)]
            if not all(found):
                missing.append(place)
                continue
            for label in found:
                if label in position:
                    labels[row, position[label]] = 1
                elif label not in (*self.none, *self.ignore):
                    unknown[label].append(place)
            if labels[row].any() and any(label in self.none for label in found):
                mixed.append(f"{place} ({cell})")
        self._refuse(missing, mixed, unknown, source)
        return labels

    def _of_columns(self, frame: "pd.DataFrame", places: Strings, source: str) -> Labels:
        texts = frame.astype("str")
        said = texts.apply(
            lambda cells: cells.map({text: truth(text) for text in cells.unique()}).astype("object")
        )
        bad = said.isna().to_numpy()
        if bad.any():
            named = [
                f"{places[row]}, {self.findings[column]}: {texts.iat[row, column]!r}"
                for row, column in np.argwhere(bad).tolist()
            ]
            raise DataError(
                f"{source}: {len(named)} cells of the findings' columns say neither 0 nor 1 (or no, yes): "
                f"{listed(named)}"
            )
        return np.asarray(said.to_numpy(), dtype=np.int64)

    def _refuse(
        self,
        missing: list[str],
        mixed: list[str],
        unknown: dict[str, list[str]],
        source: str,
    ) -> None:
        problems = []
        if missing:
            nothing = f", {self.none[0]!r} where that is nothing," if self.none else ""
            problems.append(
                f"{plural(len(missing), 'row')} without a label: {listed(missing)}. "
                f"Write what each has{nothing} or take these rows out"
            )
        if mixed:
            problems.append(
                f"{plural(len(mixed), 'row')} with and without a finding at once: {listed(mixed)}"
            )
        for label, where in list(unknown.items())[:20]:
            hint = did_you_mean(label, self.findings)
            problems.append(
                f"unknown label '{label}' in {plural(len(where), 'row')}: {listed(where)}. {hint}"
            )
        if unknown:
            problems.append(
                f"known findings: {', '.join(self.findings)}; none of them: {', '.join(self.none)}. "
                "Correct the file, or add the label to task.findings, or to task.ignore if it is not learned"
            )
        if problems:
            raise DataError("\n".join(f"{source}: {problem.strip()}" for problem in problems))

    def columns_of(self, labels: Labels) -> dict[str, Any]:
        """A column of 0 and 1 for each finding."""
        return {name: labels[:, at] for at, name in enumerate(self.label_columns)}

    def labels_of(self, frame: "pd.DataFrame", source: str) -> Labels:
        """The columns `label_<finding>`, 0 or 1."""
        texts = frame[list(self.label_columns)].apply(text_of)
        if bad := sorted(set(np.unique(texts.to_numpy().astype(str))) - {"0", "1"}):
            raise DataError(
                f"{source}: the columns of the findings hold {listed(bad)}, expected only 0 and 1"
            )
        return texts.to_numpy().astype(np.int64)

    def identities(self, frame: "pd.DataFrame", labels: Labels, label_column: str) -> list[str]:
        """Which findings each row has, as 0 and 1."""
        return ["".join(map(str, row)) for row in labels]

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every finding."""
        return self.findings

    def emitted(
        self, frame: "pd.DataFrame", labels: Labels, label_column: str
    ) -> NDArray[np.float32]:
        """The findings of each row."""
        return labels.astype(np.float32)

    def unlabelled(self, count: int) -> Labels:
        """No finding in any image."""
        return np.zeros((count, len(self.findings)), dtype=np.int64)

    def strata(self, labels: Labels) -> NDArray[np.int64]:
        """Every finding."""
        return labels

    @property
    def strata_names(self) -> tuple[str, ...]:
        """Every finding."""
        return self.findings

    def least(self, splits: int) -> int:
        """One, to train on: what validation or test lacks is left out of their means."""
        return 1

    def unevaluable(self, labels: Labels) -> str:
        """No finding with both a positive and a negative row."""
        if any(0 < total < len(labels) for total in labels.sum(axis=0)):
            return ""
        return (
            f"none of the {len(self.findings)} findings is in some of the {len(labels)} images and not in "
            "others"
        )

    def missing_from(self, split: str, labels: Labels, drawn: bool) -> list[str]:
        """Training needs every finding; one that a test lacks is left out of its means, and named."""
        if split != "train":
            return []
        return [
            name for name, count in zip(self.findings, labels.sum(axis=0), strict=True) if not count
        ]

    def in_words(self, labels: Labels) -> list[str]:
        """The findings of each row, joined by `|`."""
        names = np.asarray(self.findings, dtype=object)
        nothing = self.none[0] if self.none else "none"
        return [SEPARATOR.join(names[row > 0]) or nothing for row in labels]

    def one_vs_rest(self, labels: Labels, scores: Scores) -> Iterator[OneVsRest]:
        """Each finding, there or not."""
        for at, name in enumerate(self.findings):
            yield OneVsRest(name, labels[:, at], scores[:, at])

    def called(self, scores: Scores, thresholds: Mapping[str, float]) -> Labels:
        """1 where a finding's score reaches its own threshold."""
        cut = np.array([thresholds.get(name, 0.5) for name in self.findings])
        return (scores >= cut).astype(np.int64)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Macro AUROC first."""
        return METRICS
