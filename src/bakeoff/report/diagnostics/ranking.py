"""Diagnostics of rankings: no better than guessing, perfect, or different on validation."""

from collections.abc import Iterator

import numpy as np

from bakeoff.evaluation import clustered
from bakeoff.evaluation.intervals import Floats
from bakeoff.evaluation.predictions import Predictions
from bakeoff.report.diagnostics.diagnostic import Case, Diagnostic, worst_first
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import figure, gap, gap_interval, known, listing
from bakeoff.report.standings import finished_rows
from bakeoff.task.classification import Metric
from bakeoff.task.measures import measures_of


def guessing(evidence: Evidence) -> list[Diagnostic]:
    """Variants whose interval holds what guessing reaches, and those that lie below it as a whole."""
    worse: list[Case] = []
    even: list[Case] = []
    metric, found = _against_chance(evidence)
    chance = metric.chance or 0.0
    for variant, mean, low, high in found:
        flat = mean == chance and not known(low)  # constant scores: no resample moves them
        words = figure(mean) + ("" if flat else f", {figure(low)} to {figure(high)}")
        case = Case(variant, chance - mean, words)
        if known(high) and high < chance:
            worse.append(case)
        elif flat or (known(low) and low <= chance <= high):
            even.append(case)
    task = evidence.task
    diagnostics = []
    if worse:
        which = f"the two {task.label_nouns}" if len(task.classes) == 2 else task.label_nouns
        diagnostics.append(
            Diagnostic(
                f"The {metric} on test lies below {chance:g} by more than chance: {worst_first(worse)}.",
                f"Turned round, such a ranking would be of use: {which} may be exchanged "
                "somewhere, or what was learnt points the other way on the test images.",
                f"Check {task.label_keys}, and whether validation is above {chance:g}.",
            )
        )
    if even:
        diagnostics.append(
            Diagnostic(
                f"Not told from guessing on test ({metric}, 95 % interval): {worst_first(even)}.",
                "Nothing was learnt that holds on new images, or the test set is too small to show it.",
                f"See the learning curves: if train stays near {chance:g}, too, change the learning rate "
                "or the model; if train rises alone, it was learnt by heart: more images, augmentation, a "
                "smaller or a pretrained model.",
            )
        )
    return diagnostics


def _against_chance(
    evidence: Evidence,
) -> tuple[Metric, Iterator[tuple[str, float, float, float]]]:
    """Every variant with a mean and its interval, of the primary metric where it is known what guessing has.

    Else of the ranking, whose interval is not in the comparison.
    """
    if evidence.metric.chance is not None:
        name = f"test_{evidence.metric.name}"
        return evidence.metric, (
            (str(row["variant"]), row[f"{name}_mean"], row[f"{name}_low"], row[f"{name}_high"])
            for row in finished_rows(evidence).to_dict("records")
        )
    return evidence.task.ranking, _rankings(evidence)


def _rankings(evidence: Evidence) -> Iterator[tuple[str, float, float, float]]:
    for variant, runs in evidence.finished():
        tests = [run.test for run in runs if run.test is not None]
        if not _alike(tests):
            continue
        by_seed = [run.figure_of("test", evidence.task.ranking.name) for run in runs]
        estimate = _ranking(tests).over_seeds(by_seed)
        low, high = estimate.share_interval() or (np.nan, np.nan)
        yield variant, estimate.value, low, high


def perfect(evidence: Evidence) -> list[Diagnostic]:
    """Variants without a fault on any test image."""
    metric, rows = evidence.metric, finished_rows(evidence)
    names = [
        str(row["variant"])
        for row in rows.to_dict("records")
        if figure(row[f"test_{metric.name}_mean"]) == figure(metric.ideal)
    ]
    if not names:
        return []
    images = next((len(run.test.labels) for run in evidence.runs if run.test is not None), 0)
    return [
        Diagnostic(
            f"{listing(names, 6)}: {metric.with_article} of {figure(metric.ideal)} on {images} test images.",
            "The task may be easy, the test set small, or something in the images may give the label "
            "away that has nothing to do with it: a marker, a border, the camera, near-identical "
            "images in train.",
            "Look at the split audit and at what the models look at; a test set from elsewhere would tell.",
        )
    ]


