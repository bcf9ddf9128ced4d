"""The comparison as the report's table: formatted cells, a row per competitor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.evaluation.conclusion.conclusion import Contender
from bakeoff.report import numbers
from bakeoff.report.evidence import Evidence
from bakeoff.report.metric_intervals import Intervals, metric_intervals
from bakeoff.report.rare import rarity
from bakeoff.report.standings import finished_rows, tied_first
from bakeoff.task.classification import Metric


@dataclass(frozen=True)
class ComparisonTable:
    """Rows ready to print; `others` are the metrics beside the primary one, a cell each in `shares`."""

    rows: list[dict[str, Any]]
    metric: Metric
    others: list[Metric]
    intervals: Intervals  # of the others

    @property
    def ensembles(self) -> bool:
        """Whether any variant has several seeds that make an ensemble."""
        return any(row["ensemble"][0] != numbers.NOTHING for row in self.rows)

    @property
    def lower_is_better(self) -> str:
        """A sentence that names the columns of which that is so; empty where there are none."""
        lower = [one for one in (self.metric, *self.others) if not one.higher_is_better]
        words = [one.head if at == 0 else one.heading or one.title for at, one in enumerate(lower)]
        return f"{numbers.listing(words)}: lower is better." if words else ""


def comparison_table(evidence: Evidence) -> ComparisonTable:
    """Every row of comparison.csv; `leads` marks the best variants, several in a tie."""
    table, metric = evidence.comparison, evidence.metric
    others = [
        other
        for other in evidence.task.metrics
        if other.tabled and other != metric and _is_known(evidence, other)
    ]
    ranked = finished_rows(evidence)
    first = tied_first(ranked, metric) if len(ranked) else []
    told = {one.name: one for one in evidence.conclusion.contenders} if evidence.conclusion else {}
    intervals = metric_intervals(evidence, others)
    rare = {one.name: words for one in [metric, *others] if (words := rarity(evidence, one))}
    rows = [
        _row(row, metric, others, first, intervals, rare)
        | _told(told.get(row["variant"]) if row["kind"] == "variant" else None)
        for row in table.to_dict("records")
    ]
    return ComparisonTable(rows, metric, others, intervals)


def _is_known(evidence: Evidence, metric: Metric) -> bool:
    """Whether any row has the metric: an earlier version may not have known it."""
    column = f"test_{metric.name}_mean"
    return column in evidence.comparison and bool(evidence.comparison[column].notna().any())


def _row(
    row: dict[Any, Any],
    metric: Metric,
    others: Sequence[Metric],
    first: Sequence[str],
    intervals: Intervals,
    rare: Mapping[str, str],
) -> dict[str, Any]:
    finished, expected = int(row["seeds_finished"]), int(row["seeds_expected"])
    variant = row["kind"] == "variant"
    missing = row["missing"] if isinstance(row["missing"], str) else ""
    name = metric.name

    def told(figure: str, ends: str) -> str:
        low, high = row[f"{ends}_low"], row[f"{ends}_high"]
        return _few(row[figure], name, rare) or numbers.interval(low, high)

    return {
        "name": row["variant"],
        "kind": row["kind"],
        "leads": variant and row["variant"] in first,
        "finished": finished > 0,
        "seeds": (f"{finished} of {expected}" if finished < expected else str(expected))
        if variant
        else numbers.NOTHING,
        "missing": _missing(missing, variant),
        "primary": numbers.figure(row[f"test_{name}_mean"]),
        "interval": told(f"test_{name}_mean", f"test_{name}"),
        "spread": _spread(row[f"test_{name}_sd"]),
        "ensemble": (
            numbers.figure(row[f"test_{name}_ensemble"]),
            told(f"test_{name}_ensemble", f"test_{name}_ensemble"),
        ),
        "to_best": _gap(row, "difference_to_best"),
        "to_baseline": _gap(row, "difference_to_baseline"),
        "shares": [_share(row, other.name, intervals, rare) for other in others],
        "val": (numbers.figure(row[f"val_{name}_mean"]), _spread(row[f"val_{name}_sd"])),
        "parameters": numbers.count(row["parameters"]),
    }


def _told(one: Contender | None) -> dict[str, Any]:
    """What is concluded of a variant: whether it may be the best, its group, the places that it may have."""
    if one is None:
        return {"best": "", "letters": "", "places": ""}
    first, last = one.places
    places = f"{first}" if first == last else f"{first} to {last}"
    return {
        "best": "may be" if one.may_be_best else "worse",
        "letters": one.letters,
        "places": places,
    }


def _gap(row: dict[Any, Any], name: str) -> tuple[str, str]:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return numbers.gap(row[name]), numbers.gap_interval(low, high)


def _share(
    row: dict[Any, Any], name: str, intervals: Intervals, rare: Mapping[str, str]
) -> tuple[str, str, str]:
    ends = intervals.get((row["variant"], name))
    value = row[f"test_{name}_mean"]
    return (
        numbers.figure(value),
        _few(value, name, rare) or (numbers.interval(*ends) if ends else ""),
        _spread(row[f"test_{name}_sd"]),
    )


def _few(value: Any, name: str, rare: Mapping[str, str]) -> str:
    """Why a figure that is there has no interval, where too few are of a class."""
    return rare.get(name, "") if numbers.known(value) else ""


def _spread(deviation: Any) -> str:
    return f"± {numbers.figure(deviation)}" if numbers.known(deviation) else ""


def _missing(missing: str, variant: bool) -> str:
    if not variant or not missing:
        return missing
    return f"{'seeds' if ',' in missing else 'seed'} {missing} missing"
