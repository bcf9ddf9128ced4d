"""The plot of the overview: a row per variant over repeats or folds, or per variant and design."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from bakeoff.evaluation.several.overview import Overview
from bakeoff.plotting import ACCENT, MUTED, PAPER, VAL, new_figure, style, tip
from bakeoff.report.dot_plot import LONGEST, MARGIN, ROW, SEED, label_row, lay_out_rows, limits
from bakeoff.report.numbers import figure as number
from bakeoff.report.numbers import interval
from bakeoff.task.classification import Metric


@dataclass(frozen=True)
class Row:
    """A mean with its interval; `dots` are the figures by part that it is the mean of, with their names."""

    name: str
    mean: float
    low: float | None
    high: float | None
    dots: tuple[tuple[str, float], ...] = ()
    colour: str = ACCENT


def rows_of(overview: Overview) -> list[Row]:
    """The rows of the plot, from above."""
    if overview.resplits is not None:
        parts = [part.name for part in overview.parts]
        return [
            Row(
                one.name,
                one.mean,
                one.low,
                one.high,
                tuple(zip(parts, one.values, strict=True)),
                ACCENT if one.may_be_best else MUTED,
            )
            for one in overview.resplits.variants
        ]
    names = dict.fromkeys(
        one.name for part in overview.parts for one in part.figures if one.kind == "variant"
    )
    return [
        Row(f"{name}  {part.name}", one.mean, one.low, one.high, (), (ACCENT, VAL)[at > 0])
        for name in names
        for at, part in enumerate(overview.parts)
        for one in part.figures
        if one.name == name and one.kind == "variant" and one.mean is not None
    ]


def draw(overview: Overview, metric: Metric, width: float) -> Figure:
    """Every row a diamond with its 95 % interval, the figures of single repeats or folds as dots below."""
    rows = rows_of(overview)
    with style():
        drawing = new_figure(width, ROW * max(1, len(rows)) + MARGIN)
        axes = drawing.subplots()
        axes.set_xlabel(f"{metric} on test{metric.direction}")
        if not lay_out_rows(axes, [row.name for row in rows], LONGEST[width]):
            return drawing
        shown = [value for row in rows for value in (row.low, row.mean, row.high)]
        shown += [value for row in rows for _, value in row.dots]
        axes.set_xlim(*limits(metric, [value for value in shown if value is not None]))
        for y, row in enumerate(rows):
            if row.low is not None and row.high is not None:
                axes.plot(
                    [row.low, row.high], [y, y], color=row.colour, lw=2.2, alpha=0.45, zorder=2
                )
            for name, value in row.dots:
                (dot,) = axes.plot(
                    value, y + SEED, "o", ms=3.2, mfc=PAPER, mec=row.colour, mew=0.8, zorder=3
                )
                dot.set_gid(tip(f"{row.name}, {name}: {number(value)}"))
            words = number(row.mean)
            if between := interval(row.low, row.high):
                words += f"  ({between})"
            fill = PAPER if row.colour == MUTED else row.colour
            (diamond,) = axes.plot(row.mean, y, "D", ms=5.0, mec=row.colour, mfc=fill, zorder=4)
            diamond.set_gid(tip(f"{row.name}: {words}"))
            label_row(axes, 1.0, y, words, "right", MUTED)
    return drawing
