"""Dot plots of the primary metric on test: every seed a dot, the mean with its interval, the differences."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.plotting import (
    ACCENT,
    BASELINE,
    INK,
    MUTED,
    PAPER,
    new_figure,
    quiet_note,
    shortened,
    style,
    tip,
)
from bakeoff.report.evidence import Evidence
from bakeoff.report.standings import finished_rows
from bakeoff.task.classification import Metric

WIDE, NARROW = 5.2, 3.6  # inches: for a column of a page, and for a telephone
ROW, MARGIN = 0.5, 1.05
LONGEST = {WIDE: 40, NARROW: 25}  # characters of a name that leave room for the figures beside it
NAME, SEED = -0.33, 0.19  # from a row's own height to its name above it and the seeds' dots below
PAIR = (0.0, 0.26)  # the two differences of a row
LINES = {"metadata": ((0, (4, 2)), 3), "majority": ((0, (1, 2)), 14)}
"""How a baseline's line is dashed, and how far above the panel its name stands."""


def draw_means(evidence: Evidence, width: float = WIDE) -> Figure:
    """A row per finished variant on the metric's scale, the baselines as vertical lines."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(width, _height(len(rows)))
        _draw_means(figure.subplots(), rows, evidence, LONGEST[width])
    return figure


def draw_gaps(evidence: Evidence, width: float = WIDE) -> Figure:
    """A row per finished variant: its difference to the leader and to the baseline, paired."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(width, _height(len(rows)))
        _draw_gaps(figure.subplots(), rows, evidence, LONGEST[width])
    return figure


