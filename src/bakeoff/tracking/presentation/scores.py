"""The scores of a metrics.json as MLflow metrics, in the sections of its charts.

A slash makes a section: `epoch/` has the curves, `test/` and `val/` the final scores, `test/auroc/` those of
each class or finding; intervals and deviations are apart, in `test_interval/` and `test_sd/`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from bakeoff.errors import TrackingError
from bakeoff.files import read_json
from bakeoff.tracking.presentation.metric_names import parts_for

OF_THE_SPLIT = ("n", "patients", "prevalence")  # not scores of a model

MOST = 100
"""Classes that have metrics of their own: MLflow reads all of a run's with it; metrics.json has the rest."""

FINAL = 0
"""The step of a score that belongs to no epoch."""


def read_scores(file: Path) -> dict[str, float]:
    """Every figure of `metrics.json` that is defined, by split, and the ends of its interval."""
    scores: dict[str, float] = {}
    try:
        content: Mapping[str, Any] = read_json(file)
        for split in ("val", "test"):
            figures = content.get(split, {})
            scores |= dict(_figures(split, figures))
            classes = figures.get("classes", {})
            if len(classes) <= MOST:
                for name, part in parts_for(classes).items():
                    scores |= dict(_figures(split, classes[name], f"/{part}"))
        scores |= dict(_thresholds(content.get("threshold") or {}))
    except (ValueError, TypeError, AttributeError) as error:
        raise TrackingError(
            f"{file}: not the metrics of a run ({error}). Delete it and evaluate again."
        ) from None
    return scores


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


def _figures(split: str, figures: Mapping[str, Any], of: str = "") -> Iterator[tuple[str, float]]:
    """The numbers among `figures` and the ends of their intervals; `of` is the end of their names."""
    for name, value in figures.items():
        if _is_number(value) and name not in OF_THE_SPLIT:
            yield f"{split}/{name}{of}", float(value)
    for name, interval in figures.get("intervals", {}).items():
        if interval is not None:
            low, high = interval
            yield f"{split}_interval/{name}_low{of}", low
            yield f"{split}_interval/{name}_high{of}", high


def _thresholds(threshold: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The one threshold, or that of each finding."""
    if _is_number(threshold.get("value")):
        yield "val/threshold", float(threshold["value"])
    several = threshold.get("values", {})
    if len(several) <= MOST:
        for name, part in parts_for(several).items():
            yield f"val/threshold/{part}", float(several[name])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
