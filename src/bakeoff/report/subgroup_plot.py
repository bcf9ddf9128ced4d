"""A dot plot of the subgroups: a panel for each variant that is shown, a row for each subgroup."""

import numpy as np
from matplotlib.figure import Figure

from bakeoff.plotting import ACCENT, new_figure, style
from bakeoff.report.dot_plot import label_row, lay_out_rows, limits
from bakeoff.report.subgroups import Subgroups
from bakeoff.task.classification import Metric

ROW, FRAME = 0.38, 0.75  # inches
NAMED = {True: 40, False: 26}  # characters of a name, in a wide drawing and in a narrow one


def draw_subgroups(found: Subgroups, variant: str, metric: Metric, width: float) -> Figure:
    """The metric of a variant in every subgroup, with its 95 % intervals."""
    figures = found.figures[variant]
    with style():
        figure = new_figure(width, FRAME + ROW * len(figures))
        axes = figure.subplots()
        axes.set_xlabel(f"{metric} on test{metric.direction}")
        names = [f"{group.column}: {group.value}" for group in found.groups]
        lay_out_rows(axes, names, NAMED[width > 4])
        ends = [end for one in figures for end in (one.value, one.low, one.high)]
        known = [end for end in ends if np.isfinite(end)]
        if known:
            axes.set_xlim(*limits(metric, known))
        for y, one in enumerate(figures):
            if one.too_few:
                label_row(axes, 1.0, y, "too few", "right", ACCENT)
                continue
            if found.few[y] and not np.isfinite(one.low):
                label_row(axes, 1.0, y, found.few[y], "right", ACCENT)
            axes.plot([one.low, one.high], [y, y], color=ACCENT, lw=2.2, alpha=0.45, zorder=2)
            axes.plot(one.value, y, "D", ms=5.0, color=ACCENT, zorder=3)
    return figure
