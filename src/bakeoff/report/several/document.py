"""The overview as one HTML file that opens offline, and as report.json, from overview.json."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.several.overview import Overview, read_overview
from bakeoff.files import write_json, write_text
from bakeoff.layout import Layout
from bakeoff.plotting import inline_svg
from bakeoff.report import dates
from bakeoff.report.inline_plots import WIDTHS
from bakeoff.report.machine_readable import FORMAT, plain
from bakeoff.report.numbers import figure
from bakeoff.report.page_environment import own_file, page_environment
from bakeoff.report.several.plot import draw, rows_of
from bakeoff.report.several.words import Words, in_words
from bakeoff.task.classification import Metric

SEVERAL = {"repeats": "repeat", "folds": "fold", "designs": "split"}
"""What one part is called on the page, by the key of `split` that there are several of."""


def write_overview_report(
    root: Path, name: str, metric: Metric, command: str, written: datetime | None = None
) -> None:
    """Write report.html and report.json of the overview in a results folder.

    `name` is the experiment's, `command` makes the results again. Raises EvaluationError where there is no
    overview.json to show, or it cannot be read.
    """
    layout = Layout(root)
    try:
        overview = read_overview(layout.overview)
    except FileNotFoundError:
        raise EvaluationError(
            f"{layout.overview}: is not there. Run `bakeoff compare` of the whole experiment first."
        ) from None
    except (OSError, ValidationError) as error:
        raise EvaluationError(
            f"{layout.overview}: cannot be read ({error}). Run `bakeoff compare` again."
        ) from None
    words = in_words(overview, metric)
    write_text(layout.report, _render(overview, words, name, metric, command, written))
    write_json(layout.report.with_suffix(".json"), _as_json(overview, words, name, command))


def _as_json(overview: Overview, words: Words, name: str, command: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "experiment": name,
        "headline": words.headline,
        "sentences": words.sentences,
        "reproduce": command,
        **plain(overview),
    }


def _render(
    overview: Overview,
    words: Words,
    name: str,
    metric: Metric,
    command: str,
    written: datetime | None,
) -> str:
    told = ", ".join(f"{row.name} {figure(row.mean)}" for row in rows_of(overview))
    plots = [
        inline_svg(
            draw(overview, metric, width),
            f"overview-{kind}",
            f"Test {metric} with 95 % intervals: {told}.",
            kind,
        )
        for kind, width in WIDTHS.items()
    ]
    return (
        page_environment(autoescape=True)
        .get_template("overview.html.j2")
        .render(
            name=name,
            overview=overview,
            words=words,
            metric=metric,
            command=command,
            written=dates.in_words(written) if written else "",
            plots=plots,
            one=SEVERAL[overview.several],
            names=_names(overview),
            figures={
                (part.name, each.name): each for part in overview.parts for each in part.figures
            },
            style=own_file("page/report.css"),
            sorting=own_file("page/sort.js"),
        )
    )


def _names(overview: Overview) -> Sequence[tuple[str, str]]:
    """Every competitor with its kind, the variants first."""
    found = dict.fromkeys((one.kind, one.name) for part in overview.parts for one in part.figures)
    return sorted(found, key=lambda one: one[0] != "variant")
