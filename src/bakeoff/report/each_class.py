"""Each class or finding by itself: its figures in the test leader's run, and its AUROC in every variant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.evaluation.metrics import FEWEST as FEWEST_UNITS
from bakeoff.report.evidence import BaselineEvidence, Evidence, RunEvidence
from bakeoff.report.numbers import count, figure, interval, known
from bakeoff.report.rare import TOO_FEW, rarities
from bakeoff.report.reading import dig, part
from bakeoff.report.share import Share, share_of
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.words import AUROC

FEWEST = 10  # images of a class or finding; a share of fewer that has no interval has none for that
CLOSED = 30  # with more rows than that, the table is closed until it is asked for


@dataclass(frozen=True)
class ClassRow:
    """A class or finding, ready to print: test images of it, figures with intervals, variants' AUROCs."""

    name: str
    n: str
    figures: list[tuple[str, str]]
    variants: list[str]


@dataclass(frozen=True)
class EachClass:
    """The classes or findings, and their mean; `run` is the leader's that is best on validation.

    left_out: those without a figure, with the reason.
    """

    run: RunEvidence
    metrics: tuple[Metric, ...]
    variants: list[str]
    rows: list[ClassRow]
    mean: ClassRow
    left_out: list[str]
    few: str  # of what rows without an interval have too few; empty where every row has one

    @property
    def closed(self) -> bool:
        """Whether the table has more rows than people read on the way."""
        return len(self.rows) > CLOSED


def each_class(evidence: Evidence) -> EachClass | None:
    """The figures of each class or finding; None where there is one only, or no run has any."""
    done = dict(evidence.finished())
    best = next(iter(done.values()), [])
    if not evidence.words.each or not best:
        return None
    run = evidence.best_run(best)
    names = [name for name in evidence.task.scored if part(run.metrics, "test", "classes", name)]
    if not names:
        return None
    there = [name for name in names if known(own(run, name))]
    shares = _shares(evidence, run)
    rare = rarities(run, evidence.task)
    return EachClass(
        run=run,
        metrics=evidence.words.each,
        variants=list(done),
        rows=[
            ClassRow(
                name,
                count(dig(run.metrics, "test", "classes", name, "n")),
                [
                    _cell(run, name, metric, shares.get(name, {}), rare.get(name, ""))
                    for metric in evidence.words.each
                ],
                [figure(mean_over_seeds(runs, name)) for runs in done.values()],
            )
            for name in there
        ],
        mean=ClassRow(
            "mean",
            "",
            [_mean_cell(run, there, metric) for metric in evidence.words.each],
            [figure(_mean_of_runs(runs)) for runs in done.values()],
        ),
        left_out=[_why(run, name) for name in names if name not in there],
        few=f"fewer than {FEWEST_UNITS} {evidence.unit}s" if set(rare) & set(there) else "",
    )


def own(scored: RunEvidence | BaselineEvidence, name: str, metric: str = AUROC.name) -> float:
    """A figure of a class or finding on test; NaN where there is none."""
    value = dig(scored.metrics, "test", "classes", name, metric)
    return float(value) if known(value) else np.nan


def own_interval(run: RunEvidence, name: str, metric: str = AUROC.name) -> tuple[float, float]:
    """Its interval, NaN where it is not known."""
    return _ends(dig(run.metrics, "test", "classes", name, "intervals", metric))


def mean_interval(run: RunEvidence) -> tuple[float, float]:
    """The interval of the run's mean AUROC over classes or findings."""
    return _ends(dig(run.metrics, "test", "intervals", f"macro_{AUROC.name}"))


def mean_over_seeds(runs: Sequence[RunEvidence], name: str) -> float:
    """The mean AUROC of a class or finding over a variant's finished runs, NaN where no run has one."""
    values = [value for run in runs if known(value := own(run, name))]
    return float(np.mean(values)) if values else np.nan


def hardest(run: RunEvidence, task: ClassificationTask, most: int) -> list[str]:
    """At most so many classes or findings, those with the lowest AUROC in the run, in the task's order."""
    there = [name for name in task.scored if known(own(run, name))]
    chosen = set(sorted(there, key=lambda name: own(run, name))[:most])
    return [name for name in there if name in chosen]


def _mean_of_runs(runs: Sequence[RunEvidence]) -> float:
    values = [run.figure_of("test", f"macro_{AUROC.name}") for run in runs]
    return float(np.mean(values))


def _cell(
    run: RunEvidence, name: str, metric: Metric, shares: Mapping[str, Share], rare: str
) -> tuple[str, str]:
    """The figure with its interval; where it has none, why: too few images that it rests on."""
    value = own(run, name, metric.name)
    if not known(value):
        return TOO_FEW, "none is called so" if metric.name == "precision" else ""
    if metric.name in shares:
        found = interval(shares[metric.name].low, shares[metric.name].high)
    elif rare:
        return figure(value), rare
    else:
        found = interval(*own_interval(run, name, metric.name))
    few = dig(run.metrics, "test", "classes", name, "n") or 0
    return figure(value), found or (TOO_FEW if few < FEWEST else "interval not known")


def _shares(evidence: Evidence, run: RunEvidence) -> dict[str, dict[str, Share]]:
    """The shares of each class or finding, of whose intervals metrics.json says nothing."""
    found: dict[str, dict[str, Share]] = {}
    for test, thresholds in evidence.tests_of([run]):
        calls = evidence.task.called(test.scores, thresholds)
        for at, view in enumerate(evidence.task.one_vs_rest(test.labels, test.scores)):
            called = calls == at if calls.ndim == 1 else calls[:, at] == 1
            there = view.labels == 1
            sensitivity = share_of(called, there, test.units)
            found[view.name] = {
                "sensitivity": sensitivity,
                "recall": sensitivity,
                "specificity": share_of(~called, ~there, test.units),
                "precision": share_of(there, called, test.units),
            }
    return found


def _mean_cell(run: RunEvidence, names: Sequence[str], metric: Metric) -> tuple[str, str]:
    """The task's own mean with its interval where it is one of the metrics, else the mean of the column."""
    macro = f"macro_{metric.name}"
    value = run.figure_of("test", macro)
    if known(value):
        return figure(value), interval(*_ends(dig(run.metrics, "test", "intervals", macro)))
    values = [value for name in names if known(value := own(run, name, metric.name))]
    return figure(float(np.mean(values)) if values else np.nan), ""


def _ends(found: Any) -> tuple[float, float]:
    match found:
        case [low, high] if known(low) and known(high):
            return float(low), float(high)
    return np.nan, np.nan


def _why(run: RunEvidence, name: str) -> str:
    if dig(run.metrics, "test", "classes", name, "n"):
        return f"{name} ({TOO_FEW} without it: every test image is of it)"
    return f"{name} ({TOO_FEW}: no test image is of it)"