def draw_both(evidence: Evidence) -> Figure:
    """Both plots side by side, for a file of its own."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(2 * WIDE, _height(len(rows)))
        left, right = figure.subplots(1, 2)
        _draw_means(left, rows, evidence, LONGEST[WIDE])
        _draw_gaps(right, rows, evidence, LONGEST[WIDE])
    return figure


def _height(rows: int) -> float:
    return ROW * max(1, rows) + MARGIN


def _draw_means(axes: Axes, rows: pd.DataFrame, evidence: Evidence, longest: int) -> None:
    metric = evidence.metric
    mean, low, high = (f"test_{metric.name}_{end}" for end in ("mean", "low", "high"))
    axes.set_xlabel(f"{metric} on test{metric.direction}")
    if not lay_out_rows(axes, list(rows.get("variant", ())), longest, _letters(evidence)):
        return
    lines = {name: evidence.baselines[name].figure_of(metric.name) for name in LINES}
    lines = {name: value for name, value in lines.items() if np.isfinite(value)}
    seeds = {
        row["variant"]: [
            (run.seed, run.figure_of("test", metric.name))
            for run in evidence.variants.get(row["variant"], [])
            if run.finished
        ]
        for row in rows.to_dict("records")
    }
    shown = [*rows[[low, mean, high]].to_numpy().ravel(), *lines.values()]
    shown += [value for each in seeds.values() for _, value in each]
    axes.set_xlim(*limits(metric, [value for value in shown if np.isfinite(value)]))
    for name, value in lines.items():
        _draw_line(axes, name, value)
    out = set(evidence.conclusion.worse) if evidence.conclusion else set()
    for y, row in enumerate(rows.to_dict("records")):
        worse = row["variant"] in out
        colour, fill = (MUTED, PAPER) if worse else (ACCENT, ACCENT)
        axes.plot([row[low], row[high]], [y, y], color=colour, lw=2.2, alpha=0.45, zorder=2)
        # A little below the line: the mean's diamond would hide seeds that agree.
        for seed, value in seeds[row["variant"]]:
            told = tip(f"{row['variant']}, seed {seed}: {value:.3f}")
            (dot,) = axes.plot(
                value, y + SEED, "o", ms=3.2, mfc=PAPER, mec=colour, mew=0.8, zorder=3
            )
            dot.set_gid(told)
        words = f"{row[mean]:.3f}"
        if np.isfinite(row[low]):
            words += f"  ({row[low]:.3f} to {row[high]:.3f})"
        (diamond,) = axes.plot(row[mean], y, "D", ms=5.0, mec=colour, mfc=fill, zorder=4)
        diamond.set_gid(tip(f"{row['variant']}: {words}"))
        label_row(axes, 1.0, y, words, "right", MUTED)


def limits(metric: Metric, values: Sequence[float]) -> tuple[float, float]:
    """An axis that holds the values: to 1 where that is perfect, with 0.5 to compare; else around them."""
    if metric.higher_is_better:
        left = min(0.5, *values) - 0.03
        return left, 1.0 + 0.03 * (1.0 - left)  # room for half of a mark at 1
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05
    return max(low - room, -0.03 * high), high + room


def _draw_line(axes: Axes, name: str, value: float) -> None:
    """A baseline; the labels are at two heights, since baselines are often almost the same."""
    dashes, height = LINES[name]
    axes.axvline(value, color=BASELINE, lw=1.1, ls=dashes, zorder=1)
    low, high = axes.get_xlim()
    across = (value - low) / (high - low)
    axes.annotate(
        f"{name} {value:.3f}",
        (value, 1),
        (0, height),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="left" if across < 0.2 else "right" if across > 0.8 else "center",
        color=BASELINE,
    )


def _draw_gaps(axes: Axes, rows: pd.DataFrame, evidence: Evidence, longest: int) -> None:
    metric = evidence.metric
    axes.set_xlabel(f"difference in {metric} on test, paired{metric.direction}")
    if not lay_out_rows(axes, list(rows.get("variant", ())), longest):
        return
    axes.axvline(0, color=INK, lw=0.9, zorder=1)
    gaps = (
        ("difference_to_best", "to the leader", ACCENT),
        ("difference_to_baseline", f"to {evidence.reference}", BASELINE),
    )
    for at, (column, words, colour) in enumerate(gaps):
        axes.annotate(
            words,
            (at, 1),
            (0, 3),
            xycoords="axes fraction",
            textcoords="offset points",
            ha=("left", "right")[at],
            color=colour,
        )
        for y, row in enumerate(rows.to_dict("records")):
            if not np.isfinite(row[column]):
                continue
            ends = [row[f"{column}_low"], row[f"{column}_high"]]
            axes.plot(ends, [y + PAIR[at]] * 2, color=colour, lw=2.0, alpha=0.45, zorder=2)
            axes.plot(row[column], y + PAIR[at], "Do"[at], ms=4.6, color=colour, zorder=3)
    if np.isnan(rows["difference_to_best"].iloc[0]):
        label_row(axes, 1.0, 0, "the leader on test", "right", MUTED)


def _letters(evidence: Evidence) -> dict[str, str]:
    """The letters of each variant, where they tell anything apart."""
    contenders = evidence.conclusion.contenders if evidence.conclusion else ()
    letters = {one.name: one.letters for one in contenders}
    return letters if len(set(letters.values())) > 1 else {}


def lay_out_rows(
    axes: Axes, names: Sequence[str], longest: int, behind: Mapping[str, str] | None = None
) -> bool:
    """Names above their rows, so that long ones have the whole width; False if there are none.

    `behind` is what stands behind a name.
    """
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if not names:
        quiet_note(axes, "no finished run")
        return False
    axes.set_ylim(len(names) - 0.55, -0.75)
    for y, name in enumerate(names):
        more = (behind or {}).get(name, "")
        text = shortened(str(name), longest - len(more)) + (f"  {more}" if more else "")
        label_row(axes, 0.0, y, text, "left", INK)
    return True


def label_row(axes: Axes, x: float, y: int, text: str, side: str, colour: str) -> None:
    """Write at one side above a row, as the fraction x of the panel."""
    axes.text(
        x,
        y + NAME,
        text,
        transform=axes.get_yaxis_transform(),
        ha=side,
        va="center",
        color=colour,
        in_layout=False,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},  # over the vertical lines
    )
