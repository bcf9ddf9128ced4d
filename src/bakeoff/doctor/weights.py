"""Checks of the files that variants start from: whether they are weights of their models."""

from collections.abc import Iterator

from bakeoff.config.experiment import Experiment
from bakeoff.doctor.findings import Finding, ok, problem
from bakeoff.planning.weights_readiness import examine as examine_weights


def examine(experiment: Experiment | None) -> Iterator[Finding]:
    """All problems of these files; no finding where no variant has any."""
    if experiment is None or not experiment.weights():
        return
    wrong = examine_weights(experiment)
    for what in wrong:
        yield problem(what, "correct the variant, or name another file")
    if not wrong:
        there = {w.file for w in experiment.weights().values() if w.file.exists()}
        yield ok(f"weights: {len(there)} file(s) here, each of its model")
