"""The verdict in words: which variants may be the best, what could be shown, which to take, against what."""

from dataclasses import dataclass

import pandas as pd

from bakeoff.evaluation.conclusion.conclusion import Conclusion
from bakeoff.report.baseline_comparison import BaselineComparison, compare_to_baseline
from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import (
    NAMED,
    figure,
    gap_interval,
    interval,
    known,
    listing,
    percent,
    plural,
    verb,
)
from bakeoff.report.resolution import resolution
from bakeoff.report.standings import finished_rows, leads, tied_first
from bakeoff.task.classification import Metric
from bakeoff.wording import either

HEADLINED = 4  # variants that a headline has room for by name


@dataclass(frozen=True)
class Verdict:
    """A headline; what is said before any result; the sentences behind the headline."""

    headline: str
    sentences: list[str]
    first: tuple[str, ...] = ()


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a comparison; where nothing has finished, that there is none yet.

    The baseline comes before the lead: a lead below a baseline without images is worth nothing.
    """
    rows = finished_rows(evidence)
    if rows.empty:
        return Verdict("No verdict yet", [_why_nothing(evidence)])
    conclusion = evidence.conclusion
    if conclusion is None:
        return Verdict(
            "No conclusion yet",
            [
                "There is no conclusion.json that fits comparison.csv, which an earlier version may have "
                "written: run bakeoff compare and bakeoff report.",
                *_incomplete(evidence),
            ],
        )
    metric = evidence.metric
    baseline = compare_to_baseline(rows, evidence)
    could = resolution(evidence)
    sentences = [
        *_leader(rows, metric, baseline, conclusion),
        *_worse(conclusion),
        *_choice(rows, metric, conclusion),
        *_equivalent(conclusion),
        *baseline.sentences(complete=len(rows) == len(evidence.variants)),
        *_seeds(conclusion),
        *_incomplete(evidence),
    ]
    first = (*_only_models(conclusion), *([could.sentence] if could else []))
    return Verdict(_headline(rows, metric, baseline, conclusion), sentences, first)


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


def _headline(
    rows: pd.DataFrame, metric: Metric, baseline: BaselineComparison, conclusion: Conclusion
) -> str:
    if len(rows) == 1:
        return (
            f"{rows['variant'].iloc[0]} is the only variant with a result{baseline.no_win_clause}"
        )
    if baseline.no_win_headline:
        return baseline.no_win_headline
    best, worse = conclusion.best, conclusion.worse
    tied = tied_first(rows, metric)
    # With a single seed each, another might well turn the order round.
    the_best = "The best" if conclusion.of_variants else "Of these trained models the best"
    compared = "variants" if conclusion.of_variants else "trained models"
    if len(tied) > 1 and set(tied) == set(best):
        mean = figure(rows[f"test_{metric.name}_mean"].iloc[0])
        said = f"{listing(tied, NAMED)} tie at {metric.with_article} of {mean}"
    elif len(best) == 1:
        return f"{the_best} is {best[0]}"
    elif len(best) > HEADLINED:
        among = f"{len(best)} of" if worse else "all"
        said = f"This test set cannot tell which of {among} {len(rows)} {compared} is the best"
    else:
        said = f"{the_best} is {either(best)}: this test set cannot tell which"
    if not worse:
        return said
    are = verb(len(worse), "is", "are")
    if len(best) > HEADLINED:
        out = listing(worse) if len(worse) <= HEADLINED else f"the {len(worse)} others"
        return f"{said}; {out} {are} worse"
    out = listing(worse) if len(worse) <= HEADLINED else f"The {len(worse)} others"
    return f"{said}. {out} {are} worse"


def _only_models(conclusion: Conclusion) -> list[str]:
    if conclusion.of_variants:
        return []
    if len(conclusion.contenders) == 1:
        name = conclusion.contenders[0].name
        return [f"{name} has a single seed: how far another would land is not known."]
    return [
        "This compares trained models, not variants: each variant has a single seed, and how far another "
        "would land is not known. Give each at least three."
    ]


def _leader(
    rows: pd.DataFrame, metric: Metric, baseline: BaselineComparison, conclusion: Conclusion
) -> list[str]:
    best, tied = rows.iloc[0], tied_first(rows, metric)
    if len(rows) == 1:
        words = f"{best['variant']} reaches {_figure(best, metric)} on test"
        if baseline.no_win_headline:
            words += f", {baseline.gap_clause}"
        return [words + "."]
    words = f"{best['variant']} leads on test with {_figure(best, metric)}"
    if len(tied) > 1:
        words = f"{listing(tied, NAMED)} lead on test with {_figure(best, metric)}"
    if baseline.no_win_headline:
        words += f", {baseline.gap_clause}"
    if known(flattered := conclusion.choice and conclusion.choice.flattery):
        words += f"; being first flatters a figure by about {figure(flattered)} here"
    sentences = [words + "."]
    if len(tied) == 1:
        # The table has the others' difference to the leader; the sentence has its lead over them.
        second = leads(rows, "best", metric).iloc[1]
        ahead = f"It is {figure(-second['gap'])} ahead of {rows['variant'].iloc[1]}"
        if known(second["low"]):
            ahead += f" (paired interval {gap_interval(-second['high'], -second['low'])})"
        sentences.append(f"{ahead}.")
    return sentences


def _figure(row: pd.Series, metric: Metric) -> str:
    name = f"test_{metric.name}"
    words = f"{metric.with_article} of {figure(row[f'{name}_mean'])}"
    ends = interval(row[f"{name}_low"], row[f"{name}_high"])
    if row["seeds_finished"] > 1:
        words = f"a mean {metric} of {figure(row[f'{name}_mean'])} over "
        words += plural(int(row["seeds_finished"]), "seed")
    return words + (f" (95 % interval {ends})" if ends else "")


def _worse(conclusion: Conclusion) -> list[str]:
    """Those that are out, where the headline has no room for them."""
    best, worse = conclusion.best, conclusion.worse
    if not worse or (len(best) > 1 and len(worse) <= HEADLINED):
        return []
    return [
        f"{listing(worse, NAMED)} {verb(len(worse), 'is', 'are')} worse by more than chance explains, all "
        "comparisons counted."
    ]


def _choice(rows: pd.DataFrame, metric: Metric, conclusion: Conclusion) -> list[str]:
    """Which to take, and how much the lead flatters."""
    choice = conclusion.choice
    if choice is None or len(rows) < 2 or choice.validation is None:
        return []
    if choice.validation == choice.leader or choice.validation in tied_first(rows, metric):
        return [
            f"Validation, which has not seen the test images, chooses {choice.validation}, too: take it."
        ]
    chosen = rows[rows["variant"] == choice.validation].iloc[0]
    return [
        f"To take is {choice.validation}, which validation chooses: {_figure(chosen, metric)} on test, where "
        "no look has chosen it."
    ]


def _equivalent(conclusion: Conclusion) -> list[str]:
    """Who is within the margin of whom; a difference that is there may be within it, too."""
    if conclusion.margin is None:
        return []
    within = f"within {conclusion.margin:g}"
    same, ahead = [], []
    for pair in conclusion.pairs:
        if pair.answer == "equivalent":
            same.append(f"{pair.first} and {pair.second}")
        elif pair.within and pair.answer == "better":
            ahead.append(f"{pair.first} than {pair.second}")
    sentences = []
    if same:
        sentences.append(f"Equivalent {within}: {'; '.join(_first(same, NAMED))}.")
    if ahead:
        sentences.append(f"Better, and {within}: {'; '.join(_first(ahead, NAMED))}.")
    return sentences or [f"Of no two variants can it be shown that they are equivalent {within}."]


def _first(words: list[str], most: int) -> list[str]:
    if len(words) <= most:
        return words
    return [*words[:most], f"{len(words) - most} more pairs"]


def _seeds(conclusion: Conclusion) -> list[str]:
    """What seeds do: their spread, whether it is one for all, and whether more would help."""
    seeds, sentences = conclusion.seeds, []
    if seeds.deviation is None or seeds.share is None:
        return []
    each = "" if seeds.pooled else " on average"
    sentences.append(
        f"From seed to seed a variant's figure has a standard deviation of {figure(seeds.deviation)}{each}, "
        f"which is {percent(seeds.share, 0)} of the uncertainty of a difference (its variance): "
        + (
            "more seeds for each variant would narrow it."
            if seeds.share > 0.5
            else "more test images would narrow it, more seeds alone would do less."
        )
    )
    if not seeds.pooled and seeds.homogeneity is not None:
        sentences.append(
            "The variants differ in how far their seeds spread, so each is judged by its own spread."
        )
    single = [one.name for one in conclusion.contenders if one.seeds == 1]
    if single:
        sentences.append(
            f"{listing(single, NAMED)} ran with a single seed and {verb(len(single), 'is', 'are')} taken to "
            "spread as the others do."
        )
    return sentences


def _incomplete(evidence: Evidence) -> list[str]:
    absent = sum(not run.finished for run in evidence.runs)
    if not absent:
        return []
    return [f"{absent} of {plural(len(evidence.runs), 'run')} are missing, see below."]
