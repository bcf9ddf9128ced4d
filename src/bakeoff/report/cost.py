"""What each variant costs beside how good it is, and which variants no other one beats in both.

Plain figures for the page's table and plots; a figure that is not known is None. Figures that depend on a
machine carry its name, and variants are set against each other only where that is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from bakeoff.layout import RunFolder
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.front import Panel, Point, front
from bakeoff.report.numbers import known, number
from bakeoff.report.reading import dig, read_object
from bakeoff.report.run_cost import RunCost, run_cost
from bakeoff.report.standings import finished_rows


@dataclass(frozen=True)
class VariantCost:
    """A variant with a finished run; figures are means over these unless they say otherwise."""

    variant: str
    quality: float | None  # the primary metric on test
    low: float | None
    high: float | None
    parameters: int | None
    trainable: int | None
    multiply_adds: int | None  # of one image
    not_counted: str  # why they are not known, where evaluation says it
    epoch_seconds: float | None  # median over epochs and runs
    hours: float | None  # GPU-hours or CPU-hours of a run
    total_hours: float | None  # of all runs of the variant, failed ones too
    unit: str  # "GPU" or "CPU"; "" where it is not known or not one
    trained_on: list[str]
    runs: int  # that have hours
    jobs: int  # that worked on these
    memory: float | None  # MB, the most of any run
    memory_of: str  # "GPU" or "process"
    images_per_second: float | None
    batch_size: int | None
    predicted_on: list[str]


@dataclass(frozen=True)
class CostTable:
    """The variants in the comparison's order, and the plots."""

    rows: list[VariantCost]
    panels: list[Panel]
    without_journal: int  # runs whose hours are those of history.csv
    unmeasured: list[str]  # variants of which evaluation measured nothing

    def on_front(self, variant: str, cost: str) -> bool:
        """Whether the variant is on the front of a panel with that cost."""
        return any(
            point.on_front
            for panel in self.panels
            if panel.cost == cost
            for point in panel.points
            if point.variant == variant
        )


def cost_table(evidence: Evidence) -> CostTable:
    """The costs of every variant with a finished run; what cannot be read is listed in `evidence.unread`."""
    rows, silent = [], 0
    for variant, runs in evidence.variants.items():
        costs = [run_cost(run, evidence.unread) for run in runs]
        silent += sum(cost.hours.seconds is not None and not cost.hours.jobs for cost in costs)
        if any(run.finished for run in runs):
            rows.append(_row(evidence, variant, runs, costs))
    unmeasured = [row.variant for row in rows if not row.predicted_on]
    return CostTable(rows, _panels(rows, evidence.metric.sign), silent, unmeasured)


def _row(
    evidence: Evidence, variant: str, runs: Sequence[RunEvidence], costs: Sequence[RunCost]
) -> VariantCost:
    finished = [(run, cost) for run, cost in zip(runs, costs, strict=True) if run.finished]
    counted = [cost.hours for cost in costs if cost.hours.seconds is not None]
    units = {one.unit for one in counted}
    one_unit = len(units) == 1 and "" not in units
    hours = [value for _, cost in finished if (value := cost.hours.value) is not None]
    total = [value for one in counted if (value := one.value) is not None]
    kinds = {cost.memory_of for cost in costs if cost.memory is not None}
    held = [cost.memory for cost in costs if cost.memory is not None]
    epochs = [float(s) for run, _ in finished for s in run.history.get("seconds", ()) if known(s)]
    applied = [_measured(run, evidence) for run, _ in finished]
    measured = [number(found.get("images_per_second")) for found in applied]
    rates = [rate for rate in measured if rate is not None]
    places = _distinct(_place(found) for found in applied if found)
    adds = {found.get("multiply_adds") for found in applied if found}
    count = adds.pop() if len(adds) == 1 else None
    quality, low, high = _quality(evidence, variant)
    record = next((run.record for run, _ in finished), {})
    return VariantCost(
        variant=variant,
        quality=quality,
        low=low,
        high=high,
        parameters=_whole(dig(record, "parameters", "total")),
        trainable=_whole(dig(record, "parameters", "trainable")),
        multiply_adds=_whole(count),
        not_counted=next((str(f["not_counted"]) for f in applied if f.get("not_counted")), ""),
        epoch_seconds=median(epochs) if epochs else None,
        hours=fmean(hours) if hours and one_unit else None,
        total_hours=sum(total) if total and one_unit else None,
        unit=units.pop() if one_unit else "",
        trained_on=_distinct(device for one in counted for device in one.devices),
        runs=len(counted),
        jobs=sum(one.jobs for one in counted),
        memory=max(held) if len(kinds) == 1 else None,
        memory_of=kinds.pop() if len(kinds) == 1 else "",
        # Of several machines there is no mean.
        images_per_second=fmean(rates) if rates and len(places) == 1 else None,
        batch_size=next((_whole(found.get("batch_size")) for found in applied if found), None),
        predicted_on=places,
    )


def _measured(run: RunEvidence, evidence: Evidence) -> dict[str, Any]:
    """The run's inference.json; empty where it is absent, or of other weights than run.json tells of."""
    found = read_object(RunFolder(run.folder).inference, evidence.unread)
    return found if found.get("digest") == run.record.get("digest") else {}


def _place(measured: dict[str, Any]) -> str:
    """Where evaluation ran: the GPU, or the processor with the threads that it used."""
    if measured.get("gpu"):
        return str(measured["gpu"])
    threads = measured.get("threads")
    return f"{measured.get('processor') or 'CPU'}, {threads} thread{'' if threads == 1 else 's'}"


def _quality(evidence: Evidence, variant: str) -> tuple[float | None, float | None, float | None]:
    rows, name = finished_rows(evidence), f"test_{evidence.metric.name}"
    for row in rows.to_dict("records"):
        if row["variant"] == variant:
            mean, low, high = (number(row.get(f"{name}_{end}")) for end in ("mean", "low", "high"))
            return mean, low, high
    return None, None, None


def _panels(rows: Sequence[VariantCost], sign: int) -> list[Panel]:
    """A plot for each cost and machine on which at least two variants have it."""
    panels = []
    for cost in ("multiply_adds", "hours", "seconds_per_image"):
        groups: dict[tuple[str, str], list[tuple[VariantCost, float]]] = {}
        for row in rows:
            value, unit, machine = _cost(row, cost)
            if value is not None and value > 0 and row.quality is not None and machine is not None:
                groups.setdefault((unit, machine), []).append((row, value))
        for (unit, machine), group in groups.items():
            if len(group) < 2:
                continue
            best = front([(value, row.quality or 0.0) for row, value in group], sign)
            points = [
                Point(row.variant, value, row.quality or 0.0, row.low, row.high, at in best)
                for at, (row, value) in enumerate(group)
            ]
            panels.append(Panel(cost, unit, machine, points))
    return panels


def _cost(row: VariantCost, cost: str) -> tuple[float | None, str, str | None]:
    """A cost of a variant, its unit, and the one machine that it is of: "" where none matters."""
    if cost == "multiply_adds":
        return row.multiply_adds, "", ""
    machines = row.trained_on if cost == "hours" else row.predicted_on
    machine = machines[0] if len(machines) == 1 else None
    if cost == "hours":
        return row.hours, row.unit, machine
    rate = row.images_per_second
    return (1 / rate if rate else None), "", machine


def _distinct(values: Any) -> list[str]:
    return list(dict.fromkeys(values))


def _whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)
