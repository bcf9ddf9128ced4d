"""All that the report shows, read from a results folder; unreadable files are listed and do not stop it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.data.grouping import group_word
from bakeoff.evaluation.conclusion.conclusion import Conclusion
from bakeoff.evaluation.predictions import Predictions
from bakeoff.layout import MANIFEST, Layout
from bakeoff.report.comparison_file import read_comparison, read_conclusion
from bakeoff.report.numbers import known, plural
from bakeoff.report.reading import (
    Unread,
    dig,
    part,
    read_object,
    read_scores,
    read_table,
    read_tail,
)
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import LAST, ClassificationTask, Metric
from bakeoff.task.kinds import recorded_task, task_of
from bakeoff.task.measures import measures_of
from bakeoff.task.names import BASELINES
from bakeoff.task.words import Words, words_of


@dataclass(frozen=True)
class RunEvidence:
    """One run, as far as it got; `state` is that in words, empty if it is finished."""

    variant: str
    seed: int
    folder: Path
    record: dict[str, Any]  # run.json
    metrics: dict[str, Any]  # metrics.json
    history: pd.DataFrame  # empty before the first epoch
    val: Predictions | None
    test: Predictions | None
    state: str
    log: Path  # relative to the results folder
    log_tail: str
    planned: Mapping[str, Any]  # its configuration, for a run that has left no run.json

    @property
    def finished(self) -> bool:
        """True if the run was trained, predicted and evaluated."""
        return not self.state

    @property
    def config(self) -> dict[str, Any]:
        """The configuration that it was trained with, or is to be trained with."""
        return part(self.record, "config") or dict(self.planned)

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept."""
        epoch = dig(self.record, "best", "epoch")
        return int(epoch) if known(epoch) else None

    @property
    def kept_last(self) -> bool:
        """Whether that is the last epoch whatever validation says."""
        return bool(dig(self.record, "best", "criterion") == LAST)

    def figure_of(self, split: str, metric: str) -> float:
        """A figure of metrics.json, NaN where there is none."""
        value = dig(self.metrics, split, metric)
        return float(value) if known(value) else np.nan


@dataclass(frozen=True)
class BaselineEvidence:
    """A baseline with its metrics and test predictions, or the reason why there are none."""

    name: str
    metrics: dict[str, Any]
    test: Predictions | None
    missing: str
    features: list[str]  # of the metadata baseline

    def figure_of(self, metric: str) -> float:
        """A figure of its test images, NaN where the baseline is missing."""
        value = dig(self.metrics, "test", metric)
        return float(value) if known(value) else np.nan


@dataclass(frozen=True)
class Evidence:
    """A results folder, read: runs in the order of the comparison, best first, by the metric `metric`."""

    results: Path
    name: str
    task: ClassificationTask
    metric: Metric
    comparison: pd.DataFrame  # empty where comparison.csv is absent
    conclusion: Conclusion | None  # None where conclusion.json is absent
    variants: dict[str, list[RunEvidence]]
    baselines: dict[str, BaselineEvidence]
    audit: dict[str, Any]
    unread: Unread = field(default_factory=list)  # files that could not be read

    @property
    def runs(self) -> list[RunEvidence]:
        """Every expected run."""
        return [run for runs in self.variants.values() for run in runs]

    @property
    def data(self) -> dict[str, Any]:
        """The configuration of the data; empty where no run and no plan has it."""
        return next((data for run in self.runs if (data := part(run.config, "data"))), {})

    @property
    def words(self) -> Words:
        """The task in words."""
        return words_of(self.task)

    @property
    def synthetic(self) -> bool:
        """True if bakeoff has drawn the images, whatever the configuration's data.source."""
        table, images = self.data.get("labels"), self.data.get("images", "")
        place = Path(str(table)).parent if table else Path(str(images))  # of class folders
        return self.data.get("source") == "synthetic" or (place / MANIFEST).exists()

    @property
    def group(self) -> str:
        """The word for what keeps images together, in the singular: "patient", or by the column's name."""
        column = self.data.get("patient_column")
        return group_word(None if column is None else str(column))

    @property
    def unit(self) -> str:
        """The unit of resampling, in the singular: the group where the data has one, else "image"."""
        tests = (run.test for run in self.runs if run.test is not None)
        return self.group if any(test.by_patient for test in tests) else "image"

    @property
    def reference(self) -> str:
        """The baseline of the comparison's differences: "the metadata baseline"; "a baseline" if none."""
        names = self.comparison.get("baseline", pd.Series(dtype=str)).dropna()
        return f"the {names.iloc[0]} baseline" if len(names) else "a baseline"

    def thresholds_of(self, run: RunEvidence) -> dict[str, float]:
        """The thresholds of a run by the names of what is scored; empty where it has none."""
        try:
            found = measures_of(self.task).thresholds_in(run.metrics)
            return {name: float(value) for name, value in found.items() if known(value)}
        except (KeyError, TypeError, ValueError, AttributeError):
            return {}

    def tests_of(self, runs: Sequence[RunEvidence]) -> list[tuple[Predictions, dict[str, float]]]:
        """The test predictions of runs with their thresholds; without runs that lack what they need."""
        found = [(run.test, self.thresholds_of(run)) for run in runs if run.test is not None]
        return [(test, own) for test, own in found if own or not self.words.thresholds]

    def best_run(self, runs: Sequence[RunEvidence]) -> RunEvidence:
        """Of some runs the one that is best by the metric on validation."""

        def figure(run: RunEvidence) -> float:
            value = self.metric.sign * run.figure_of("val", self.metric.name)
            return -np.inf if np.isnan(value) else value

        return max(runs, key=figure)

    def finished(self) -> Iterator[tuple[str, list[RunEvidence]]]:
        """Variants with at least one finished run, with those runs."""
        for variant, runs in self.variants.items():
            if done := [run for run in runs if run.finished]:
                yield variant, done


