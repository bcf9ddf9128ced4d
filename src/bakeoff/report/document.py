"""The report: one HTML file that opens offline, also of incomplete results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bakeoff.config.schema import Subgroup
from bakeoff.files import write_text
from bakeoff.plotting import inline_svg
from bakeoff.report import dates, dot_plot, each_plot, learning_curves, numbers, roc
from bakeoff.report.audit_table import audit_table
from bakeoff.report.calibration import Calibration, calibration
from bakeoff.report.calibration_plot import draw_reliability
from bakeoff.report.calls import calls
from bakeoff.report.comparison_table import comparison_table
from bakeoff.report.confusion import confusion
from bakeoff.report.diagnostics import diagnose
from bakeoff.report.each_class import EachClass, each_class
from bakeoff.report.efficiency import efficiency_table
from bakeoff.report.evidence import Evidence, read_evidence
from bakeoff.report.hard_cases import show_hard_cases
from bakeoff.report.origin import trace
from bakeoff.report.pictures import collect_pictures
from bakeoff.report.reading import part
from bakeoff.report.resolution import resolution
from bakeoff.report.samples import choose_samples
from bakeoff.report.standings import finished_rows
from bakeoff.report.subgroup_plot import draw_subgroups
from bakeoff.report.subgroups import Subgroups, subgroups
from bakeoff.report.tracked import Tracked
from bakeoff.report.verdict import judge
from bakeoff.tracking.presentation.reproduction import recipe

WIDTHS = {"wide": dot_plot.WIDE, "narrow": dot_plot.NARROW}
"""Inches of a drawing by the class that it has in the page, which shows one of them."""

CHOSEN = "chosen on validation"


@dataclass(frozen=True)
class Picture:
    """Inline figures of one variant."""

    variant: str
    svgs: list[Markup]


def write_report(
    results: Path,
    out: Path,
    expected: Sequence[tuple[str, Sequence[int]]],
    command: str = "",
    *,
    planned: Mapping[str, Mapping[str, Any]] | None = None,
    written: datetime | None = None,
    mlflow: Tracked | None = None,
    metric: str | None = None,
    by: Sequence[Subgroup] | None = None,
) -> None:
    """Write the report on a results folder to `out`; the same arguments give the same bytes.

    `expected` names every variant with its seeds; `command` reproduces the results in a checkout
    of the runs' commit; `planned` has each variant's configuration, in the format of run.json, for runs
    without one; `written` is the time to print; `metric` is what variants are to be compared by, where
    no comparison.csv says it; `by` is what makes subgroups, None for the usual. The report names
    whatever is missing or damaged.
    """
    evidence = read_evidence(results, expected, planned, metric)
    write_text(out, render(evidence, command, written=written, mlflow=mlflow, by=by))


def render(
    evidence: Evidence,
    command: str = "",
    *,
    written: datetime | None = None,
    mlflow: Tracked | None = None,
    by: Sequence[Subgroup] | None = None,
) -> str:
    """The report as HTML."""
    efficiency = efficiency_table(evidence)  # before what could not be read is printed
    each = each_class(evidence)
    calibrated = calibration(evidence)
    parts = subgroups(evidence, by)
    environment = Environment(
        loader=PackageLoader("bakeoff.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["n"] = numbers
    style = Markup(_resource("page/report.css"))  # our own file: the only text that is not escaped
    return environment.get_template("report.html.j2").render(
        style=style,
        evidence=evidence,
        verdict=judge(evidence),
        diagnostics=diagnose(evidence),
        conclusion=evidence.conclusion,
        pairs=evidence.conclusion.pairs if evidence.conclusion else (),
        could=resolution(evidence),
        comparison=comparison_table(evidence),
        dots=_dot_plots(evidence),
        curves=_learning_curves(evidence),
        each=each,
        each_plots=_each_plots(evidence, each),
        confusion=confusion(evidence),
        rocs=_rocs(evidence),
        calls=calls(evidence),
        calibration=calibrated,
        calibration_plots=_reliability_diagrams(calibrated),
        subgroups=parts,
        subgroup_plots=_subgroup_plots(evidence, parts),
        audit=audit_table(evidence.audit, evidence.task, evidence.group),
        samples=choose_samples(evidence),
        hard=show_hard_cases(evidence),
        looks=collect_pictures(evidence),
        efficiency=efficiency,
        missing=[run for run in evidence.runs if not run.finished],
        origin=trace(evidence),
        again=recipe(command, [part(run.record, "provenance") for run in evidence.runs]),
        task=evidence.task,
        words=evidence.words,
        CHOSEN=CHOSEN,
        epochs_kept=_epochs_kept(evidence),
        each_drawn=each_plot.MOST,
        metric=evidence.metric,
        group=evidence.group,
        unit=evidence.unit,
        drawn_baselines=_drawn_baselines(evidence),
        trained=dates.trained(run.record for run in evidence.runs),
        written=dates.in_words(written) if written else "",
        mlflow=mlflow,
    )


def _epochs_kept(evidence: Evidence) -> str:
    """Which epoch's weights runs kept, in a few words."""
    last = {run.kept_last for run in evidence.runs if run.best_epoch is not None}
    if last == {True}:
        return "that is the last"
    return f"{CHOSEN}, or the last (select_on: last)" if True in last else CHOSEN


def _dot_plots(evidence: Evidence) -> dict[str, list[Markup]]:
    """Means and gaps, each for a wide page and for a telephone: the page shows one of the two."""
    alts = {
        "means": _describe_means(evidence),
        "gaps": f"Paired differences in test {evidence.metric} to the best and to {evidence.reference}; "
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


def _learning_curves(evidence: Evidence) -> list[Picture]:
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


def _rocs(evidence: Evidence) -> list[Picture]:
    pictures = []
    for at, panel in enumerate(roc.panels(evidence)):
        aurocs = ", ".join(numbers.figure(auroc) for auroc in roc.aurocs(panel, evidence))
        alt = f"ROC curves of {panel.title} on test; AUROC by seed: {aurocs}."
        svg = inline_svg(roc.draw_panel(panel, evidence), f"roc-{at}", alt)
        pictures.append(Picture(panel.title, [svg]))
    return pictures


def _reliability_diagrams(found: Calibration | None) -> list[Picture]:
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


def _subgroup_plots(evidence: Evidence, found: Subgroups) -> list[Picture]:
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


def _each_plots(evidence: Evidence, each: EachClass | None) -> list[Markup]:
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


def _describe_means(evidence: Evidence) -> str:
    metric, rows = evidence.metric, finished_rows(evidence)
    if rows.empty:
        return f"Test {metric} by variant: no variant has a result."
    means = zip(rows["variant"], rows[f"test_{metric.name}_mean"], strict=True)
    named = [f"{name} {numbers.figure(mean)}" for name, mean in means]
    return f"Test {metric} by variant, each seed a dot, with 95 % intervals: {', '.join(named)}."


def _drawn_baselines(evidence: Evidence) -> str:
    """The legend of the vertical lines of the first plot."""
    lines = {"metadata": "Dashed", "majority": "Dotted"}
    return ", ".join(
        f"{line if at == 0 else line.lower()}: the {name} baseline"
        for at, (name, line) in enumerate(
            (name, line) for name, line in lines.items() if not evidence.baselines[name].missing
        )
    )


def _resource(name: str) -> str:
    return files("bakeoff.report").joinpath(name).read_text(encoding="utf-8")
