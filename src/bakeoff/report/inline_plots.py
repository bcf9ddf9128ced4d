"""The drawings of the page, each inline with the words that stand for it; most of them in two widths."""

from dataclasses import dataclass

from markupsafe import Markup

from bakeoff.plotting import inline_svg
from bakeoff.report import cost_plot, dot_plot, each_plot, learning_curves, numbers, roc
from bakeoff.report.calibration import Calibration
from bakeoff.report.calibration_plot import draw_reliability
from bakeoff.report.cost import CostTable
from bakeoff.report.each_class import EachClass
from bakeoff.report.evidence import Evidence
from bakeoff.report.front import Panel
from bakeoff.report.standings import finished_rows
from bakeoff.report.subgroup_plot import draw_subgroups
from bakeoff.report.subgroups import Subgroups

WIDTHS = {"wide": dot_plot.WIDE, "narrow": dot_plot.NARROW}
"""Inches of a drawing by the class that it has in the page, which shows one of them."""


@dataclass(frozen=True)
class Picture:
    """Inline figures of one variant."""

    variant: str
    svgs: list[Markup]


def dot_plots(evidence: Evidence) -> dict[str, list[Markup]]:
    """Means and gaps, each for a wide page and for a telephone: the page shows one of the two."""
    alts = {
        "means": _describe_means(evidence),
        "gaps": f"Paired differences in test {evidence.metric} to the leader and to {evidence.reference}; "
        "the numbers are in the comparison table.",
    }
    draw = {"means": dot_plot.draw_means, "gaps": dot_plot.draw_gaps}
    return {
        kind: [
            inline_svg(draw[kind](evidence, width), f"{kind}-{name}", alts[kind], name)
            for name, width in WIDTHS.items()
        ]
        for kind in draw
    }


def learning_curve_plots(evidence: Evidence) -> list[Picture]:
    """The curves of every variant with an epoch, a panel each."""
    within = learning_curves.common_range(evidence)
    pictures = []
    for at, (name, runs) in enumerate(evidence.variants.items()):
        if any(len(run.history) for run in runs):
            kept = numbers.listing([str(run.best_epoch or numbers.NOTHING) for run in runs])
            figures = learning_curves.draw_variant(runs, within)
            svgs = [
                inline_svg(
                    figure,
                    f"curves-{at}-{panel.column}",
                    f"{panel.title} of {name} by epoch on train and validation, "
                    f"{numbers.plural(len(runs), 'seed')}; epochs kept: {kept}.",
                )
                for figure, panel in zip(figures, within.panels, strict=True)
            ]
            pictures.append(Picture(name, svgs))
    return pictures


def roc_plots(evidence: Evidence) -> list[Picture]:
    """The ROC curves, a panel each."""
    pictures = []
    for at, panel in enumerate(roc.panels(evidence)):
        aurocs = ", ".join(numbers.figure(auroc) for auroc in roc.aurocs(panel, evidence))
        alt = f"ROC curves of {panel.title} on test; AUROC by seed: {aurocs}."
        svg = inline_svg(roc.draw_panel(panel, evidence), f"roc-{at}", alt)
        pictures.append(Picture(panel.title, [svg]))
    return pictures


def reliability_diagrams(found: Calibration | None) -> list[Picture]:
    """The reliability diagram of every variant."""
    pictures = []
    for at, variant in enumerate(found.variants if found else ()):
        points = ", ".join(
            f"{numbers.figure(point.score, 2)}: {numbers.figure(point.share, 2)}"
            for point in variant.points
        )
        alt = f"Reliability diagram of {variant.name} on test; share by mean score: {points}."
        svg = inline_svg(draw_reliability(variant), f"reliability-{at}", alt)
        pictures.append(Picture(variant.name, [svg]))
    return pictures


def subgroup_plots(evidence: Evidence, found: Subgroups) -> list[Picture]:
    """The subgroups of every variant, for a wide page and for a telephone."""
    pictures = []
    for at, (name, figures) in enumerate(found.figures.items()):
        told = ", ".join(
            f"{group.column} {group.value} {numbers.figure(own.value)}"
            for group, own in zip(found.groups, figures, strict=True)
        )
        alt = f"Test {evidence.metric} of {name} by subgroup, with 95 % intervals: {told}."
        svgs = [
            inline_svg(
                draw_subgroups(found, name, evidence.metric, width),
                f"groups-{at}-{kind}",
                alt,
                kind,
            )
            for kind, width in WIDTHS.items()
        ]
        pictures.append(Picture(name, svgs))
    return pictures


def each_plots(evidence: Evidence, each: EachClass | None) -> list[Markup]:
    """The plot of each class or finding, for a wide page and for a telephone."""
    if each is None:
        return []
    named = ", ".join(f"{row.name} {row.figures[0][0]}" for row in each.rows)
    alt = (
        f"Test AUROC of each {evidence.task.label_noun} in {each.run.variant}, seed {each.run.seed}, "
        f"with 95 % intervals, other variants behind: {named}."
    )
    return [
        inline_svg(each_plot.draw_each(evidence, width), f"each-{name}", alt, name)
        for name, width in WIDTHS.items()
    ]


def cost_plots(evidence: Evidence, cost: CostTable) -> list[tuple[Panel, list[Markup]]]:
    """The plot of each panel, for a wide page and for a telephone."""
    plots = []
    for at, panel in enumerate(cost.panels):
        against = cost_plot.AXES[panel.cost].format(panel.unit)
        named = numbers.listing([point.variant for point in panel.front])
        alt = (
            f"Test {evidence.metric} against {against} of {numbers.plural(len(panel.points), 'variant')}; "
            f"on the front, the cheapest first: {named}. The numbers are in the table of costs."
        )
        svgs = [
            inline_svg(
                cost_plot.draw_cost(panel, evidence.metric, width), f"cost-{at}-{name}", alt, name
            )
            for name, width in WIDTHS.items()
        ]
        plots.append((panel, svgs))
    return plots


def _describe_means(evidence: Evidence) -> str:
    metric, rows = evidence.metric, finished_rows(evidence)
    if rows.empty:
        return f"Test {metric} by variant: no variant has a result."
    means = zip(rows["variant"], rows[f"test_{metric.name}_mean"], strict=True)
    named = [f"{name} {numbers.figure(mean)}" for name, mean in means]
    return f"Test {metric} by variant, each seed a dot, with 95 % intervals: {', '.join(named)}."


def drawn_baselines(evidence: Evidence) -> str:
    """The legend of the vertical lines of the first plot."""
    lines = {"metadata": "Dashed", "majority": "Dotted"}
    return ", ".join(
        f"{line if at == 0 else line.lower()}: the {name} baseline"
        for at, (name, line) in enumerate(
            (name, line) for name, line in lines.items() if not evidence.baselines[name].missing
        )
    )