def read_evidence(
    results: Path,
    expected: Sequence[tuple[str, Sequence[int]]],
    planned: Mapping[str, Mapping[str, Any]] | None = None,
    metric: str | None = None,
) -> Evidence:
    """Read what there is of a results folder; never raises because a file is absent or damaged.

    `planned` is each variant's configuration, in the format of run.json, for variants that failed;
    `metric` is what variants are to be compared by, where no comparison.csv says it.
    """
    plans = planned or {}
    unread: Unread = []
    seeds = dict(expected)
    task = _task(results, seeds, plans)
    primary, comparison = read_comparison(results / "comparison.csv", task, metric, unread)
    conclusion = read_conclusion(Layout(results).conclusion, comparison, unread)
    ranked = list(comparison.get("variant", pd.Series(dtype=str)))
    order = [name for name in ranked if name in seeds]
    order += [name for name in seeds if name not in order]
    variants = {
        name: [_run(results, name, seed, plans.get(name, {}), task, unread) for seed in seeds[name]]
        for name in order
    }
    baselines = {name: _baseline(results, name, task, unread) for name in BASELINES}
    records = (run.record for runs in variants.values() for run in runs)
    name = next((str(r["experiment"]) for r in records if "experiment" in r), results.name)
    audit = read_object(results / "splits" / "audit.json", unread)
    return Evidence(
        results, name, task, primary, comparison, conclusion, variants, baselines, audit, unread
    )


def _task(
    results: Path,
    seeds: Mapping[str, Sequence[int]],
    plans: Mapping[str, Mapping[str, Any]],
) -> ClassificationTask:
    """The task that the split recorded, else that of the runs' configuration.

    Earlier versions recorded none; theirs is binary.
    """
    if (recorded := recorded_task(Layout(results).audit)) is not None:
        return recorded
    files = [Layout(results).run(name, seed).run_json for name in seeds for seed in seeds[name]]
    configs = [part(read_object(file, []), "config") for file in files]  # reported with the runs
    for config in (*configs, *plans.values()):
        if (data := part(config, "data")) or dig(config, "task"):
            sides = {
                side: labels
                for side in ("negative", "positive")
                if isinstance(labels := data.get(side), list)
            }
            return task_of(sides | part(config, "task"))
    return BinaryTask()


def _run(
    results: Path,
    variant: str,
    seed: int,
    planned: Mapping[str, Any],
    task: ClassificationTask,
    unread: Unread,
) -> RunEvidence:
    folder = Layout(results).run(variant, seed).path
    record = read_object(folder / "run.json", unread)
    metrics = read_object(folder / "metrics.json", unread)
    history = read_table(folder / "history.csv", unread, text=(), required=("epoch",))
    val, test = (
        read_scores(folder / "predictions" / f"{split}.csv", unread, task)
        for split in ("val", "test")
    )
    state = _state(folder, record, len(history), test is not None, bool(part(metrics, "test")))
    log = folder / ("evaluate.log" if record else "train.log")
    tail = read_tail(log) if state else ""
    log = log.relative_to(results)
    return RunEvidence(
        variant, seed, folder, record, metrics, history, val, test, state, log, tail, planned
    )


def _state(
    folder: Path, record: dict[str, Any], epochs: int, predicted: bool, measured: bool
) -> str:
    """How far a run got; metrics without a run.json are left from before a new training."""
    if record:
        if predicted:
            return "" if measured else "predicted, but not evaluated"
        return "trained, but not evaluated"
    if epochs:
        return f"training did not finish: {plural(epochs, 'epoch')} done"
    return "training did not finish an epoch" if folder.exists() else "never started"


def _baseline(
    results: Path, name: str, task: ClassificationTask, unread: Unread
) -> BaselineEvidence:
    folder = results / "baselines" / name
    metrics = read_object(folder / "metrics.json", unread)
    test = read_scores(folder / "predictions" / "test.csv", unread, task)
    present = test is not None and bool(part(metrics, "test"))
    missing = "" if present else str(metrics.get("missing", "not computed"))
    features = dig(read_object(folder / "baseline.json", unread), "features")
    named = [str(feature) for feature in features] if isinstance(features, list) else []
    return BaselineEvidence(name, metrics if present else {}, test, missing, named)
