"""A dot plot of each class or finding: the AUROC of the best run with its interval, all others behind."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bakeoff.plotting import ACCENT, BASELINE, CONTEXT, INK, MUTED, PAPER, new_figure, style
from bakeoff.report.dot_plot import LONGEST, MARGIN, SEED, WIDE, label_row, lay_out_rows, limits
from bakeoff.report.each_class import (
    hardest,
    mean_interval,
    mean_over_seeds,
    own,
    own_interval,
)
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.rare import rarities
from bakeoff.task.words import AUROC

ROW = 0.42  # inches
MOST = 30  # rows; the hardest of more


def draw_each(evidence: Evidence, width: float = WIDE) -> Figure:
    """A row per class or finding on the scale of AUROC, the hardest of very many, and one for their mean."""
    _, runs = next(evidence.finished())
    best = evidence.best_run(runs)
    names = hardest(best, evidence.task, MOST)
    with style():
        figure = new_figure(width, ROW * (len(names) + 1) + MARGIN)
        axes = figure.subplots()
        axes.set_xlabel(f"{AUROC} on test")
        every = len(hardest(best, evidence.task, len(evidence.task.scored)))
        rows = [*names, f"mean of {every}"]
        lay_out_rows(axes, rows, LONGEST[width])
        _draw(axes, evidence, best, names)
    return figure


def _draw(axes: Axes, evidence: Evidence, best: RunEvidence, names: list[str]) -> None:
    metadata = evidence.baselines["metadata"]
    macro = f"macro_{AUROC.name}"
    rare = rarities(best, evidence.task)
    shown = []
    for y, name in enumerate([*names, None]):
        value = best.figure_of("test", macro) if name is None else own(best, name)
        few = "" if name is None else rare.get(name, "")
        low, high = mean_interval(best) if name is None else own_interval(best, name)
        if few:
            low, high = np.nan, np.nan
        others, seeds = [], []
        for variant, runs in evidence.finished():
            figures = [
                run.figure_of("test", macro) if name is None else own(run, name) for run in runs
            ]
            if variant == best.variant:
                seeds = figures
            else:
                others.append(
                    float(np.mean(figures)) if name is None else mean_over_seeds(runs, name)
                )
        guess = metadata.figure_of(macro) if name is None else own(metadata, name)
        axes.plot(others, [y] * len(others), "o", ms=4.2, color=CONTEXT, zorder=2)
        axes.plot(guess, y, "|", ms=9, mew=1.4, color=BASELINE, zorder=2)
        axes.plot([low, high], [y, y], color=ACCENT, lw=2.2, alpha=0.45, zorder=3)
        axes.plot(
            seeds, [y + SEED] * len(seeds), "o", ms=3.2, mfc=PAPER, mec=ACCENT, mew=0.8, zorder=4
        )
        axes.plot(value, y, "D", ms=5.0, color=ACCENT, zorder=5)
        words = f"{value:.3f}"
        if few:
            words += f", {few}"
        elif np.isfinite(low):
            words += f"  ({low:.3f} to {high:.3f})"
        label_row(axes, 1.0, y, words, "right", MUTED)
        shown += [value, low, guess, *others, *seeds]
    axes.axhline(len(names) - 0.62, color=INK, lw=0.6)
    axes.set_xlim(*limits(AUROC, [value for value in shown if np.isfinite(value)]))
