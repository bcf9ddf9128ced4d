"""ROC curves on test: a panel per variant, every seed thin, their mean thick, the rest for context."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from bakeoff.evaluation.predictions import Predictions
from bakeoff.plotting import (
    ACCENT,
    BASELINE,
    CONTEXT,
    INK,
    MUTED,
    PAPER,
    new_figure,
    quiet_note,
    shortened,
    style,
)
from bakeoff.report.evidence import BaselineEvidence, Evidence, RunEvidence

GRID = np.linspace(0, 1, 101)  # false positive rates at which seeds are averaged
MOST_CONTEXT = 8  # with more variants, only the best is drawn behind each panel
COLUMNS = 3

Curve = NDArray[np.float64]


def mean_curve(tests: Sequence[Predictions]) -> Curve:
    """Sensitivity at GRID, averaged over seeds (vertical averaging, Fawcett 2006): (101,)."""
    curves = []
    for test in tests:
        false, true, _ = roc_curve(test.labels, test.scores)
        curves.append(np.interp(GRID, false, true))
    mean = np.mean(curves, axis=0)
    mean[0] = 0.0
    return np.asarray(mean)


def draw_variant(name: str, evidence: Evidence) -> Figure:
    """The panel of one variant, 2.6 x 2.6 inches; the page has its name."""
    with style():
        figure = new_figure(2.6, 2.6)
        _draw_panel(figure.subplots(), name, evidence, mean_curves(evidence))
    return figure


def draw_all(evidence: Evidence) -> Figure:
    """Every finished variant in one figure."""
    means = mean_curves(evidence)
    rows = max(1, -(-len(means) // COLUMNS))
    with style():
        figure = new_figure(2.6 * COLUMNS, 2.75 * rows)
        panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for panel in panels[max(1, len(means)) :]:
            panel.set_axis_off()
        if not means:
            quiet_note(panels[0], "no finished run")
        for panel, name in zip(panels, means, strict=False):
            _draw_panel(panel, name, evidence, means)
            panel.set_title(shortened(name, 32))
    return figure


def mean_curves(evidence: Evidence) -> dict[str, Curve]:
    """The mean curve of each variant that has a finished run, best first."""
    return {name: mean_curve(_tests(runs)) for name, runs in evidence.finished()}


def _draw_panel(axes: Axes, name: str, evidence: Evidence, means: Mapping[str, Curve]) -> None:
    behind = list(means) if len(means) <= MOST_CONTEXT else list(means)[:1]
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.6, ls=(0, (1, 3)))
    for other in behind:
        if other != name:
            axes.plot(GRID[::2], means[other][::2], color=CONTEXT, lw=0.9)
    _draw_baseline(axes, evidence.baselines.get("metadata"))
    runs = [run for run in evidence.variants[name] if run.finished]
    for run, test in zip(runs, _tests(runs), strict=True):
        false, true, _ = roc_curve(test.labels, test.scores)
        axes.plot(false, true, color=ACCENT, lw=0.6, alpha=0.6)
        _draw_operating_point(axes, run)
    axes.plot(GRID, means[name], color=ACCENT, lw=1.9)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    auroc = np.mean([run.figure_of("test", "auroc") for run in runs])
    axes.text(0.97, 0.05, f"AUROC {auroc:.3f}", ha="right", color=INK)


def _draw_baseline(axes: Axes, baseline: BaselineEvidence | None) -> None:
    if baseline is None or baseline.test is None:
        return
    false, true, _ = roc_curve(baseline.test.labels, baseline.test.scores)
    axes.plot(false, true, color=BASELINE, lw=1.0, ls=(0, (4, 2)))


def _draw_operating_point(axes: Axes, run: RunEvidence) -> None:
    """The point that the threshold chosen on validation gives on test."""
    false = 1 - run.figure_of("test", "specificity")
    axes.plot(
        false, run.figure_of("test", "sensitivity"), "o", ms=4, mfc=PAPER, mec=ACCENT, mew=1.1
    )


def _tests(runs: Sequence[RunEvidence]) -> list[Predictions]:
    return [run.test for run in runs if run.test is not None]
