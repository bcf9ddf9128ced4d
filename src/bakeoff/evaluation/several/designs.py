"""Designs of a split side by side: how much higher the same variants score under one than under another.

Where rows instead of patients are split, patients who are trained on are tested as well, and that difference
is what the leak was worth. The test sets of two designs share patients, who are drawn together, in both; the
seeds of each are drawn by themselves. Which patients a design happened to train on is not drawn: the
difference is that of these two splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.evaluation import intervals
from bakeoff.evaluation.conclusion.joint_errors import Figures, JointErrors, joint_errors
from bakeoff.evaluation.conclusion.known_errors import SeedPart, degrees_of_freedom
from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.seed_figures import PatientDraws, seed_figures
from bakeoff.evaluation.several.parts import Part
from bakeoff.task.classification import Metric
from bakeoff.task.measures import measures_of


@dataclass(frozen=True)
class Worth:
    """The figure of a variant under `design` minus that under `reference`, in the metric's own units.

    variant: None for the mean over all variants. low, high: None where they are not known.
    """

    design: str
    reference: str
    variant: str | None
    difference: float
    low: float | None
    high: float | None


def worths(parts: Sequence[Part], metric: Metric) -> list[Worth]:
    """Each design after the first against the first: the mean over variants, then every variant.

    Of the variants that have a finished run under both.
    """
    reference, *others = parts
    figures, patients = _figures(parts, metric)
    found = []
    for part in others:
        names = [name for name in figures[reference.name] if name in figures[part.name]]
        if not names:
            continue
        both = [figures[one.name][name] for one in (part, reference) for name in names]
        errors = joint_errors(both, patients)
        each = np.concatenate([np.eye(len(names)), -np.eye(len(names))], axis=1)
        weighed = [(None, each.mean(axis=0)), *zip(names, each, strict=True)]
        for name, contrast in weighed if len(names) > 1 else weighed[1:]:
            found.append(_worth(errors, contrast, part.name, reference.name, name))
    return found


def _worth(
    errors: JointErrors, contrast: Floats, design: str, reference: str, variant: str | None
) -> Worth:
    """Of the sum of figures (V,) weighed with `contrast` (V,)."""
    difference = float(contrast @ errors.means)
    if not errors.known:
        return Worth(design, reference, variant, difference, None, None)
    sampling = float((contrast @ errors.sampling).std(ddof=1))
    seeds = float(np.sqrt(contrast**2 @ errors.seed_errors))
    degrees = _degrees(errors, contrast, sampling)
    interval = intervals.difference_interval(difference, float(np.hypot(sampling, seeds)), degrees)
    low, high = (None, None) if interval is None else interval
    return Worth(design, reference, variant, difference, low, high)


def _degrees(errors: JointErrors, contrast: Floats, sampling: float) -> float:
    """Of the error of such a sum, whose part over images is `sampling`."""
    spread, used = errors.seeds, np.flatnonzero(contrast)
    weights = contrast[used] ** 2 / errors.counts[used]
    gross, images = weights * spread.gross[used], weights * spread.images[used]
    if spread.pooled:  # estimated once, for all of them
        gross, images = gross.sum(keepdims=True), images.sum(keepdims=True)
    parts = [
        SeedPart(gross[at : at + 1], images[at : at + 1], spread.degrees[used][at : at + 1])
        for at in range(len(gross))
    ]
    variance = np.array([sampling**2])
    return float(degrees_of_freedom(variance, errors.units, parts, between=not spread.pooled)[0])


def _figures(parts: Sequence[Part], metric: Metric) -> tuple[dict[str, dict[str, Figures]], int]:
    """The finished variants of each part, over draws of all their test patients; and how many those are."""
    tests = [part.test for part in parts]
    names = [np.asarray(test.unit_names) if test else np.array([], str) for test in tests]
    everybody = np.unique(np.concatenate(names))
    if not len(everybody):
        return {part.name: {} for part in parts}, 0
    draws = PatientDraws(np.arange(len(everybody)))
    found: dict[str, dict[str, Figures]] = {}
    for part, test, own in zip(parts, tests, names, strict=True):
        found[part.name] = {}
        if test is None:
            continue
        theirs = draws.of_images(np.searchsorted(everybody, own)[test.units])
        for variant in part.variants:
            runs = [
                (entry.test, measures_of(entry.test.task).thresholds_in(entry.metrics))
                for entry in variant.entries
            ]
            if runs and np.isfinite(part.by_seed(variant.name, metric)).all():
                name = f"{part.name}: {variant.name}"
                found[part.name][variant.name] = seed_figures(name, runs, metric, theirs)
    return found, len(everybody)
