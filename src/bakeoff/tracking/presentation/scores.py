"""The scores of a metrics.json as MLflow metrics, in the sections of its charts.

A slash makes a section: `epoch/` has the curves, `test/` and `val/` the final scores; intervals and
deviations are apart, in `test_interval/` and `test_sd/`.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from bakeoff.errors import TrackingError
from bakeoff.files import read_json

OF_THE_SPLIT = ("n", "patients", "prevalence")  # not scores of a model

PRIMARY = "test/auroc"
"""The score by which variants are compared."""

FINAL = 0
"""The step of a score that belongs to no epoch."""


def read_scores(file: Path) -> dict[str, float]:
    """Every figure of `metrics.json`, by split, and the ends of its interval."""
    scores: dict[str, float] = {}
    try:
        content: Mapping[str, Any] = read_json(file)
        for split in ("val", "test"):
            figures = content.get(split, {})
            for name, value in figures.items():
                if _is_number(value) and name not in OF_THE_SPLIT:
                    scores[f"{split}/{name}"] = float(value)
            for name, interval in figures.get("intervals", {}).items():
                if interval is not None:
                    low, high = interval
                    scores[f"{split}_interval/{name}_low"] = low
                    scores[f"{split}_interval/{name}_high"] = high
        threshold = content.get("threshold", {}).get("value")
    except (ValueError, TypeError, AttributeError) as error:
        raise TrackingError(
            f"{file}: not the metrics of a run ({error}). Delete it and evaluate again."
        ) from None
    return scores | ({"val/threshold": float(threshold)} if _is_number(threshold) else {})


def over_seeds(seeds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each score that every seed has, and its standard deviation from two seeds on.

    Intervals are left out: that of a mean is not the mean of intervals; comparison.csv has it.
    """
    if not seeds:
        return {}
    summary: dict[str, float] = {"seeds": float(len(seeds))}
    for name in sorted(set.intersection(*(set(scores) for scores in seeds))):
        section, _, figure = name.partition("/")
        if section.endswith("_interval"):
            continue
        values = [scores[name] for scores in seeds]
        summary[name] = fmean(values)
        if len(values) > 1:
            summary[f"{section}_sd/{figure}"] = stdev(values)
    return summary


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
