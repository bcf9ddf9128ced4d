"""The comparison of variants and baselines: a row each, and the conclusion from all of them together.

A variant's figure, of the primary metric, is the mean over its seeds. Two things make it uncertain: which
patients are in the test set (resampled, the same draws for everybody) and which seeds were run (their
spread, of all variants together where that holds). Both are in the intervals; where no variant has a second
seed the spread is unknown, and the figures are of the models that were trained, not of the variants.
`benchmarks/verdicts.py` measures how often all this is right.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from bakeoff.evaluation.competitors import Competitor, read_competitors
from bakeoff.evaluation.conclusion.conclusion import (
    Conclusion,
    Contender,
    Sample,
    conclude,
)
from bakeoff.evaluation.paired_gaps import GAPS, PairedGaps
from bakeoff.evaluation.scored import ScoredCompetitor, bounds, figure, score
from bakeoff.files import replacing, write_json
from bakeoff.layout import Layout
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask, Metric

REFERENCES = (
    "metadata",
    "majority",
)  # the first of them with a result is the baseline of the differences
EARLIER = 2.0  # seconds; the resolution of times on some file systems
FIRST = ("kind", "variant", "seeds_finished", "seeds_expected", "missing", "parameters")
LATER = ("metric", "may_be_best", "letters", "place_low", "place_high")
"""Columns that a comparison.csv of an earlier version may lack; `metric` is AUROC there."""


def columns_of(task: ClassificationTask, metric: Metric) -> tuple[str, ...]:
    """The columns of comparison.csv where variants are compared by `metric`."""
    return (
        *FIRST,
        *(f"test_{name}_{end}" for name in task.metric_names for end in ("mean", "sd")),
        *(f"val_{metric.name}_{end}" for end in ("mean", "sd")),
        *(f"test_{metric.name}_low", f"test_{metric.name}_high"),
        *ensemble_columns(metric),
        *(f"difference_to_{other}{end}" for other in GAPS for end in ("", "_low", "_high")),
        "baseline",
        *LATER,
    )


def ensemble_columns(metric: Metric) -> tuple[str, str, str]:
    """The figure of the seeds as one model, and its interval; a table of an earlier version lacks them."""
    name = f"test_{metric.name}_ensemble"
    return name, f"{name}_low", f"{name}_high"


@dataclass(frozen=True)
class Comparison:
    """The table, a row per variant, the best first, then the baselines; and what is concluded from it.

    conclusion: None where no variant has a result.
    """

    table: pd.DataFrame
    conclusion: Conclusion | None


def compare(
    results: Path,
    expected: Sequence[tuple[str, Sequence[int]]],
    task: ClassificationTask | None = None,
    metric: Metric | None = None,
    margin: float | None = None,
    *,
    rounds: bool = False,
) -> Comparison:
    """The comparison of a results folder.

    The task is by default a binary one, the metric that they are compared by its usual one; differences
    below `margin` do not matter; with `rounds` seeds were added round by round. `expected` names every
    variant with its seeds. What did not finish is listed, not left out. `baseline` names the baseline of
    `difference_to_baseline`, the same in every row; empty if there is none. Raises EvaluationError if the
    runs were tested on different images.
    """
    task = task or BinaryTask()
    metric = metric or task.metric()
    competitors = read_competitors(results, expected, task)
    finished = [each for each in competitors if each.entries]
    scored = {each.name: each for each in score(finished, metric)}
    contenders = [
        scored[each.name] for each in competitors if each.kind == "variant" and each.name in scored
    ]
    # What is not a number, as a metric of a class that is absent, cannot be compared.
    contenders = [each for each in contenders if np.isfinite(each.mean)]
    reference = next((scored[name] for name in REFERENCES if name in scored), None)
    conclusion = _conclude(contenders, reference, metric, margin, rounds)
    baselines = [scored[name] for name in REFERENCES if name in scored]
    best = max(contenders, key=lambda each: metric.sign * each.mean, default=None)
    gaps = PairedGaps([*contenders, *baselines], {"best": best, "baseline": reference}, metric)
    told = {one.name: one for one in conclusion.contenders} if conclusion else {}
    rows = [
        _row(each, scored.get(each.name), gaps)
        | (_place(told[each.name]) if each.kind == "variant" and each.name in told else {})
        for each in competitors
    ]
    frame = pd.DataFrame(rows, columns=list(columns_of(task, metric)))
    frame = frame.sort_values(
        ["kind", f"test_{metric.name}_mean"],
        ascending=[False, not metric.higher_is_better],
        kind="stable",
        ignore_index=True,
    )
    frame["metric"] = metric.name
    frame["baseline"] = reference.name if reference else ""
    for count in ("parameters", "may_be_best", "place_low", "place_high"):
        frame[count] = frame[count].astype("Int64")
    return Comparison(frame, conclusion)


def write_comparison(
    results: Path,
    expected: Sequence[tuple[str, Sequence[int]]],
    task: ClassificationTask | None = None,
    metric: Metric | None = None,
    margin: float | None = None,
    *,
    rounds: bool = False,
) -> Comparison:
    """Write what `compare` returns as `comparison.csv` and `conclusion.json`; return it.

    Where runs are missing, the files get a time before that of their sources, so that Snakemake makes them
    again.
    """
    found = compare(results, expected, task, metric, margin, rounds=rounds)
    layout = Layout(results)
    write_json(layout.conclusion, TypeAdapter(Conclusion | None).dump_python(found.conclusion))
    with replacing(layout.comparison) as temporary:
        found.table.to_csv(temporary, index=False)
    runs = found.table[found.table["kind"] == "variant"]  # a baseline may be missing for good
    if (runs["seeds_finished"] < runs["seeds_expected"]).any():
        sources = [*results.glob("runs/*/seed-*/metrics.json")]
        sources += results.glob("baselines/*/metrics.json")
        made = min((source.stat().st_mtime for source in sources), default=None)
        for path in (layout.comparison, layout.conclusion):
            if made is not None and path.exists():
                os.utime(path, (made - EARLIER, made - EARLIER))
    return found


def _conclude(
    contenders: Sequence[ScoredCompetitor],
    reference: ScoredCompetitor | None,
    metric: Metric,
    margin: float | None,
    rounds: bool,
) -> Conclusion | None:
    if not contenders:
        return None
    test = contenders[0].test
    on_validation = []
    for each in contenders:
        own = [figure(entry, "val", metric.name) for entry in each.competitor.entries]
        on_validation.append(metric.sign * float(np.mean(own)))
    return conclude(
        metric.name,
        [each.figures() for each in contenders],
        Sample(test.unit, test.unit_count, len(test.labels)),
        validation=on_validation,
        baseline=reference.figures() if reference else None,
        margin=margin,
        rounds=rounds,
        bounds=bounds(metric),
    )


def _place(one: Contender) -> dict[str, Any]:
    low, high = one.places
    return {
        "may_be_best": int(one.may_be_best),
        "letters": one.letters,
        "place_low": low,
        "place_high": high,
    }


def _row(competitor: Competitor, own: ScoredCompetitor | None, gaps: PairedGaps) -> dict[str, Any]:
    entries, metric = competitor.entries, gaps.metric
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
            values = np.array([figure(entry, split, name) for entry in entries], float)
            row[f"{split}_{name}_mean"] = values.mean() if len(values) else np.nan
            row[f"{split}_{name}_sd"] = values.std(ddof=1) if len(values) > 1 else np.nan
    if own is None:
        return row
    ends = gaps.interval(own) or (np.nan, np.nan)
    row[f"test_{metric.name}_low"], row[f"test_{metric.name}_high"] = ends
    if own.ensemble:
        among = own.ensemble.interval or (np.nan, np.nan)
        row |= dict(zip(ensemble_columns(metric), (own.ensemble.value, *among), strict=True))
    for name in GAPS:
        if gap := gaps.gap(own, name):
            ends_of = ("", "_low", "_high")
            row |= {f"difference_to_{name}{end}": at for end, at in zip(ends_of, gap, strict=True)}
    return row
