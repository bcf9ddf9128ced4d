"""The verdict in words: which variant leads, whether by more than chance, and against which baseline."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bakeoff.report.baseline_comparison import BaselineComparison, compare_to_baseline
from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import (
    NAMED,
    figure,
    gap_interval,
    interval,
    known,
    listing,
    plural,
    verb,
)
from bakeoff.report.standings import finished_rows, leads, tied_first
from bakeoff.task.classification import Metric

POWER = (
    1.43  # (1.96 + 0.84) / 1.96: from a gap that is just detectable to one detected 4 times in 5
)

HEADLINED = 4  # variants that a headline has room for by name


@dataclass(frozen=True)
class Verdict:
    """A headline, and the sentences behind it."""

    headline: str
    sentences: list[str]


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a comparison; where nothing has finished, that there is none yet.

    The baseline comes before the lead: a lead below a baseline without images is worth nothing.
    """
    rows = finished_rows(evidence)
    if rows.empty:
        return Verdict("No verdict yet", [_why_nothing(evidence)])
    metric = evidence.metric
    baseline = compare_to_baseline(rows, evidence)
    headline = _headline(rows, metric, baseline)
    sentences = [
        *_first(rows, metric, baseline),
        *_separation(rows, metric),
        *_resolution(rows),
        *_validation(rows, metric),
        *baseline.sentences(complete=len(rows) == len(evidence.variants)),
        *_seeds(rows),
        *_incomplete(evidence),
    ]
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


def _headline(rows: pd.DataFrame, metric: Metric, baseline: BaselineComparison) -> str:
    best, tied = str(rows["variant"].iloc[0]), tied_first(rows, metric)
    if len(rows) == 1:
        return f"{best} is the only variant with a result{baseline.no_win_clause}"
    if baseline.no_win_headline:
        return baseline.no_win_headline
    if len(tied) > 1:
        mean = figure(rows[f"test_{metric.name}_mean"].iloc[0])
        return f"{listing(tied, NAMED)} tie at {metric.with_article} of {mean}"
    apart, level = _apart(rows, metric)
    if not level:
        return f"{best} leads by more than chance explains"
    if apart:
        who = listing(level) if len(level) <= HEADLINED else f"{len(level)} others"
        return f"{best} leads, but not clearly: it cannot be told from {who}"
    return f"{best} leads, but the variants cannot be told apart"


def _first(rows: pd.DataFrame, metric: Metric, baseline: BaselineComparison) -> list[str]:
    best, tied = rows.iloc[0], tied_first(rows, metric)
    words = _result(best, metric)
    if baseline.no_win_headline:
        words += f", {baseline.gap_clause}"
    if len(tied) > 1:
        others = tied[1:]
        named = listing(others, NAMED)
        if baseline.no_win_headline:
            return [words + ".", f"{named} {verb(len(others), 'reaches', 'reach')} the same."]
        return [f"{words}, and so {verb(len(others), 'does', 'do')} {named}."]
    if len(rows) == 1:
        return [words + "."]
    # The table has the others' difference to the best; the sentence has the best's lead over them.
    second = leads(rows, "best", metric).iloc[1]
    ahead = f"{figure(-second['gap'])} ahead of {rows['variant'].iloc[1]}"
    low, high = -second["high"], -second["low"]
    if known(low):
        ahead += f" (paired interval {gap_interval(low, high)})"
    if baseline.no_win_headline:
        return [words + ".", f"It is {ahead}."]
    return [f"{words}, {ahead}."]


def _result(row: pd.Series, metric: Metric) -> str:
    name = f"test_{metric.name}"
    mean = figure(row[f"{name}_mean"])
    words = f"{row['variant']} reaches {metric.with_article} of {mean} on test"
    if row["seeds_finished"] > 1:
        words = (
            f"{row['variant']} reaches a mean {metric} of {mean} on test over "
            f"{plural(int(row['seeds_finished']), 'seed')}"
        )
    if between := interval(row[f"{name}_low"], row[f"{name}_high"]):
        words += f" (95 % interval {between})"
    return words


def _apart(rows: pd.DataFrame, metric: Metric) -> tuple[list[str], list[str]]:
    """The variants that the best one is clearly ahead of, and the others."""
    clear = leads(rows, "best", metric)["high"] < 0
    return list(rows["variant"][clear]), list(rows["variant"][~clear])[1:]


def _separation(rows: pd.DataFrame, metric: Metric) -> list[str]:
    apart, level = _apart(rows, metric)
    if not apart or not level:
        return []
    ahead = f"{rows['variant'].iloc[0]} is ahead of {listing(apart, NAMED)} by more than chance explains"
    if len(level) <= HEADLINED:
        return [f"{ahead}."]
    return [f"{ahead}, not of {listing(level, NAMED)}."]


def _resolution(rows: pd.DataFrame) -> list[str]:
    """The gap that is detectable with these seeds and this test set, and which of the two limits it."""
    halves = (rows["difference_to_best_high"] - rows["difference_to_best_low"]).dropna() / 2
    if halves.empty:
        return []
    seen = float(np.median(halves))
    sentences = [
        f"With these seeds and this test set, a gap under about {figure(seen)} cannot be told from "
        f"none; one of {figure(POWER * seen)} would show four times in five."
    ]
    shares = rows["seed_variance_share"].dropna()
    if len(shares):
        share = float(np.median(shares))
        sentences.append(
            f"{100 * share:.0f} % of that uncertainty (its variance) comes from the seeds: "
        )
        if share > 0.5:
            least = rows[
                "detectable_with_many_seeds"
            ].dropna()  # empty where no image tells them apart
            down = (
                f", down to about {figure(float(np.median(least)))} with very many"
                if len(least)
                else ""
            )
            sentences[-1] += (
                f"more seeds for each variant would narrow it{down}; more test images alone would do less."
            )
        else:
            sentences[-1] += "more test images would narrow it, more seeds alone would do less."
    return sentences


def _validation(rows: pd.DataFrame, metric: Metric) -> list[str]:
    if len(rows) < 2:
        return []
    chosen = rows.iloc[int((metric.sign * rows[f"val_{metric.name}_mean"].to_numpy()).argmax())]
    tied = tied_first(rows, metric)
    if chosen["variant"] in tied:
        same = "one of them" if len(tied) > 1 else "the same variant"
        return [f"Choosing on validation would have picked {same}."]
    return [
        f"Choosing on validation, without looking at test, would have picked {chosen['variant']} "
        f"(test {metric} {figure(chosen[f'test_{metric.name}_mean'])}); the best on test is flattered by "
        "having been picked there."
    ]


def _seeds(rows: pd.DataFrame) -> list[str]:
    single = list(rows["variant"][rows["seeds_finished"] == 1])
    if not single:
        return []
    who = "Every variant" if len(single) == len(rows) else listing(single, NAMED)
    return [
        f"{who} ran with a single seed: how far another seed would land is not known, and the "
        "intervals are too narrow by that. Give each variant at least three seeds."
    ]


def _incomplete(evidence: Evidence) -> list[str]:
    absent = sum(not run.finished for run in evidence.runs)
    if not absent:
        return []
    return [f"{absent} of {plural(len(evidence.runs), 'run')} are missing, see below."]
