"""Test AUROC at a glance: every seed a dot, the mean with its interval, and the gaps that matter."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.report.drawing import (
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

WIDTH, ROW, MARGIN = 5.2, 0.44, 1.05  # inches


def draw_aurocs(evidence: Evidence) -> Figure:
    """A row per finished variant on the AUROC scale, the baselines as vertical lines."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(WIDTH, _height(len(rows)))
        _draw_aurocs(figure.subplots(), rows, evidence)
    return figure


def draw_gaps(evidence: Evidence) -> Figure:
    """A row per finished variant: its difference to the best and to the baseline, paired."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(WIDTH, _height(len(rows)))
        _draw_gaps(figure.subplots(), rows, evidence.reference)
    return figure


def draw_both(evidence: Evidence) -> Figure:
    """Both plots side by side, for a file of its own."""
    rows = finished_rows(evidence)
    with style():
        figure = new_figure(2 * WIDTH, _height(len(rows)))
        left, right = figure.subplots(1, 2)
        _draw_aurocs(left, rows, evidence)
        _draw_gaps(right, rows, evidence.reference)
    return figure


def finished_rows(evidence: Evidence) -> pd.DataFrame:
    """The comparison's rows of variants with a finished run, best first."""
    table = evidence.comparison
    if table.empty:
        return table
    return table[(table["kind"] == "variant") & (table["seeds_finished"] > 0)]


def _height(rows: int) -> float:
    return ROW * max(1, rows) + MARGIN


def _draw_aurocs(axes: Axes, rows: pd.DataFrame, evidence: Evidence) -> None:
    axes.set_xlabel("AUROC on test")
    if not _lay_out_rows(axes, rows):
        return
    # The labels stand at two heights: the baselines are often almost the same.
    for name, dashes, height in (("metadata", (0, (4, 2)), 3), ("majority", (0, (1, 2)), 13)):
        if np.isfinite(auroc := evidence.baselines[name].auroc):
            axes.axvline(auroc, color=BASELINE, lw=1.1, ls=dashes, zorder=1)
            axes.annotate(
                f"{name} {auroc:.3f}",
                (auroc, 1),
                (0, height),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                color=BASELINE,
                fontsize=8,
            )
    for y, row in enumerate(rows.to_dict("records")):
        low, high = row["test_auroc_low"], row["test_auroc_high"]
        axes.plot([low, high], [y, y], color=ACCENT, lw=2.2, alpha=0.45, zorder=2)
        runs = [run for run in evidence.variants.get(row["variant"], []) if run.finished]
        seeds = [run.figure_of("test", "auroc") for run in runs]
        # A little below the line, or the mean's diamond would hide seeds that agree.
        axes.plot(
            seeds, [y + 0.19] * len(seeds), "o", ms=3.2, mfc=PAPER, mec=ACCENT, mew=0.8, zorder=3
        )
        axes.plot(row["test_auroc_mean"], y, "D", ms=5.0, color=ACCENT, zorder=4)
        words = f"{row['test_auroc_mean']:.3f}"
        if np.isfinite(low):
            words += f"  ({low:.3f} to {high:.3f})"
        _label(axes, 1.0, y, words, "right", MUTED)
    left = min(0.5, *rows["test_auroc_low"].dropna(), *rows["test_auroc_mean"])
    axes.set_xlim(left - 0.03, 1.0)


def _draw_gaps(axes: Axes, rows: pd.DataFrame, reference: str) -> None:
    axes.set_xlabel("difference in AUROC on test, paired")
    if not _lay_out_rows(axes, rows):
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
            fontsize=8,
        )
        shift = (at - 0.5) * 0.26
        for y, row in enumerate(rows.to_dict("records")):
            if not np.isfinite(row[column]):
                continue
            ends = [row[f"{column}_low"], row[f"{column}_high"]]
            axes.plot(ends, [y + shift] * 2, color=colour, lw=2.0, alpha=0.45, zorder=2)
            axes.plot(row[column], y + shift, "Do"[at], ms=4.6, color=colour, zorder=3)
    if np.isnan(rows["difference_to_best"].iloc[0]):
        _label(axes, 1.0, 0, "the best", "right", MUTED)


def _lay_out_rows(axes: Axes, rows: pd.DataFrame) -> bool:
    """Names above their rows, so that long ones have the whole width; False if there are none."""
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if rows.empty:
        quiet_note(axes, "no finished run")
        return False
    axes.set_ylim(len(rows) - 0.6, -0.75)
    for y, name in enumerate(rows["variant"]):
        _label(axes, 0.0, y, shortened(str(name), 40), "left", INK)
    return True


def _label(axes: Axes, x: float, y: int, text: str, side: str, colour: str) -> None:
    axes.text(
        x,
        y - 0.3,
        text,
        transform=axes.get_yaxis_transform(),
        ha=side,
        va="center",
        color=colour,
        in_layout=False,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},  # over the vertical lines
    )
