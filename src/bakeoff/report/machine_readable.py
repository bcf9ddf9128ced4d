"""`report.json`: every figure of the page for programs, unrounded, from what the page is made of."""

import dataclasses
import math
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bakeoff.report.evidence import BaselineEvidence, Evidence, RunEvidence
from bakeoff.report.metric_intervals import Intervals
from bakeoff.task.classification import ClassificationTask, Metric

FORMAT = 1
"""Raised by one when something that was there is gone or means something else."""

NAMES = {
    "adaptive": "rounds",
    "again": "reproduce",
    "could": "resolution",
    "diagnostics": "remarks",
    "each": "each_class",
    "looked": "looks_at_test",
    "looks": "pictures",
    "split_audit": "audit_in_words",
}
"""The names here of sections that the page's templates call otherwise."""

PIXELS = ("pixels", "address")
"""Fields with the pictures themselves, which are in the page alone."""


def as_json(evidence: Evidence, contents: Mapping[str, Any]) -> dict[str, Any]:
    """The report as plain JSON values; `contents` are the sections of the page by name.

    Beside them it has comparison.csv, the metrics of every run and baseline, and the audit, as they are.
    What is not known is null.
    """
    return {
        "format": FORMAT,
        "experiment": evidence.name,
        "synthetic": evidence.synthetic,
        "task": plain(evidence.task),
        "metric": {
            "name": evidence.metric.name,
            "title": evidence.metric.title,
            "higher_is_better": evidence.metric.higher_is_better,
        },
        **{
            NAMES.get(name, name): plain(section)
            for name, section in contents.items()
            if name != "comparison"  # whose cells are formatted
        },
        "comparison": plain(evidence.comparison),
        "intervals_of_other_metrics": _by_variant(contents["comparison"].intervals),
        "runs": [_run(run) for run in evidence.runs],
        "baselines": {name: _baseline(one) for name, one in evidence.baselines.items()},
        "audit": plain(evidence.audit),
        "unread": list(evidence.unread),
    }


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses as objects by their fields, tables as lists of rows."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return str(value)
        case float():
            return value if math.isfinite(value) else None
        case np.generic():
            return plain(value.item())
        case Path():
            return str(value)
        case datetime():
            return value.isoformat()
        case RunEvidence():
            return {"variant": value.variant, "seed": value.seed}
        case Metric():
            return value.name
        case ClassificationTask():
            return plain(value.as_json())
        case pd.DataFrame():
            return [plain(row) for row in value.to_dict("records")]
        case np.ndarray():
            return plain(value.tolist())
        case Mapping():
            return {str(key): plain(own) for key, own in value.items() if key not in PIXELS}
        case Sequence() | Set():
            return [plain(own) for own in value]
    if value is pd.NA:
        return None
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: plain(getattr(value, name)) for name in names if name not in PIXELS}
    raise TypeError(f"{type(value).__name__} has no place in report.json")


def _by_variant(intervals: Intervals) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for (name, metric), ends in intervals.items():
        found.setdefault(name, {})[metric] = list(ends)
    return found


def _run(run: RunEvidence) -> dict[str, Any]:
    return {
        "variant": run.variant,
        "seed": run.seed,
        "state": run.state or "finished",
        "epoch_kept": run.best_epoch,
        "epochs": len(run.history),
        "metrics": plain(run.metrics),
    }


def _baseline(one: BaselineEvidence) -> dict[str, Any]:
    return {"missing": one.missing, "features": one.features, "metrics": plain(one.metrics)}
