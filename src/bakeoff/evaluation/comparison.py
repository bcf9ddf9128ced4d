"""The comparison of variants and baselines: a row each, every difference with a paired interval.

A variant's figure, of the primary metric, is the mean over its seeds. Two things make it uncertain: which
patients are in the test set (resampled, the same draws for everybody) and which seeds were run (their
spread). Both are in the intervals; with a single seed the second is unknown, and the interval is too narrow.
In simulations with 2 to 5 seeds and 110 patients, intervals of means covered the truth 92 to 98 % of the
time, those of differences 93 to 99.7 %.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.evaluation import intervals
from bakeoff.evaluation.competitors import Competitor, Entry, read_competitors
from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.metrics import metric_interval
from bakeoff.files import replacing
from bakeoff.layout import Layout
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Metric
from bakeoff.task.measures import measures_of

REFERENCES = (
    "metadata",
    "majority",
)  # the first of them with a result is the baseline of the differences
GAPS = ("best", "baseline")
EARLIER = 2.0  # seconds; the resolution of times on some file systems
FIRST = ("kind", "variant", "seeds_finished", "seeds_expected", "missing", "parameters")
LATER = ("detectable_with_many_seeds", "seed_variance_share", "metric")
"""Columns that a comparison.csv of an earlier version may lack; `metric` is AUROC there."""


def columns_of(task: ClassificationTask, metric: Metric) -> tuple[str, ...]:
    """The columns of comparison.csv where variants are compared by `metric`."""
    return (
        *FIRST,
        *(f"test_{name}_{figure}" for name in task.metric_names for figure in ("mean", "sd")),
        *(f"val_{metric.name}_{figure}" for figure in ("mean", "sd")),
        *(f"test_{metric.name}_low", f"test_{metric.name}_high"),
        *(f"difference_to_{other}{end}" for other in GAPS for end in ("", "_low", "_high")),
        "baseline",
        "detectable_difference",
        *LATER,
    )


@dataclass(frozen=True)
class ScoredCompetitor:
    """A competitor's mean test figure, of the primary metric, with what is needed to compare it.

    values: over the finished seeds (k,); drawn: its mean over seeds in each resample (resamples,).
    """

    competitor: Competitor
    metric: Metric
    values: Floats
    drawn: Floats
    units: int

    @property
    def mean(self) -> float:
        """Mean over the finished seeds."""
        return float(self.values.mean())

    @property
    def seed_error(self) -> tuple[float, float]:
        """Standard error of the mean from the spread of seeds, and its degrees of freedom."""
        k = len(self.values)
        return (float(self.values.std(ddof=1)) / k**0.5, k - 1) if k > 1 else (0.0, 1)

    def interval(self) -> intervals.Interval | None:
        """Interval of the mean: sampling of test patients and of seeds."""
        sampling = (intervals.standard_error(self.drawn), self.units - 1)
        error = float(np.hypot(sampling[0], self.seed_error[0]))
        degrees = intervals.effective_degrees([sampling, self.seed_error])
        perfect = self.mean in (0.0, 1.0)
        test = self.competitor.entries[0].test if perfect else None
        return metric_interval(self.metric, self.mean, error, degrees, test)

    def ahead_of(self, other: "ScoredCompetitor") -> dict[str, float]:
        """Difference to `other` with its paired interval, in the metric's own units and direction.

        detectable: the smallest difference that these seeds on this test set can distinguish from none;
        with_many_seeds: the same with very many seeds, so that only the test set limits it;
        seed_share: the share of the difference's variance that comes from the seeds, NaN where one of
        the two has a single seed.
        """
        difference = self.mean - other.mean
        sampling = (intervals.standard_error(self.drawn - other.drawn), self.units - 1)
        parts = [sampling, self.seed_error, other.seed_error]
        error = float(np.sqrt(sum(part[0] ** 2 for part in parts)))
        interval = intervals.difference_interval(
            difference, error, intervals.effective_degrees(parts)
        )
        low, high = interval or (np.nan, np.nan)
        sampling_only = intervals.difference_interval(0.0, *sampling)
        seeds_known = error > 0 and min(len(self.values), len(other.values)) > 1
        return {
            "difference": difference,
            "low": low,
            "high": high,
            "detectable": (high - low) / 2,
            "with_many_seeds": sampling_only.high if sampling_only else np.nan,
            "seed_share": 1 - (sampling[0] / error) ** 2 if seeds_known else np.nan,
        }


def compare(
    results: Path,
    expected: Sequence[tuple[str, Sequence[int]]],
    task: ClassificationTask | None = None,
    metric: Metric | None = None,
) -> pd.DataFrame:
    """The comparison of a results folder: a row per variant, the best first, then the baselines.

    The task is by default a binary one, the metric that they are compared by its usual one.

    `expected` names every variant with its seeds. What did not finish is listed, not left out. `baseline`
    names the baseline of `difference_to_baseline`, the same in every row; empty if there is none.
    Raises EvaluationError if the runs were tested on different images.
    """
    task = task or BinaryTask()
    metric = metric or task.metric()
    competitors = read_competitors(results, expected, task)
    scored = {each.name: _score(each, metric) for each in competitors if each.entries}
    contenders = [
        scored[each.name] for each in competitors if each.kind == "variant" and each.name in scored
    ]
    best = max(contenders, key=lambda each: metric.sign * each.mean, default=None)
    reference = next((scored[name] for name in REFERENCES if name in scored), None)
    rows = [_row(each, scored.get(each.name), best, reference, metric) for each in competitors]
    frame = pd.DataFrame(rows, columns=list(columns_of(task, metric))).sort_values(
        ["kind", f"test_{metric.name}_mean"],
        ascending=[False, not metric.higher_is_better],
        kind="stable",
        ignore_index=True,
    )
    frame["metric"] = metric.name
    frame["baseline"] = reference.competitor.name if reference else ""
    frame["parameters"] = frame["parameters"].astype("Int64")
    return frame


def write_comparison(
    results: Path,
    expected: Sequence[tuple[str, Sequence[int]]],
    task: ClassificationTask | None = None,
    metric: Metric | None = None,
) -> pd.DataFrame:
    """Write what `compare` returns as `comparison.csv`; return it.

    Where runs are missing, the file gets a time before that of its sources, so that Snakemake makes it
    again.
    """
    frame = compare(results, expected, task, metric)
    with replacing(Layout(results).comparison) as temporary:
        frame.to_csv(temporary, index=False)
        runs = frame[frame["kind"] == "variant"]  # a baseline may be missing for good
        if (runs["seeds_finished"] < runs["seeds_expected"]).any():
            sources = [*results.glob("runs/*/seed-*/metrics.json")]
            sources += results.glob("baselines/*/metrics.json")
            made = min((source.stat().st_mtime for source in sources), default=None)
            if made is not None:
                os.utime(temporary, (made - EARLIER, made - EARLIER))
    return frame


def _score(competitor: Competitor, metric: Metric) -> ScoredCompetitor:
    tests = [entry.test for entry in competitor.entries]
    measures = measures_of(tests[0].task)
    thresholds = [measures.thresholds_in(entry.metrics) for entry in competitor.entries]
    drawn = [
        np.mean(
            [
                measures.resampled(test.labels, test.scores, chosen, chunk, [metric.name])[
                    metric.name
                ]
                for test, chosen in zip(tests, thresholds, strict=True)
            ],
            axis=0,
        )
        for chunk in intervals.resample_weights(tests[0].units)
    ]
    values = np.array([_figure(entry, "test", metric.name) for entry in competitor.entries])
    return ScoredCompetitor(competitor, metric, values, np.concatenate(drawn), tests[0].unit_count)


def _figure(entry: Entry, split: str, name: str) -> float:
    """A metric of an entry; NaN where it is not defined, or its version did not know it yet."""
    value = entry.metrics[split].get(name)
    return float("nan") if value is None else float(value)


def _row(
    competitor: Competitor,
    own: ScoredCompetitor | None,
    best: ScoredCompetitor | None,
    reference: ScoredCompetitor | None,
    metric: Metric,
) -> dict[str, Any]:
    entries = competitor.entries
    parameters = [entry.record.get("parameters", {}).get("total") for entry in entries]
    row: dict[str, Any] = {
        "kind": competitor.kind,
        "variant": competitor.name,
        "seeds_finished": len(entries),
        "seeds_expected": competitor.expected,
        "missing": competitor.missing,
        "parameters": next((count for count in parameters if count is not None), np.nan),
    }
    every = entries[0].test.task.metric_names if entries else ()
    for split, names in (("test", every), ("val", (metric.name,))):
        for name in names:
            values = np.array([_figure(entry, split, name) for entry in entries], float)
            row[f"{split}_{name}_mean"] = values.mean() if len(values) else np.nan
            row[f"{split}_{name}_sd"] = values.std(ddof=1) if len(values) > 1 else np.nan
    interval = own.interval() if own else None
    row[f"test_{metric.name}_low"], row[f"test_{metric.name}_high"] = interval or (np.nan, np.nan)
    for name, other in zip(GAPS, (best, reference), strict=True):
        comparable = own is not None and other is not None and own is not other
        gap = own.ahead_of(other) if comparable and own and other else {}
        row[f"difference_to_{name}"] = gap.get("difference", np.nan)
        row[f"difference_to_{name}_low"] = gap.get("low", np.nan)
        row[f"difference_to_{name}_high"] = gap.get("high", np.nan)
        if name == "best":
            row["detectable_difference"] = gap.get("detectable", np.nan)
            row["detectable_with_many_seeds"] = gap.get("with_many_seeds", np.nan)
            row["seed_variance_share"] = gap.get("seed_share", np.nan)
    return row
