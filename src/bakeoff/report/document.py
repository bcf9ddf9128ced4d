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
from bakeoff.files import write_json, write_text
from bakeoff.plotting import inline_svg
from bakeoff.report import cost_plot, dates, dot_plot, each_plot, learning_curves, numbers, roc
from bakeoff.report.audit_table import audit_table
from bakeoff.report.calibration import Calibration, calibration
from bakeoff.report.calibration_plot import draw_reliability
from bakeoff.report.calls import calls
from bakeoff.report.comparison_table import comparison_table
from bakeoff.report.confusion import confusion
from bakeoff.report.cost import CostTable, cost_table
from bakeoff.report.diagnostics import diagnose
from bakeoff.report.each_class import EachClass, each_class
from bakeoff.report.efficiency import efficiency_table
from bakeoff.report.evidence import Evidence, read_evidence
from bakeoff.report.front import Panel
from bakeoff.report.hard_cases import show_hard_cases
from bakeoff.report.looks_at_test import looks_at_test
from bakeoff.report.machine_readable import as_json
from bakeoff.report.model_card import NONE, model_card
from bakeoff.report.origin import trace
from bakeoff.report.pictures import collect_pictures
from bakeoff.report.reading import part
from bakeoff.report.resolution import resolution
from bakeoff.report.rounds import rounds
from bakeoff.report.samples import choose_samples
from bakeoff.report.standings import finished_rows
from bakeoff.report.subgroup_plot import draw_subgroups
from bakeoff.report.subgroups import Subgroups, subgroups
from bakeoff.report.tracked import Tracked
from bakeoff.report.verdict import judge
from bakeoff.tracking.presentation.reproduction import recipe

WIDTHS = {"wide": dot_plot.WIDE, "narrow": dot_plot.NARROW}
"""Inches of a drawing by the class that it has in the page, which shows one of them."""

CARD = "model_card.md"
"""The model card beside the report."""

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
    most_seeds: int | None = None,
) -> None:
    """Write the report on a results folder to `out`, and for programs the same with the suffix .json.

    The same arguments give the same bytes.

    `expected` names every variant with its seeds; `command` reproduces the results in a checkout
    of the runs' commit; `planned` has each variant's configuration, in the format of run.json, for runs
    without one; `written` is the time to print; `metric` is what variants are to be compared by, where
    no comparison.csv says it; `by` is what makes subgroups, None for the usual; `most_seeds` is
    compare.max_seeds where rounds add seeds. The report names whatever is missing or damaged.
    """
    evidence = read_evidence(results, expected, planned, metric)
    contents = sections(evidence, command, written, by, most_seeds)
    write_text(out, _render(evidence, contents, mlflow))
    write_json(out.with_suffix(".json"), as_json(evidence, contents))
    write_text(out.with_name(CARD), render_card(evidence, contents))


def render(
    evidence: Evidence,
    command: str = "",
    *,
    written: datetime | None = None,
    mlflow: Tracked | None = None,
    by: Sequence[Subgroup] | None = None,
) -> str:
    """The report as HTML."""
    return _render(evidence, sections(evidence, command, written, by), mlflow)


def sections(
    evidence: Evidence,
    command: str = "",
    written: datetime | None = None,
    by: Sequence[Subgroup] | None = None,
    most_seeds: int | None = None,
) -> dict[str, Any]:
    """What the page shows but for its drawings, by the names that its templates have, and report.json.

    What is read on the way and cannot be is listed in `evidence.unread`.
    """
    cost = cost_table(evidence)
    return {
        "written": dates.in_words(written) if written else "",
        "trained": dates.trained(run.record for run in evidence.runs),
        "verdict": judge(evidence),
        "diagnostics": diagnose(evidence),
        "conclusion": evidence.conclusion,
        "could": resolution(evidence),
        "comparison": comparison_table(evidence),
        "each": each_class(evidence),
        "confusion": confusion(evidence),
        "calls": calls(evidence),
        "calibration": calibration(evidence),
        "subgroups": subgroups(evidence, by),
        "hard": show_hard_cases(evidence),
        "cost": cost,
        "adaptive": rounds(evidence, cost, most_seeds),
        "efficiency": efficiency_table(evidence),
        "looked": looks_at_test(evidence),
        "split_audit": audit_table(evidence.audit, evidence.task, evidence.group),
        "samples": choose_samples(evidence),
        "looks": collect_pictures(evidence),
        "missing": [run for run in evidence.runs if not run.finished],
        "origin": trace(evidence),
        "again": recipe(command, [part(run.record, "provenance") for run in evidence.runs]),
    }


def render_card(evidence: Evidence, contents: Mapping[str, Any]) -> str:
    """The model card in Markdown, also where there is no conclusion."""
    card = model_card(evidence, contents)
    if card is None:
        return NONE
    environment = _environment(autoescape=False)
    return environment.get_template("model_card.md.j2").render(
        contents,
        card=card,
        evidence=evidence,
        words=evidence.words,
        audit=contents["split_audit"] or {"splits": [], "facts": []},
    )


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("bakeoff.report", "page"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["n"] = numbers
    return environment


def _render(evidence: Evidence, contents: Mapping[str, Any], mlflow: Tracked | None) -> str:
    environment = _environment(autoescape=True)
    # Our own files: the only text that is not escaped.
    style, sorting = (Markup(_resource(f"page/{name}")) for name in ("report.css", "sort.js"))
    return environment.get_template("report.html.j2").render(
        contents,
        style=style,
        sorting=sorting,
        evidence=evidence,
        pairs=evidence.conclusion.pairs if evidence.conclusion else (),
        dots=_dot_plots(evidence),
        curves=_learning_curves(evidence),
        each_plots=_each_plots(evidence, contents["each"]),
        rocs=_rocs(evidence),
        audit=contents["split_audit"],
        cost_plots=_cost_plots(evidence, contents["cost"]),
        calibration_plots=_reliability_diagrams(contents["calibration"]),
        subgroup_plots=_subgroup_plots(evidence, contents["subgroups"]),
        task=evidence.task,
        words=evidence.words,
        CHOSEN=CHOSEN,
        epochs_kept=_epochs_kept(evidence),
        each_drawn=each_plot.MOST,
        metric=evidence.metric,
        group=evidence.group,
        unit=evidence.unit,
        drawn_baselines=_drawn_baselines(evidence),
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


def _cost_plots(evidence: Evidence, cost: CostTable) -> list[tuple[Panel, list[Markup]]]:
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
