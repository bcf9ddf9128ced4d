"""Learning curves: loss and AUROC by epoch, every seed thin, their mean thick, the kept epoch marked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bakeoff.report.drawing import (
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
SPLITS = (("train", "train", TRAIN), ("val", "validation", VAL))


@dataclass(frozen=True)
class Range:
    """The axis ranges that all variants share, so that panels can be compared by eye."""

    epochs: int
    loss: tuple[float, float]
    auc: tuple[float, float]


def common_range(runs: Iterable[RunEvidence]) -> Range:
    """Ranges that hold the curves of all runs; losses far above the usual ones leave the panel."""
    histories = [run.history for run in runs if len(run.history)]
    table = pd.concat(histories) if histories else pd.DataFrame()
    losses, aucs = _values(table, "loss"), _values(table, "auc")
    top = min(losses.max(), 3 * float(np.median(losses))) if len(losses) else 1.0
    low = min(0.5, aucs.min() - 0.02) if len(aucs) else 0.5
    epochs = int(table["epoch"].max()) if len(table) else 1
    return Range(epochs, (0.0, 1.05 * top), (low, 1.005))


def draw_variant(name: str, runs: Sequence[RunEvidence], within: Range) -> Figure:
    """The two panels of one variant, 5.2 x 2.1 inches; the page says which colour is which."""
    with style():
        figure = new_figure(5.2, 2.1)
        _draw_panels(figure.subplots(1, 2), name, runs, within)
    return figure


def draw_all(variants: Mapping[str, Sequence[RunEvidence]]) -> Figure:
    """Every variant in one figure, a row of two panels each."""
    within = common_range(run for runs in variants.values() for run in runs)
    with style():
        figure = new_figure(6.4, 2.1 * max(1, len(variants)))
        rows = figure.subplots(max(1, len(variants)), 2, squeeze=False)
        for panels, (name, runs) in zip(rows, variants.items(), strict=False):
            _draw_panels(panels, name, runs, within)
        if not variants:
            for panel in rows[0]:
                quiet_note(panel, "no variant")
        keys = [Line2D([], [], color=colour, label=words) for _, words, colour in SPLITS]
        figure.legend(
            handles=keys, loc="outside upper right", ncols=2, frameon=False, labelcolor="linecolor"
        )
    return figure


def _draw_panels(
    panels: Sequence[Axes], name: str, runs: Sequence[RunEvidence], within: Range
) -> None:
    trained = [run for run in runs if len(run.history)]
    for axes, (metric, label) in zip(panels, PANELS, strict=True):
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.set_xlim(1, max(2, within.epochs))
        axes.set_ylim(*(within.loss if metric == "loss" else within.auc))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if not trained:
            quiet_note(axes, "no finished epoch")
        for split, _, colour in SPLITS:
            _draw_curves(axes, [(run, f"{split}_{metric}") for run in trained], colour)
    panels[0].set_title(shortened(name, 64))


def _draw_curves(axes: Axes, curves: Sequence[tuple[RunEvidence, str]], colour: str) -> None:
    curves = [(run, column) for run, column in curves if column in run.history]
    for run, column in curves:
        axes.plot(run.history["epoch"], run.history[column], color=colour, lw=0.6, alpha=0.55)
    if curves:
        stacked = pd.concat(run.history.set_index("epoch")[column] for run, column in curves)
        mean = stacked.groupby(level=0).mean()
        axes.plot(mean.index, mean, color=colour, lw=1.8)
    for run, column in curves:
        if column.startswith("val_") and run.best_epoch is not None:
            kept = run.history[run.history["epoch"] == run.best_epoch]
            axes.plot(
                kept["epoch"],
                kept[column],
                "o",
                ms=4,
                mfc=PAPER,
                mec=colour,
                mew=1.1,
                clip_on=False,
            )


def _values(table: pd.DataFrame, metric: str) -> np.ndarray:
    columns = [f"{split}_{metric}" for split, _, _ in SPLITS if f"{split}_{metric}" in table]
    values = table[columns].to_numpy(dtype=float).ravel() if columns else np.empty(0)
    return values[np.isfinite(values)]
