"""Learning curves: loss and AUROC by epoch, every seed thin, their mean thick, the kept epoch marked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bakeoff.plotting import (
    MUTED,
    PAPER,
    TRAIN,
    VAL,
    new_figure,
    quiet_note,
    shortened,
    style,
)
from bakeoff.report.evidence import RunEvidence

PANELS = (("loss", "Loss"), ("auc", "AUROC"))
SPLITS = (("train", "train", TRAIN, "-"), ("val", "validation", VAL, (0, (4, 1.5))))
"""Column, name, colour and dash of each; the dash distinguishes them in a grey print."""
LINE = 10.0  # points between two words at the ends of curves


@dataclass(frozen=True)
class Range:
    """The axis ranges that all variants share, so that panels can be compared by eye."""

    epochs: int
    loss: tuple[float, float]
    auc: tuple[float, float]


def common_range(runs: Iterable[RunEvidence]) -> Range:
    """Ranges that hold the curves of most runs; losses far above the usual are cut off."""
    histories = [run.history for run in runs if len(run.history)]
    table = pd.concat(histories) if histories else pd.DataFrame()
    aucs = _values(table, "auc")
    low = min(0.5, aucs.min() - 0.02) if len(aucs) else 0.5
    epochs = int(table["epoch"].max()) if len(table) else 1
    return Range(epochs, _loss_range(histories), (low, 1.0 + 0.04 * (1.0 - low)))


def own_loss_range(runs: Sequence[RunEvidence], within: Range) -> tuple[float, float] | None:
    """A range of the variant's own where most of its losses are above the common one; None otherwise.

    The loss of a sequence of findings is larger than a cross-entropy over two classes.
    """
    histories = [run.history for run in runs]
    losses = _values(pd.concat(histories), "loss")
    if not len(losses) or float(np.median(losses)) <= within.loss[1]:
        return None
    return _loss_range(histories)


def _loss_range(histories: Sequence[pd.DataFrame]) -> tuple[float, float]:
    """From 0 to three times the median loss of the run in the middle, the lower one of two."""
    runs = [losses for history in histories if len(losses := _values(history, "loss"))]
    if not runs:
        return 0.0, 1.05
    medians = sorted(float(np.median(losses)) for losses in runs)
    top = min(max(losses.max() for losses in runs), 3 * medians[(len(medians) - 1) // 2])
    return 0.0, 1.05 * float(top)


def draw_variant(runs: Sequence[RunEvidence], within: Range) -> list[Figure]:
    """The panels of one variant, loss and AUROC, 2.3 x 2 inches each; the page has its name."""
    figures = []
    with style():
        for metric, label in PANELS:
            figure = new_figure(2.3, 2.0)
            axes = figure.subplots()
            axes.set_title(_draw_panel(axes, runs, within, metric, label), color=MUTED)
            figures.append(figure)
    return figures


def draw_all(variants: Mapping[str, Sequence[RunEvidence]]) -> Figure:
    """Every variant in one figure, a row of two panels each."""
    within = common_range(run for runs in variants.values() for run in runs)
    with style():
        figure = new_figure(6.4, 2.1 * max(1, len(variants)))
        rows = figure.subplots(max(1, len(variants)), 2, squeeze=False)
        for panels, (name, runs) in zip(rows, variants.items(), strict=False):
            for axes, (metric, label) in zip(panels, PANELS, strict=True):
                axes.set_ylabel(_draw_panel(axes, runs, within, metric, label))
            panels[0].set_title(shortened(name, 64))
        if not variants:
            for panel in rows[0]:
                quiet_note(panel, "no variant")
        keys = [
            Line2D([], [], color=colour, ls=dash, lw=1.8, label=words)
            for _, words, colour, dash in SPLITS
        ]
        figure.legend(
            handles=keys, loc="outside upper right", ncols=2, frameon=False, labelcolor="linecolor"
        )
    return figure


def _draw_panel(
    axes: Axes, runs: Sequence[RunEvidence], within: Range, metric: str, label: str
) -> str:
    """Draw the curves of one metric; returns the panel's title."""
    trained = [run for run in runs if len(run.history)]
    own = own_loss_range(trained, within) if trained and metric == "loss" else None
    axes.set_xlabel("epoch")
    last = max(2, within.epochs)
    axes.set_xlim(1 - 0.04 * (last - 1), last + 0.04 * (last - 1))
    axes.set_ylim(*(own or (within.loss if metric == "loss" else within.auc)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    if not trained:
        quiet_note(axes, "no finished epoch")
    ends = []
    for split, _, colour, dash in SPLITS:
        curves = [(run, f"{split}_{metric}") for run in trained]
        mean = _draw_curves(axes, curves, colour, dash)
        if len(mean):
            ends.append((split, colour, float(mean.index[-1]), float(mean.iloc[-1])))
    _label_ends(axes, ends)
    return f"{label} (own axis)" if own else label


def _draw_curves(
    axes: Axes, curves: Sequence[tuple[RunEvidence, str]], colour: str, dash: Any
) -> pd.Series:
    """Every seed thin, the kept epochs as circles, the mean thick; returns the mean by epoch."""
    curves = [(run, column) for run, column in curves if column in run.history]
    if not curves:
        return pd.Series(dtype=float)
    for run, column in curves:
        axes.plot(
            run.history["epoch"], run.history[column], color=colour, ls=dash, lw=0.6, alpha=0.55
        )
    stacked = pd.concat(run.history.set_index("epoch")[column] for run, column in curves)
    mean = stacked.groupby(level=0).mean()
    axes.plot(mean.index, mean, color=colour, ls=dash, lw=1.8)
    for run, column in curves:
        if column.startswith("val_") and run.best_epoch is not None:
            kept = run.history[run.history["epoch"] == run.best_epoch]
            # Circles above the panel are left out.
            kept = kept[kept[column] <= axes.get_ylim()[1]]
            axes.plot(kept["epoch"], kept[column], "o", ms=4, mfc=PAPER, mec=colour, mew=1.1)
    known: pd.Series = mean.dropna()
    return known


def _label_ends(axes: Axes, ends: Sequence[tuple[str, str, float, float]]) -> None:
    """Write the split's name where its mean curve ends; names at one height are moved apart."""
    low, high = axes.get_ylim()
    rise = (high - low) / 105  # of one point: a panel is about 105 points high
    heights = [min(max(value, low), high) for *_, value in ends]
    if len(heights) == 2 and abs(heights[0] - heights[1]) < LINE * rise:
        middle = min(max(sum(heights) / 2, low + LINE / 2 * rise), high - LINE / 2 * rise)
        above = (0, 1) if heights[0] >= heights[1] else (1, 0)
        for index, side in zip(above, (1, -1), strict=True):
            heights[index] = middle + side * LINE / 2 * rise
    for (split, colour, epoch, _), height in zip(ends, heights, strict=True):
        axes.annotate(
            split,
            (epoch, height),
            (5, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )


def _values(table: pd.DataFrame, metric: str) -> np.ndarray:
    columns = [f"{split}_{metric}" for split, *_ in SPLITS if f"{split}_{metric}" in table]
    values = table[columns].to_numpy(dtype=float).ravel() if columns else np.empty(0)
    return values[np.isfinite(values)]
