"""Diagnostics of rankings: no better than guessing, perfect, or different on validation."""

import numpy as np

from bakeoff.evaluation import clustered
from bakeoff.report.diagnostics.diagnostic import Case, Diagnostic, worst_first
from bakeoff.report.dot_plot import finished_rows
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import figure, gap, gap_interval, known, listing


def guessing(evidence: Evidence) -> list[Diagnostic]:
    """Variants whose interval holds 0.5, and those that lie below it as a whole."""
    worse: list[Case] = []
    even: list[Case] = []
    for row in finished_rows(evidence).to_dict("records"):
        mean, low, high = (row[f"test_auroc_{end}"] for end in ("mean", "low", "high"))
        flat = mean == 0.5 and not known(low)  # constant scores: no resample moves them
        words = figure(mean) + ("" if flat else f", {figure(low)} to {figure(high)}")
        case = Case(row["variant"], 0.5 - mean, words)
        if known(high) and high < 0.5:
            worse.append(case)
        elif flat or (known(low) and low <= 0.5 <= high):
            even.append(case)
    diagnostics = []
    if worse:
        diagnostics.append(
            Diagnostic(
                f"The AUROC on test lies below 0.5 by more than chance: {worst_first(worse)}.",
                "Turned round, such a ranking would be of use: the two classes may be exchanged "
                "somewhere, or what was learnt points the other way on the test images.",
                "Check data.negative and data.positive, and whether validation is above 0.5.",
            )
        )
    if even:
        diagnostics.append(
            Diagnostic(
                f"Not told from guessing on test (AUROC, 95 % interval): {worst_first(even)}.",
                "Nothing was learnt that holds on new images, or the test set is too small to show it.",
                "See the learning curves: if train stays near 0.5, too, change the learning rate or the "
                "model; if train rises alone, it was learnt by heart: more images, augmentation, a "
                "smaller or a pretrained model.",
            )
        )
    return diagnostics


def perfect(evidence: Evidence) -> list[Diagnostic]:
    """Variants that rank every test image right."""
    rows = finished_rows(evidence)
    names = [
        str(row["variant"])
        for row in rows.to_dict("records")
        if figure(row["test_auroc_mean"]) == figure(1.0)
    ]
    if not names:
        return []
    images = next((len(run.test.labels) for run in evidence.runs if run.test is not None), 0)
    return [
        Diagnostic(
            f"{listing(names, 6)}: an AUROC of 1.000 on {images} test images.",
            "The task may be easy, the test set small, or something in the images may give the label "
            "away that has nothing to do with it: a marker, a border, the camera, near-identical "
            "images in train.",
            "Look at the split audit and at what the models look at; a test set from elsewhere would tell.",
        )
    ]


def validation_gap(evidence: Evidence) -> list[Diagnostic]:
    """Variants whose AUROC on validation and on test differ by more than chance, all of them counted."""
    done = list(evidence.finished())
    cases = []
    for name, runs in done:
        if (difference := _difference(runs)) is None:
            continue
        interval = difference.interval(among=len(done))
        if interval is None or interval.low <= 0 <= interval.high:
            continue
        val, test = (np.mean([run.figure_of(s, "auroc") for run in runs]) for s in ("val", "test"))
        words = (
            f"{figure(val)} against {figure(test)}: {gap(difference.value)}, "
            f"{gap_interval(*interval)}"
        )
        cases.append((difference.value, Case(name, abs(difference.value), words)))
    diagnostics = []
    if higher := [case for value, case in cases if value > 0]:
        diagnostics.append(
            Diagnostic(
                "AUROC on validation above that on test by more than chance (with an interval that "
                f"holds for all variants together): {worst_first(higher)}.",
                "The epoch was chosen on validation, which flatters it a little; so wide a gap says "
                "more: validation is more like train than test is, or test is harder.",
                "Believe test. Look into the split audit for near-identical images and for the shares "
                "of the classes, and split again with another split.seed to see whether it stays.",
            )
        )
    if lower := [case for value, case in cases if value < 0]:
        diagnostics.append(
            Diagnostic(
                "AUROC on test above that on validation by more than chance (with an interval that "
                f"holds for all variants together): {worst_first(lower)}.",
                "The test images are easier than the validation images, or some of them are known from "
                "train.",
                "Look into the split audit, and split again with another split.seed to see whether it "
                "stays.",
            )
        )
    return diagnostics


def _difference(runs: list[RunEvidence]) -> clustered.Estimate | None:
    """Mean AUROC on validation minus that on test; the two have different patients."""
    pairs = [(run.val, run.test) for run in runs]
    vals = [val for val, _ in pairs if val is not None]
    tests = [test for _, test in pairs if test is not None]
    if not vals or not len(vals) == len(tests) == len(runs):
        return None
    if len({len(one.labels) for one in vals}) > 1 or len({len(one.labels) for one in tests}) > 1:
        return None  # of another split: the comparison has refused them
    val, test = (
        clustered.auroc(split[0].labels, [one.scores for one in split], split[0].units)
        for split in (vals, tests)
    )
    by_seed = [run.figure_of("val", "auroc") - run.figure_of("test", "auroc") for run in runs]
    return val.minus(test).over_seeds(by_seed)
