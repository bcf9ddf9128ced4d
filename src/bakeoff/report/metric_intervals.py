"""The intervals of the metrics beside the primary one: means over seeds, test patients and seeds sampled."""

import numpy as np

from bakeoff.evaluation.conclusion.joint_errors import joint_errors
from bakeoff.evaluation.intervals import Interval
from bakeoff.evaluation.metrics import metric_interval
from bakeoff.evaluation.seed_figures import PatientDraws, seed_figures
from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import known
from bakeoff.report.reading import dig
from bakeoff.task.classification import Metric

Intervals = dict[tuple[str, str], Interval]
"""By the name of a variant or baseline, and of a metric; what is not known is left out."""


def metric_intervals(evidence: Evidence, metrics: list[Metric]) -> Intervals:
    """Of every finished variant, by the draws that all share; of the baselines as they were evaluated."""
    found: Intervals = {}
    for name, baseline in evidence.baselines.items():
        for metric in metrics:
            match dig(baseline.metrics, "test", "intervals", metric.name):
                case [low, high] if known(low) and known(high):
                    found[name, metric.name] = Interval(float(low), float(high))
    tests = {name: evidence.tests_of(runs) for name, runs in evidence.finished()}
    tests = {name: own for name, own in tests.items() if own}
    if not tests:
        return found
    first = next(iter(tests.values()))[0][0]
    if any(not np.array_equal(one.units, first.units) for own in tests.values() for one, _ in own):
        return found  # of different images: `compare` says so
    draws = PatientDraws(first.units)
    for metric in metrics:
        figures = [seed_figures(name, own, metric, draws) for name, own in tests.items()]
        figures = [one for one in figures if np.isfinite(one.mean)]
        if not figures:
            continue
        errors = joint_errors(figures, first.unit_count)
        for at, one in enumerate(figures):
            ends = metric_interval(metric, one.mean, *errors.mean_error(at), first)
            if ends is not None:
                found[one.name, metric.name] = ends
    return found
