"""Learning curves: loss and a metric by epoch, every seed thin, their mean thick, the kept epoch marked."""

from collections.abc import Sequence
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
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.reading import dig
from bakeoff.task.classification import LAST, SELECTED

SPLITS = (("train", "train", TRAIN, "-"), ("val", "validation", VAL, (0, (4, 1.5))))
"""Column, name, colour and dash of each; the dash distinguishes them in a grey print."""
LINE = 10.0  # points between two words at the ends of curves


@dataclass(frozen=True)
class Panel:
    """What a panel shows: a column of history.csv, behind `train_` and `val_`, and its title."""

    column: str
    title: str
    higher_is_better: bool


LOSS = Panel("loss", "Loss", higher_is_better=False)


@dataclass(frozen=True)
class Range:
    """The panels, and the axis ranges that all variants share, so that panels can be compared by eye."""

    epochs: int
    loss: tuple[float, float]
    metric: tuple[float, float]
    panels: tuple[Panel, Panel]  # the loss and the metric


def common_range(evidence: Evidence) -> Range:
    """Ranges that hold the curves of most runs; losses far above the usual are cut off."""
    histories = [run.history for run in evidence.runs if len(run.history)]
    table = pd.concat(histories) if histories else pd.DataFrame()
    panel = metric_panel(evidence)
    values = _values(table, panel.column)
    low = min(0.5, values.min() - 0.02) if len(values) else 0.5
    own = (low, 1.0 + 0.04 * (1.0 - low))
    if not panel.higher_is_better:
        own = _loss_range(histories, panel.column)
    epochs = int(table["epoch"].max()) if len(table) else 1
    return Range(epochs, _loss_range(histories), own, (LOSS, panel))


def metric_panel(evidence: Evidence) -> Panel:
    """The primary metric, else what epochs were chosen by, else the ranking: what histories have of them.

    Where two metrics have one column, the later one says what it is: an epoch has no threshold yet.
    """
    task, metric = evidence.task, evidence.metric
    known = {column for run in evidence.runs for column in run.history.columns}
    chosen = [dig(run.record, "best", "criterion") for run in evidence.runs]
    names = [metric.name, *dict.fromkeys(name for name in chosen if isinstance(name, str))]
    for name in (*names, task.ranking.name):
        try:
            column, sign = task.selection(name)
        except ValueError:  # of another version
            continue
        if column in known and column not in (f"val_{LOSS.column}", SELECTED[LAST]):
            break
    else:
        column, sign = task.ranking.column, 1
    titles = [one.head for one in task.metrics if (one.column or f"val_{one.name}") == column]
    return Panel(column.removeprefix("val_"), titles[-1], sign > 0)


def own_loss_range(runs: Sequence[RunEvidence], within: Range) -> tuple[float, float] | None:
    """A range of the variant's own where most of its losses are above the common one; None otherwise.

    The loss of a sequence of findings is larger than a cross-entropy over two classes.
    """
    histories = [run.history for run in runs]
    losses = _values(pd.concat(histories), LOSS.column)
    if not len(losses) or float(np.median(losses)) <= within.loss[1]:
        return None
    return _loss_range(histories)


def _loss_range(
    histories: Sequence[pd.DataFrame], column: str = LOSS.column
) -> tuple[float, float]:
    """From 0 to three times the median loss of the run in the middle, the lower one of two."""
    runs = [losses for history in histories if len(losses := _values(history, column))]
    if not runs:
        return 0.0, 1.05
    medians = sorted(float(np.median(losses)) for losses in runs)
    top = min(max(losses.max() for losses in runs), 3 * medians[(len(medians) - 1) // 2])
    return 0.0, 1.05 * float(top)


def draw_variant(runs: Sequence[RunEvidence], within: Range) -> list[Figure]:
    """The panels of one variant, loss and metric, 2.3 x 2 inches each; the page has its name."""
    figures = []
    with style():
        for panel in within.panels:
            figure = new_figure(2.3, 2.0)
            axes = figure.subplots()
            axes.set_title(_draw_panel(axes, runs, within, panel), color=MUTED)
            figures.append(figure)
    return figures


def draw_all(evidence: Evidence) -> Figure:
    """Every variant in one figure, a row of two panels each."""
    variants, within = evidence.variants, common_range(evidence)
    with style():
        figure = new_figure(6.4, 2.1 * max(1, len(variants)))
        rows = figure.subplots(max(1, len(variants)), 2, squeeze=False)
        for panels, (name, runs) in zip(rows, variants.items(), strict=False):
            for axes, shown in zip(panels, within.panels, strict=True):
                axes.set_ylabel(_draw_panel(axes, runs, within, shown))
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


def _draw_panel(axes: Axes, runs: Sequence[RunEvidence], within: Range, panel: Panel) -> str:
    """Draw the curves of one panel; returns its title."""
    trained = [run for run in runs if len(run.history)]
    own = own_loss_range(trained, within) if trained and panel is LOSS else None
    axes.set_xlabel("epoch")
    last = max(2, within.epochs)
    axes.set_xlim(1 - 0.04 * (last - 1), last + 0.04 * (last - 1))
    axes.set_ylim(*(own or (within.loss if panel is LOSS else within.metric)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    if not trained:
        quiet_note(axes, "no finished epoch")
    ends = []
    for split, _, colour, dash in SPLITS:
        curves = [(run, f"{split}_{panel.column}") for run in trained]
        mean = _draw_curves(axes, curves, colour, dash)
        if len(mean):
            ends.append((split, colour, float(mean.index[-1]), float(mean.iloc[-1])))
    _label_ends(axes, ends)
    return f"{panel.title} (own axis)" if own else panel.title


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


def _values(table: pd.DataFrame, column: str) -> np.ndarray:
    columns = [f"{split}_{column}" for split, *_ in SPLITS if f"{split}_{column}" in table]
    values = table[columns].to_numpy(dtype=float).ravel() if columns else np.empty(0)
    return values[np.isfinite(values)]
