"""Checks of the table and the images: whether the configured split can be made of them."""

from collections.abc import Iterator

from bakeoff.config.experiment import Experiment
from bakeoff.data.readiness import examine as examine_data
from bakeoff.doctor.findings import Finding, ok, problem, warning

CORRECT = "correct the table, the folder, or `data` and `split` in the config"


def examine(experiment: Experiment | None) -> Iterator[Finding]:
    """All problems of the data at once; the last finding has the lines to write."""
    if experiment is None:
        return
    ready = examine_data(experiment)
    yield from (warning(what, "") for what in ready.warnings)
    if not ready.problems:
        yield ok(f"data: {ready.checked}")
        return
    *first, last = ready.problems
    for what in first:
        yield problem(what, "")
    yield Finding(
        "problem", last, "lines that would fit this table:" if ready.lines else CORRECT, ready.lines
    )
