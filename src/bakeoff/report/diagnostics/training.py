"""Diagnostics of training: runs that diverged, best epochs at either end."""

import re
from collections.abc import Sequence

import numpy as np

from bakeoff.report.diagnostics.diagnostic import Case, Diagnostic, worst_first
from bakeoff.report.evidence import Evidence, RunEvidence
from bakeoff.report.numbers import figure

NOT_FINITE = re.compile(r"the loss is (nan|-?inf)|scores are not finite")
"""The errors of training that diverged, in the log of a failed run."""

RISEN = 1.2  # times its first epoch's: a training loss that ends above that has diverged


def diverged(evidence: Evidence) -> list[Diagnostic]:
    """Variants with runs whose loss ceased to be a number, or ended above where it began."""
    cases = []
    for name, runs in evidence.variants.items():
        found = {run.seed: words for run in runs if (words := _divergence(run))}
        if found:
            details = ", ".join(f"seed {seed}: {words}" for seed, words in found.items())
            lr = next((lr for run in runs if (lr := _learning_rate(run))), "")
            cases.append(Case(name, len(found) / len(runs), details + (f"; lr {lr}" if lr else "")))
    if not cases:
        return []
    return [
        Diagnostic(
            f"Runs that diverged: {worst_first(cases)}.",
            "Steps were too large for the model: what it knew at the start is lost.",
            "Lower training.lr, or set training.clip and training.warmup.",
        )
    ]


def _divergence(run: RunEvidence) -> str:
    """The sign that a run diverged, in words; empty if there is none."""
    if not run.finished and NOT_FINITE.search(run.log_tail):
        return "the loss is no number"
    losses = run.history.get("train_loss")
    if losses is None or len(losses) < 2:
        return ""
    if not np.isfinite(losses).all():
        return "the loss is no number"
    first, last = float(losses.iloc[0]), float(losses.iloc[-1])
    return (
        f"training loss {figure(first, 2)}, at the end {figure(last, 2)}"
        if last > RISEN * first
        else ""
    )


def _learning_rate(run: RunEvidence) -> str:
    training = run.config.get("training")
    value = training.get("lr") if isinstance(training, dict) else None
    return f"{value:g}" if isinstance(value, int | float) else ""


def best_epochs(evidence: Evidence) -> list[Diagnostic]:
    """Variants most of whose runs were best at the last epoch, or at the first."""
    last: list[Case] = []
    first: list[Case] = []
    for name, runs in evidence.finished():
        usable = [
            run
            for run in runs
            if run.best_epoch is not None and not run.kept_last and len(run.history) > 1
        ]
        if not usable:
            continue
        for cases, kept in (
            (last, [run for run in usable if run.best_epoch == run.history["epoch"].max()]),
            (first, [run for run in usable if run.best_epoch == run.history["epoch"].min()]),
        ):
            if 2 * len(kept) > len(usable):
                words = f"{_of(kept, usable)}, epoch {kept[0].best_epoch} of {len(kept[0].history)}"
                cases.append(Case(name, len(kept) / len(usable), words))
    diagnostics = []
    if last:
        diagnostics.append(
            Diagnostic(
                f"Best on validation at the last epoch: {worst_first(last)}.",
                "It was still getting better when training ended; variants that learn slowly are then "
                "judged before their time.",
                "Train longer (training.epochs), all variants alike, and compare again.",
            )
        )
    if first:
        diagnostics.append(
            Diagnostic(
                f"Best on validation at the first epoch: {worst_first(first)}.",
                "From then on it learnt the training images by heart, or large steps spoilt what it "
                "started from.",
                "Lower training.lr, or add training.warmup or augmentation (image.rotate).",
            )
        )
    return diagnostics


def _of(kept: Sequence[RunEvidence], usable: Sequence[RunEvidence]) -> str:
    return f"{len(kept)} of {len(usable)} seeds" if len(usable) > 1 else f"seed {usable[0].seed}"