def validation_gap(evidence: Evidence) -> list[Diagnostic]:
    """Variants that are better on validation than on test, or worse, by more than chance, all counted."""
    done = list(evidence.finished())
    measured = [(name, _difference(runs, evidence)) for name, runs in done]
    cases = []
    for name, found in measured:
        if found is None:
            continue
        val, test, difference = found
        interval = difference.interval(among=len(done))
        if interval is None or interval.low <= 0 <= interval.high:
            continue
        words = (
            f"{figure(val)} against {figure(test)}: {gap(difference.value)}, "
            f"{gap_interval(*interval)}"
        )
        cases.append((difference.value, Case(name, abs(difference.value), words)))
    metric = _gap_metric(evidence)
    above = "above" if metric.higher_is_better else "below"
    diagnostics = []
    if flattered := [case for value, case in cases if metric.sign * value > 0]:
        diagnostics.append(
            Diagnostic(
                f"{metric.head} on validation {above} that on test by more than chance (with an interval "
                f"that holds for all variants together): {worst_first(flattered)}.",
                "The epoch was chosen on validation, which flatters it a little; so wide a gap says "
                "more: validation is more like train than test is, or test is harder.",
                "Believe test. Look into the split audit for near-identical images and for the shares "
                f"of the {evidence.task.label_nouns}, and split again with another split.seed to see whether "
                "it stays.",
            )
        )
    if easier := [case for value, case in cases if metric.sign * value < 0]:
        diagnostics.append(
            Diagnostic(
                f"{metric.head} on test {above} that on validation by more than chance (with an interval "
                f"that holds for all variants together): {worst_first(easier)}.",
                "The test images are easier than the validation images, or some of them are known from "
                "train.",
                "Look into the split audit, and split again with another split.seed to see whether it "
                "stays.",
            )
        )
    return diagnostics


def _gap_metric(evidence: Evidence) -> Metric:
    """The primary metric where it is a mean over images, else the ranking: both have influences."""
    for run in evidence.runs:
        if run.test is not None and _of_each(run, run.test, evidence.metric, evidence) is not None:
            return evidence.metric
    return evidence.task.ranking


def _difference(
    runs: list[RunEvidence], evidence: Evidence
) -> tuple[float, float, clustered.Estimate] | None:
    """The means on validation and on test, and their difference; the two have different patients."""
    metric = _gap_metric(evidence)
    pairs = [(run, run.val, run.test) for run in runs]
    vals = [(run, val) for run, val, _ in pairs if val is not None]
    tests = [(run, test) for run, _, test in pairs if test is not None]
    if not vals or not len(vals) == len(tests) == len(runs):
        return None
    if not (_alike([val for _, val in vals]) and _alike([test for _, test in tests])):
        return None  # of another split: the comparison has refused them
    val, test = (_estimate(split, metric, evidence) for split in (vals, tests))
    by_seed = [
        run.figure_of("val", metric.name) - run.figure_of("test", metric.name) for run in runs
    ]
    means = [
        float(np.mean([run.figure_of(s, metric.name) for run in runs])) for s in ("val", "test")
    ]
    return means[0], means[1], val.minus(test).over_seeds(by_seed)


def _estimate(
    scored: list[tuple[RunEvidence, Predictions]], metric: Metric, evidence: Evidence
) -> clustered.Estimate:
    each = [_of_each(run, split, metric, evidence) for run, split in scored]
    values = [value for value in each if value is not None]
    if len(values) < len(scored):
        return _ranking([split for _, split in scored])
    return clustered.mean(np.mean(values, axis=0), scored[0][1].units)


def _of_each(
    run: RunEvidence, split: Predictions, metric: Metric, evidence: Evidence
) -> Floats | None:
    measures, thresholds = measures_of(evidence.task), evidence.thresholds_of(run)
    return measures.of_each(metric.name, split.labels, split.scores, thresholds)


def _ranking(tests: list[Predictions]) -> clustered.Estimate:
    """The AUROC, or its mean over classes or findings, of several scorings of the same images."""
    views = zip(*(test.task.one_vs_rest(test.labels, test.scores) for test in tests), strict=True)
    rankings = [
        (seeds[0].labels, [view.scores for view in seeds])
        for seeds in views
        if 0 < seeds[0].labels.sum() < len(seeds[0].labels)
    ]
    return clustered.mean_auroc(rankings, tests[0].units)


def _alike(splits: list[Predictions]) -> bool:
    return len({len(split.labels) for split in splits}) == 1
