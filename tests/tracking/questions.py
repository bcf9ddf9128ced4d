"""Questions about scikit-learn's digits, one for each kind of task, and what learns to answer them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from bakeoff.evaluation.comparison import write_comparison
from bakeoff.files import write_json, write_text
from bakeoff.layout import Layout
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask

digits = load_digits()


@dataclass(frozen=True)
class Question:
    """Noisy images (n, 64) with labels as the task has them, and the rows of each split."""

    task: ClassificationTask
    pixels: NDArray[np.float64]
    labels: NDArray[np.int64]
    splits: dict[str, NDArray[np.int64]]

    def write_splits(self, results: Path) -> None:
        """The tables and, but for a binary task of an earlier version, the record of the task."""
        for name, rows in self.splits.items():
            named = {"Image Index": [f"{row}.png" for row in rows]}
            table = pd.DataFrame(named | self.task.columns_of(self.labels[rows]))
            write_text(results / "splits" / f"{name}.csv", table.to_csv(index=False))
        if self is not BINARY:
            write_json(Layout(results).audit, {"task": self.task.as_json()})

    def compare(self, results: Path, metric: str | None = None, **seeds: tuple[int, ...]) -> None:
        """The comparison of variants with these seeds."""
        write_comparison(results, list(seeds.items()), self.task, self.task.metric(metric))


class Learner:
    """SGD on a question: one classifier, or one for each finding."""

    def __init__(self, question: Question, lr: float, seed: int) -> None:
        self.question = question
        columns = question.labels.shape[1] if question.labels.ndim == 2 else 1
        self.models = [
            SGDClassifier(loss="log_loss", learning_rate="constant", eta0=lr, random_state=seed)
            for _ in range(columns)
        ]

    def learn(self, split: str) -> None:
        """Go through the images of a split once."""
        rows = self.question.splits[split]
        labels = self.question.labels[rows].reshape(len(rows), -1)
        for model, column in zip(self.models, labels.T, strict=True):
            classes = np.unique(self.question.labels) if len(self.models) == 1 else (0, 1)
            model.partial_fit(self.question.pixels[rows], column, classes=classes)

    def scores(self, split: str) -> NDArray[np.float64]:
        """The scores of a split's images, as the task has them."""
        pixels = self.question.pixels[self.question.splits[split]]
        each = [model.predict_proba(pixels) for model in self.models]
        several = np.stack([one[:, 1] for one in each], axis=1)
        scores = each[0] if self.question.task.scored_as == "exclusive" else several
        return self.question.task.scores_of(scores)

    def weights(self) -> dict[str, NDArray[np.float64]]:
        """What it has learned."""
        return {
            "coef": np.concatenate([model.coef_ for model in self.models]),
            "intercept": np.concatenate([model.intercept_ for model in self.models]),
        }


def _asked(
    task: ClassificationTask, chosen: NDArray[np.bool_], labels: NDArray[np.int64]
) -> Question:
    count = int(chosen.sum())
    noise = np.random.default_rng(0).normal(0, 0.6, (count, 64))
    order = np.random.default_rng(1).permutation(count)
    splits = dict(zip(("train", "val", "test"), np.split(order, [150, 250]), strict=True))
    return Question(task, digits.data[chosen] / 16.0 + noise, labels[chosen], splits)


BINARY = _asked(BinaryTask(), np.isin(digits.target, (3, 8)), (digits.target == 8).astype(np.int64))
"""Is it a 3 or an 8?"""

DIGITS = ("drei/3", "Fünf", "an 8")  # 3, 5, 8
MULTICLASS = _asked(
    MulticlassTask(DIGITS),
    np.isin(digits.target, (3, 5, 8)) & (np.arange(len(digits.target)) < 1200),
    np.searchsorted((3, 5, 8), digits.target).astype(np.int64).clip(max=2),
)
"""Is it a 3, a 5 or an 8?"""

FINDINGS = ("odd", "großer Kreis: 0", "more than 6?", "more than 6!", "never tested")
_found = np.stack(
    [
        digits.target % 2,
        digits.target == 0,
        digits.target > 6,
        digits.target > 6,
        np.zeros(len(digits.target)),
    ],
    axis=1,
).astype(np.int64)
MULTILABEL = _asked(MultilabelTask(FINDINGS), np.arange(len(digits.target)) < 360, _found)
"""What is there to say of it? The last finding is in training only."""
MULTILABEL.labels[MULTILABEL.splits["train"][:5], -1] = 1

QUESTIONS = {"binary": BINARY, "multiclass": MULTICLASS, "multilabel": MULTILABEL}
