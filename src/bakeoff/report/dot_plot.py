"""Dot plots of test AUROC: every seed a dot, the mean with its interval, and the differences."""

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
)
from bakeoff.report.evidence import Evidence

WIDE, NARROW = 5.2, 3.6  # inches: for a column of a page, and for a telephone
ROW, MARGIN = 0.5, 1.05
LONGEST = {WIDE: 40, NARROW: 25}  # characters of a name that leave room for the figures beside it
NAME, SEED = -0.33, 0.19  # from a row's own height to its name above it and the seeds' dots below
PAIR = (0.0, 0.26)  # the two differences of a row


def draw_aurocs(evidence: Evidence, width: float = WIDE) -> Figure:
    """A row per finished variant on the AUROC scale, the baselines as vertical lines."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(width, _height(len(rows)))
        _draw_aurocs(figure.subplots(), rows, evidence, LONGEST[width])
    return figure


def draw_gaps(evidence: Evidence, width: float = WIDE) -> Figure:
    """A row per finished variant: its difference to the best and to the baseline, paired."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(width, _height(len(rows)))
        _draw_gaps(figure.subplots(), rows, evidence.reference, LONGEST[width])
    return figure


def draw_both(evidence: Evidence) -> Figure:
    """Both plots side by side, for a file of its own."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(2 * WIDE, _height(len(rows)))
        left, right = figure.subplots(1, 2)
        _draw_aurocs(left, rows, evidence, LONGEST[WIDE])
        _draw_gaps(right, rows, evidence.reference, LONGEST[WIDE])
    return figure


def finished_rows(evidence: Evidence) -> pd.DataFrame:
    """The comparison's rows of variants with a finished run, best first."""
    table = evidence.comparison
    if table.empty:
        return table
    return table[(table["kind"] == "variant") & (table["seeds_finished"] > 0)]


def _height(rows: int) -> float:
    return ROW * max(1, rows) + MARGIN


def _draw_aurocs(axes: Axes, rows: pd.DataFrame, evidence: Evidence, longest: int) -> None:
    axes.set_xlabel("AUROC on test")
    if not _lay_out_rows(axes, rows, longest):
        return
    lines = {name: evidence.baselines[name].auroc for name in ("metadata", "majority")}
    lines = {name: auroc for name, auroc in lines.items() if np.isfinite(auroc)}
    seeds = {
        row["variant"]: [
            run.figure_of("test", "auroc")
            for run in evidence.variants.get(row["variant"], [])
            if run.finished
        ]
        for row in rows.to_dict("records")
    }
    lowest = [*rows["test_auroc_low"].dropna(), *rows["test_auroc_mean"], *lines.values()]
    lowest += [auroc for each in seeds.values() for auroc in each if np.isfinite(auroc)]
    left = min(0.5, *lowest) - 0.03
    axes.set_xlim(left, 1.0 + 0.03 * (1.0 - left))  # room for half of a mark at 1
    for name, auroc in lines.items():
        _draw_line(axes, name, auroc)
    for y, row in enumerate(rows.to_dict("records")):
        low, high = row["test_auroc_low"], row["test_auroc_high"]
        axes.plot([low, high], [y, y], color=ACCENT, lw=2.2, alpha=0.45, zorder=2)
        # A little below the line: the mean's diamond would hide seeds that agree.
        own = seeds[row["variant"]]
        axes.plot(own, [y + SEED] * len(own), "o", ms=3.2, mfc=PAPER, mec=ACCENT, mew=0.8, zorder=3)
        axes.plot(row["test_auroc_mean"], y, "D", ms=5.0, color=ACCENT, zorder=4)
        words = f"{row['test_auroc_mean']:.3f}"
        if np.isfinite(low):
            words += f"  ({low:.3f} to {high:.3f})"
        _label(axes, 1.0, y, words, "right", MUTED)


def _draw_line(axes: Axes, name: str, auroc: float) -> None:
    """A baseline; the labels are at two heights, since baselines are often almost the same."""
    dashes, height = {"metadata": ((0, (4, 2)), 3), "majority": ((0, (1, 2)), 14)}[name]
    axes.axvline(auroc, color=BASELINE, lw=1.1, ls=dashes, zorder=1)
    low, high = axes.get_xlim()
    across = (auroc - low) / (high - low)
    axes.annotate(
        f"{name} {auroc:.3f}",
        (auroc, 1),
        (0, height),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="left" if across < 0.2 else "right" if across > 0.8 else "center",
        color=BASELINE,
    )


def _draw_gaps(axes: Axes, rows: pd.DataFrame, reference: str, longest: int) -> None:
    axes.set_xlabel("difference in AUROC on test, paired")
    if not _lay_out_rows(axes, rows, longest):
        return
    axes.axvline(0, color=INK, lw=0.9, zorder=1)
    gaps = (
        ("difference_to_best", "to the best", ACCENT),
        ("difference_to_baseline", f"to {reference}", BASELINE),
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
        _label(axes, 1.0, 0, "the best", "right", MUTED)


def _lay_out_rows(axes: Axes, rows: pd.DataFrame, longest: int) -> bool:
    """Names above their rows, so that long ones have the whole width; False if there are none."""
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if rows.empty:
        quiet_note(axes, "no finished run")
        return False
    axes.set_ylim(len(rows) - 0.55, -0.75)
    for y, name in enumerate(rows["variant"]):
        _label(axes, 0.0, y, shortened(str(name), longest), "left", INK)
    return True


def _label(axes: Axes, x: float, y: int, text: str, side: str, colour: str) -> None:
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
