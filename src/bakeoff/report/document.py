"""The report: one HTML file that opens offline, also of incomplete results."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bakeoff.config.schema import Subgroup
from bakeoff.files import write_json, write_text
from bakeoff.report import dates, each_plot, inline_plots
from bakeoff.report.audit_table import audit_table
from bakeoff.report.calibration import calibration
from bakeoff.report.calls import calls
from bakeoff.report.comparison_table import comparison_table
from bakeoff.report.confusion import confusions
from bakeoff.report.cost import cost_table
from bakeoff.report.diagnostics import diagnose
from bakeoff.report.each_class import each_class
from bakeoff.report.efficiency import efficiency_table
from bakeoff.report.evidence import Evidence, read_evidence
from bakeoff.report.hard_cases import show_hard_cases
from bakeoff.report.looks_at_test import looks_at_test
from bakeoff.report.machine_readable import as_json
from bakeoff.report.model_card import NONE, model_card
from bakeoff.report.origin import trace
from bakeoff.report.page_environment import own_file, page_environment
from bakeoff.report.pictures import collect_pictures
from bakeoff.report.reading import part
from bakeoff.report.resolution import resolution
from bakeoff.report.rounds import rounds
from bakeoff.report.samples import choose_samples
from bakeoff.report.subgroups import subgroups
from bakeoff.report.tracked import Tracked
from bakeoff.report.verdict import judge
from bakeoff.tracking.presentation.reproduction import recipe

CARD = "model_card.md"
"""The model card beside the report."""

CHOSEN = "chosen on validation"


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
    name: str | None = None,
) -> None:
    """Write the report on a results folder to `out`, and for programs the same with the suffix .json.

    The same arguments give the same bytes.

    `expected` names every variant with its seeds; `command` reproduces the results in a checkout
    of the runs' commit; `planned` has each variant's configuration, in the format of run.json, for runs
    without one; `written` is the time to print; `metric` is what variants are to be compared by, where
    no comparison.csv says it; `by` is what makes subgroups, None for the usual; `most_seeds` is
    compare.max_seeds where rounds add seeds; `name` is the experiment's, by default the folder's.
    The report names whatever is missing or damaged.
    """
    evidence = read_evidence(results, expected, planned, metric)
    evidence = replace(evidence, name=name or evidence.name)
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
        "confusions": confusions(evidence),
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
    environment = page_environment(autoescape=False)
    return environment.get_template("model_card.md.j2").render(
        contents,
        card=card,
        evidence=evidence,
        words=evidence.words,
        audit=contents["split_audit"] or {"splits": [], "facts": []},
    )


def _render(evidence: Evidence, contents: Mapping[str, Any], mlflow: Tracked | None) -> str:
    environment = page_environment(autoescape=True)
    return environment.get_template("report.html.j2").render(
        contents,
        style=own_file("page/report.css"),
        sorting=own_file("page/sort.js"),
        evidence=evidence,
        pairs=evidence.conclusion.pairs if evidence.conclusion else (),
        dots=inline_plots.dot_plots(evidence),
        curves=inline_plots.learning_curve_plots(evidence),
        each_plots=inline_plots.each_plots(evidence, contents["each"]),
        rocs=inline_plots.roc_plots(evidence),
        audit=contents["split_audit"],
        cost_plots=inline_plots.cost_plots(evidence, contents["cost"]),
        calibration_plots=inline_plots.reliability_diagrams(contents["calibration"]),
        subgroup_plots=inline_plots.subgroup_plots(evidence, contents["subgroups"]),
        task=evidence.task,
        words=evidence.words,
        CHOSEN=CHOSEN,
        epochs_kept=_epochs_kept(evidence),
        each_drawn=each_plot.MOST,
        metric=evidence.metric,
        group=evidence.group,
        unit=evidence.unit,
        drawn_baselines=inline_plots.drawn_baselines(evidence),
        mlflow=mlflow,
    )


def _epochs_kept(evidence: Evidence) -> str:
    """Which epoch's weights runs kept, in a few words."""
    last = {run.kept_last for run in evidence.runs if run.best_epoch is not None}
    if last == {True}:
        return "that is the last"
    return f"{CHOSEN}, or the last (select_on: last)" if True in last else CHOSEN
