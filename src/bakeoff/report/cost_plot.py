"""The primary metric on test against a cost, on a scale of factors, with the front as a staircase."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from bakeoff.plotting import ACCENT, INK, MUTED, PAPER, new_figure, shortened, style
from bakeoff.report.dot_plot import WIDE
from bakeoff.report.front import Panel, Point
from bakeoff.task.classification import Metric

HEIGHT = 3.1  # inches
LONGEST = 22  # characters of a name
ROOM = 1.5  # the factor by which the scale goes beyond the dearest and the cheapest
PLACES = ((6, 6, "left"), (-6, 6, "right"), (6, -13, "left"), (-6, -13, "right"), (0, 11, "center"))
"""Where a name may stand by its mark, in points, the first that is free."""

AXES = {
    "multiply_adds": "multiply-adds per image",
    "hours": "{}-hours to train a run",
    "seconds_per_image": "milliseconds per image at inference",
}


def draw_cost(panel: Panel, metric: Metric, width: float = WIDE) -> Figure:
    """A mark for each variant, filled and named first on the front; names that find no room are left out."""
    with style():
        figure = new_figure(width, HEIGHT)
        axes = figure.subplots()
        axes.set_xlabel(f"{AXES[panel.cost].format(panel.unit)} (left is cheaper)")
        axes.set_ylabel(f"{metric} on test{metric.direction}")
        _scale(axes, panel)
        for point in panel.points:
            _draw(axes, point)
        stairs = panel.front
        edge = axes.get_xlim()[1]
        axes.step(
            [*(point.cost for point in stairs), edge],
            [*(point.quality for point in stairs), stairs[-1].quality],
            where="post",
            color=ACCENT,
            lw=1.1,
            ls=(0, (4, 2)),
            zorder=2,
        )
        _name(figure, axes, panel)
    return figure


def _scale(axes: Axes, panel: Panel) -> None:
    costs = [point.cost for point in panel.points]
    low, high = min(costs) / ROOM, max(costs) * ROOM
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    scale = 1000 if panel.cost == "seconds_per_image" else 1
    # Within a few factors of two and five, over more powers of ten alone.
    subs = (1.0, 2.0, 5.0) if high / low < 100 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(scale * value)))


def _tick(value: float) -> str:
    """2 G, 50 M, 500, 0.002: without mathematics, which the page's font has not."""
    for unit, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.999 * unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


def _draw(axes: Axes, point: Point) -> None:
    if point.low is not None and point.high is not None:
        ends = [point.low, point.high]
        axes.plot([point.cost] * 2, ends, color=MUTED, lw=1.4, alpha=0.35, zorder=1)
    filled = ACCENT if point.on_front else PAPER
    edge = ACCENT if point.on_front else MUTED
    mark, size = ("D", 5.4) if point.on_front else ("o", 4.6)
    axes.plot(point.cost, point.quality, mark, ms=size, mfc=filled, mec=edge, mew=0.9, zorder=4)


def _name(figure: Figure, axes: Axes, panel: Panel) -> None:
    """Write each name where it covers no mark and no other name."""
    figure.draw_without_rendering()
    within = axes.get_window_extent()
    half = 4.0 * figure.dpi / 72
    taken = []
    for point in panel.points:
        x, y = axes.transData.transform((point.cost, point.quality))
        taken.append(Bbox.from_extents(x - half, y - half, x + half, y + half))
    for point in sorted(panel.points, key=lambda point: not point.on_front):
        for right, up, side in PLACES:
            text = axes.annotate(
                shortened(point.variant, LONGEST),
                (point.cost, point.quality),
                (right, up),
                textcoords="offset points",
                ha=side,
                color=INK if point.on_front else MUTED,
                in_layout=False,
                zorder=3,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},  # over the lines
            )
            box = text.get_window_extent()
            inside = within.x0 <= box.x0 and box.x1 <= within.x1
            if inside and box.y0 >= within.y0 and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
