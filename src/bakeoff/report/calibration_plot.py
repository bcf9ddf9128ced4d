"""Reliability diagrams: of each variant the share of positives by mean score, the diagonal beside it."""

import numpy as np
from matplotlib.figure import Figure

from bakeoff.plotting import ACCENT, MUTED, new_figure, style
from bakeoff.report.calibration import VariantCalibration

SIDE = 2.6  # inches


def draw_reliability(variant: VariantCalibration) -> Figure:
    """The curve of a variant; a bar is the 95 % interval of a bin's share."""
    with style():
        figure = new_figure(SIDE, SIDE)
        axes = figure.subplots()
        axes.set_aspect("equal")
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xticks([0, 0.5, 1])
        axes.set_yticks([0, 0.5, 1])
        axes.set_xlabel("mean score")
        axes.set_ylabel("share that is so")
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=1)
        for point in variant.points:
            if np.isfinite(point.low):
                ends = [point.low, point.high]
                axes.plot([point.score] * 2, ends, color=ACCENT, lw=2.2, alpha=0.45, zorder=2)
        scores = [point.score for point in variant.points]
        shares = [point.share for point in variant.points]
        axes.plot(scores, shares, "-o", color=ACCENT, lw=1.4, ms=3.6, zorder=3)
    return figure
