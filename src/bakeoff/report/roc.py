"""ROC curves on test: every seed thin, their mean thick, the rest for context.

A panel per variant where one class is scored; else one per class or finding, against the rest, of the leader
on test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

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
from bakeoff.report.each_class import hardest, own
from bakeoff.report.evidence import BaselineEvidence, Evidence, RunEvidence
from bakeoff.report.numbers import figure as printed
from bakeoff.report.reading import part
from bakeoff.task.classification import OneVsRest
from bakeoff.task.roc import roc_curve

GRID = np.linspace(0, 1, 101)  # false positive rates at which seeds are averaged
FINE = np.linspace(0, 1, 401)  # those of a single curve with more corners
MOST_CONTEXT = 8  # with more variants, only the best is drawn behind each panel
MOST = 16  # classes or findings; the hardest of more
COLUMNS = 3

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """What one panel shows: a variant, and which of the scored classes or findings."""

    title: str
    variant: str
    scored: str


def panels(evidence: Evidence) -> list[Panel]:
    """The panels that there are curves for: the leader on test first, or the classes in their order."""
    done = dict(evidence.finished())
    scored = evidence.task.scored
    if len(scored) == 1:
        return [Panel(variant, variant, scored[0]) for variant in done]
    for variant, runs in done.items():
        names = hardest(evidence.best_run(runs), evidence.task, MOST)
        return [Panel(name, variant, name) for name in names]
    return []


def aurocs(panel: Panel, evidence: Evidence) -> list[float]:
    """The AUROC of each seed, NaN where it is not known."""
    return [
        value
        for run in evidence.variants[panel.variant]
        if run.finished
        for value in [_of_one(run, panel.scored, "auroc")]
    ]


def mean_curve(views: Sequence[OneVsRest] | Sequence[Predictions]) -> Curve:
    """Sensitivity at GRID, averaged over seeds (vertical averaging, Fawcett 2006): (101,)."""
    curves = []
    for view in views:
        false, true, _ = roc_curve(view.labels, view.scores)
        curves.append(np.interp(GRID, false, true))
    mean = np.mean(curves, axis=0)
    mean[0] = 0.0
    return np.asarray(mean)


def draw_panel(panel: Panel, evidence: Evidence) -> Figure:
    """One panel, 2.6 x 2.6 inches; the page has its title."""
    with style():
        figure = new_figure(2.6, 2.6)
        _draw(figure.subplots(), panel, evidence, mean_curves(evidence, panel.scored))
    return figure


def draw_all(evidence: Evidence) -> Figure:
    """Every panel in one figure."""
    shown = panels(evidence)
    means: dict[str, dict[str, Curve]] = {}
    rows = max(1, -(-len(shown) // COLUMNS))
    with style():
        figure = new_figure(2.6 * COLUMNS, 2.75 * rows)
        places = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for place in places[max(1, len(shown)) :]:
            place.set_axis_off()
        if not shown:
            quiet_note(places[0], "no finished run")
        for place, panel in zip(places, shown, strict=False):
            if panel.scored not in means:
                means[panel.scored] = mean_curves(evidence, panel.scored)
            _draw(place, panel, evidence, means[panel.scored])
            place.set_title(shortened(panel.title, 32))
    return figure


def mean_curves(evidence: Evidence, scored: str) -> dict[str, Curve]:
    """The mean curve of each variant that has a finished run, best first."""
    views = {name: _views(runs, scored) for name, runs in evidence.finished()}
    return {name: mean_curve(found) for name, found in views.items() if found}


def _draw(axes: Axes, panel: Panel, evidence: Evidence, means: Mapping[str, Curve]) -> None:
    behind = list(means) if len(means) <= MOST_CONTEXT else list(means)[:1]
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.6, ls=(0, (1, 3)))
    for other in behind:
        if other != panel.variant:
            axes.plot(GRID[::2], means[other][::2], color=CONTEXT, lw=0.9)
    _draw_baseline(axes, evidence.baselines.get("metadata"), panel.scored)
    runs = [run for run in evidence.variants[panel.variant] if run.finished]
    for run in runs:
        for view in _views([run], panel.scored):
            axes.plot(*_curve(view), color=ACCENT, lw=0.6, alpha=0.6)
            _draw_operating_point(axes, run, panel.scored)
    if panel.variant in means:
        axes.plot(GRID, means[panel.variant], color=ACCENT, lw=1.9)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    auroc = np.mean(aurocs(panel, evidence))
    words = f"AUROC {printed(auroc)}"
    if auroc < 0.5:  # the curve is where the words would be
        axes.text(0.03, 0.95, words, va="top", color=INK)
    else:
        axes.text(0.97, 0.05, words, ha="right", color=INK)


def _draw_baseline(axes: Axes, baseline: BaselineEvidence | None, scored: str) -> None:
    for view in _views([baseline], scored) if baseline else ():
        axes.plot(*_curve(view), color=BASELINE, lw=1.0, ls=(0, (4, 2)))


def _draw_operating_point(axes: Axes, run: RunEvidence, scored: str) -> None:
    """The point that the threshold chosen on validation gives on test, where there is one."""
    false, true = 1 - _of_one(run, scored, "specificity"), _of_one(run, scored, "sensitivity")
    if np.isfinite(false):
        axes.plot(false, true, "o", ms=4, mfc=PAPER, mec=ACCENT, mew=1.1)


def _of_one(run: RunEvidence, scored: str, metric: str) -> float:
    """A figure of one class or finding; where there are no several, the run's own."""
    return (
        own(run, scored, metric)
        if part(run.metrics, "test", "classes")
        else run.figure_of("test", metric)
    )


def _curve(view: OneVsRest) -> tuple[Curve, Curve]:
    """False positive rates and sensitivities; of many images not every corner, which nobody could see."""
    false, true, _ = roc_curve(view.labels, view.scores)
    return (false, true) if len(false) <= len(FINE) else (FINE, np.interp(FINE, false, true))


def _views(scorings: Sequence[RunEvidence | BaselineEvidence], scored: str) -> list[OneVsRest]:
    """One class or finding against the rest in each test, where it has both."""
    tests = [one.test for one in scorings if one.test is not None]
    return [
        view
        for test in tests
        for view in test.task.one_vs_rest(test.labels, test.scores)
        if view.name == scored and 0 < view.labels.sum() < len(view.labels)
    ]
