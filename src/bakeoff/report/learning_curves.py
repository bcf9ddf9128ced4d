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
    """Ranges that hold the curves of most runs; losses far above a usual run's leave the panel."""
    histories = [run.history for run in runs if len(run.history)]
    table = pd.concat(histories) if histories else pd.DataFrame()
    aucs = _values(table, "auc")
    low = min(0.5, aucs.min() - 0.02) if len(aucs) else 0.5
    epochs = int(table["epoch"].max()) if len(table) else 1
    return Range(epochs, _loss_range(histories), (low, 1.005))


def own_loss_range(runs: Sequence[RunEvidence], within: Range) -> tuple[float, float] | None:
    """A range of the variant's own where most of its losses lie above the common one; None otherwise.

    The likelihood of a sequence of findings is not of the size of a cross-entropy over two classes.
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
    own = own_loss_range(trained, within) if trained else None
    ranges = {"loss": own or within.loss, "auc": within.auc}
    for axes, (metric, label) in zip(panels, PANELS, strict=True):
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{label} (own axis)" if own and metric == "loss" else label)
        axes.set_xlim(1, max(2, within.epochs))
        axes.set_ylim(*ranges[metric])
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
            kept = kept[
                kept[column] <= axes.get_ylim()[1]
            ]  # a circle above the panel marks nothing
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
