"""What the numbers say, in words: who leads, whether the test set could tell, and what it is worth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bakeoff.report.dot_plot import finished_rows
from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import (
    figure,
    gap,
    gap_interval,
    interval,
    known,
    listing,
    plural,
)

POWER = 1.43  # (1.96 + 0.84) / 1.96: from a gap that can just be told to one told 4 times in 5
NAMED = 6  # variants named one by one before the rest are only counted


@dataclass(frozen=True)
class Verdict:
    """A headline, and the sentences behind it."""

    headline: str
    sentences: list[str]


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a comparison; with nothing finished, that there is none."""
    rows = finished_rows(evidence)
    if rows.empty:
        return Verdict("No verdict yet", [_why_nothing(evidence)])
    leader = rows.iloc[0]
    if len(rows) > 1:
        headline, sentences = _lead(rows)
    else:
        headline = f"{leader['variant']} is the only variant with a result"
        sentences = [_standing(leader) + "."]
    sentences += _validation(rows)
    sentences += _baseline(rows, evidence)
    sentences += _seeds(rows)
    sentences += _incomplete(evidence)
    return Verdict(headline, sentences)


def _why_nothing(evidence: Evidence) -> str:
    total = len(evidence.runs)
    done = sum(run.finished for run in evidence.runs)
    if done and evidence.comparison.empty:
        return (
            f"{done} of {plural(total, 'run')} have finished, but there is no comparison.csv: "
            "run bakeoff compare."
        )
    return (
        f"None of the {plural(total, 'run')} has finished; what is known of them is listed below."
    )


def _standing(row: pd.Series) -> str:
    mean = figure(row["test_auroc_mean"])
    words = f"{row['variant']} reaches an AUROC of {mean} on test"
    if row["seeds_finished"] > 1:
        words = (
            f"{row['variant']} reaches a mean AUROC of {mean} on test over "
            f"{plural(int(row['seeds_finished']), 'seed')}"
        )
    if between := interval(row["test_auroc_low"], row["test_auroc_high"]):
        words += f" (95 % interval {between})"
    return words


def _lead(rows: pd.DataFrame) -> tuple[str, list[str]]:
    leader, second = rows.iloc[0], rows.iloc[1]
    ahead = figure(-second["difference_to_best"])
    level = ahead in {figure(0.0), figure(-0.0)}  # as printed
    first = (
        f"{_standing(leader)}, {'level with' if level else f'{ahead} ahead of'} {second['variant']}"
    )
    # Stored as the others' difference to the leader; told as the leader's to them.
    low, high = -second["difference_to_best_high"], -second["difference_to_best_low"]
    if known(low):
        first += f" (paired interval {gap_interval(low, high)})"
    told = rows["difference_to_best_high"] < 0
    apart, tied = list(rows["variant"][told]), list(rows["variant"][~told])[1:]
    if not tied:
        headline = f"{leader['variant']} leads, and the test set can tell"
    elif apart:
        headline = (
            f"{leader['variant']} leads, but not clearly: the test set cannot tell it from "
            f"{_named(tied)}"
        )
    else:
        headline = f"{leader['variant']} leads, but the test set cannot tell the variants apart"
    sentences = [first + "."]
    if apart and tied:
        sentences.append(f"It is ahead of {_named(apart)} by more than chance explains.")
    gaps = rows["detectable_difference"].dropna()
    if len(gaps):
        seen = float(np.median(gaps))
        sentences.append(
            f"This test set cannot tell a gap under about {figure(seen)} from none; "
            f"one of {figure(POWER * seen)} it would show four times in five."
        )
    return headline, sentences


def _named(names: list[str]) -> str:
    if len(names) > NAMED:
        return listing([*names[:NAMED], f"{len(names) - NAMED} more"])
    return listing(names)


def _validation(rows: pd.DataFrame) -> list[str]:
    if len(rows) < 2:
        return []
    chosen = rows.iloc[int(rows["val_auroc_mean"].to_numpy().argmax())]
    if chosen["variant"] == rows["variant"].iloc[0]:
        return ["Choosing on validation would have picked the same variant."]
    return [
        f"Choosing on validation, without looking at test, would have picked {chosen['variant']} "
        f"(test AUROC {figure(chosen['test_auroc_mean'])}); the leader on test is flattered by "
        "having been picked there."
    ]


def _baseline(rows: pd.DataFrame, evidence: Evidence) -> list[str]:
    metadata = evidence.baselines["metadata"]
    if metadata.missing:
        return [f"There is no metadata baseline to beat: {metadata.missing}."]
    clear = list(rows["variant"][rows["difference_to_baseline_low"] > 0])
    known_by = f"the metadata baseline, which looks at no image (AUROC {figure(metadata.auroc)})"
    if len(clear) == len(rows):
        every = "Every variant" + (" with a result" if len(rows) < len(evidence.variants) else "")
        return [f"{every} beats {known_by}."]
    if clear:
        return [f"{len(clear)} of {plural(len(rows), 'variant')} beat {known_by}: {_named(clear)}."]
    leader = rows.iloc[0]
    ends = gap_interval(leader["difference_to_baseline_low"], leader["difference_to_baseline_high"])
    return [
        f"No variant clearly beats {known_by}; the leader's difference to it is "
        f"{gap(leader['difference_to_baseline'])}" + (f" ({ends})." if ends else ".")
    ]


def _seeds(rows: pd.DataFrame) -> list[str]:
    single = list(rows["variant"][rows["seeds_finished"] == 1])
    if not single:
        return []
    who = "Every variant" if len(single) == len(rows) else _named(single)
    return [
        f"{who} ran with a single seed: how far another seed would land is not known, and the "
        "intervals are too narrow by that."
    ]


def _incomplete(evidence: Evidence) -> list[str]:
    absent = sum(not run.finished for run in evidence.runs)
    if not absent:
        return []
    return [f"{absent} of {plural(len(evidence.runs), 'run')} are missing, see below."]
