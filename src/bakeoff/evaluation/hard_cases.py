"""The hard cases: images that every variant gets wrong, by most of its seeds.

For findings, an image is one where every variant gets the same finding of it wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.predictions import Predictions
from bakeoff.task.classification import Labels
from bakeoff.task.measures import measures_of

Tests = Sequence[tuple[Predictions, dict[str, float]]]


@dataclass(frozen=True)
class HardCases:
    """The rows (m,) of the test images that every variant gets wrong, the surest mistakes first.

    wrong: what is wrong in each image, (n,) or (n, F) as the labels, for all variants; by_chance: how many
    images that would be if variants erred independently of each other, each as often as it does.
    """

    rows: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    by_chance: float


def hard_cases(variants: Mapping[str, Tests]) -> HardCases:
    """Of variants with their test predictions by seed, on the same images."""
    first = next(iter(variants.values()))[0][0]
    wrong = np.ones((len(variants), *first.labels.shape), dtype=np.bool_)
    losses = np.zeros(len(first.labels))
    for at, tests in enumerate(variants.values()):
        wrong[at] = np.mean([_wrong(*one) for one in tests], axis=0) > 0.5
        losses += np.mean([_losses(*one) for one in tests], axis=0)
    every: NDArray[np.bool_] = np.logical_and.reduce(wrong)
    of_image = every.reshape(len(every), -1).any(axis=1)
    rows = np.flatnonzero(of_image)
    # By each class or finding what all of them would miss by chance; an image is right if none is missed.
    shares = wrong.mean(axis=1).prod(axis=0).reshape(-1)
    expected = len(every) * float(1 - np.prod(1 - shares))
    return HardCases(rows[np.argsort(-losses[rows], kind="stable")], every, expected)


def called_by_most(tests: Tests) -> Labels:
    """What most seeds call each image: as the labels; of equally many the first of the kinds.

    Where most are wrong it is what most of those call it: seeds may each be wrong in a way of their own, and
    the right answer may then have as many as any.
    """
    called = np.stack([test.task.called(test.scores, own) for test, own in tests])
    labels = tests[0][0].labels
    mostly_wrong = (called != labels).mean(axis=0) > 0.5
    values = np.unique(called)
    votes = np.stack(
        [
            np.where(mostly_wrong & (labels == value), 0, (called == value).sum(axis=0))
            for value in values
        ]
    )
    return np.asarray(values[votes.argmax(axis=0)], dtype=np.int64)


def _wrong(test: Predictions, thresholds: dict[str, float]) -> NDArray[np.bool_]:
    return np.asarray(test.task.called(test.scores, thresholds) != test.labels, dtype=np.bool_)


def _losses(test: Predictions, thresholds: dict[str, float]) -> Floats:
    """The log loss of each image: how sure of the wrong thing the scores are."""
    name = test.task.calibration.name
    each = measures_of(test.task).of_each(name, test.labels, test.scores, thresholds)
    return np.zeros(len(test.labels)) if each is None else each
