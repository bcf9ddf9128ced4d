"""The confusion matrix of each variant: how many test images of each class were called what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.reading import dig

MOST = 20  # classes that a table has room for
NAMED = 5  # of the confusions


@dataclass(frozen=True)
class Confusion:
    """Counts (K, K) summed over the seeds of a variant, rows are what images are.

    names: of the classes; empty where they are too many for a table.
    """

    variant: str
    seeds: int
    names: tuple[str, ...]
    counts: list[list[int]]
    shares: list[list[float]]  # of its row's sum
    most: list[str]  # the most frequent confusions, in words


def confusions(evidence: Evidence) -> list[Confusion]:
    """Of every finished variant, in the report's order; without those whose task or runs have none."""
    found = [_confusion(variant, runs, evidence) for variant, runs in evidence.finished()]
    return [one for one in found if one is not None]


def _confusion(variant: str, runs: Sequence[RunEvidence], evidence: Evidence) -> Confusion | None:
    found = [dig(run.metrics, "test", "confusion") for run in runs]
    names = evidence.task.classes
    try:
        tables = [np.asarray(one, dtype=np.int64) for one in found if one is not None]
    except (TypeError, ValueError, OverflowError):
        return None
    tables = [table for table in tables if table.shape == (len(names), len(names))]
    tables = tables or [table for run in runs if (table := _counted(run, evidence)) is not None]
    if not tables:
        return None
    counts: NDArray[np.int64] = np.sum(tables, axis=0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Confusion(
        variant=variant,
        seeds=len(tables),
        names=names if len(names) <= MOST else (),
        counts=counts.tolist(),
        shares=shares.tolist(),
        most=_most(counts, names) if len(names) > 2 else [],
    )


def _counted(run: RunEvidence, evidence: Evidence) -> NDArray[np.int64] | None:
    """What metrics.json does not have: counted in the predictions, at the run's threshold."""
    tests = evidence.tests_of([run])
    if not tests or tests[0][0].labels.ndim > 1:
        return None
    (test, thresholds), kinds = tests[0], len(evidence.task.classes)
    called = evidence.task.called(test.scores, thresholds)
    counts = np.bincount(test.labels * kinds + called, minlength=kinds * kinds)
    return np.asarray(counts.reshape(kinds, kinds), dtype=np.int64)


def _most(counts: NDArray[np.int64], names: tuple[str, ...]) -> list[str]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:NAMED]
    pairs = [divmod(int(at), len(names)) for at in order]
    return [
        f"{names[label]} called {names[called]} ({wrong[label, called]})"
        for label, called in pairs
        if wrong[label, called]
    ]
