"""What several splits of the data say together, in sentences: the first says which variant is better."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.evaluation.conclusion.pairs import Pair
from bakeoff.evaluation.several.designs import Worth
from bakeoff.evaluation.several.overview import Overview
from bakeoff.evaluation.several.parts import PartOverview
from bakeoff.evaluation.several.resplits import Resplits, SplitPair
from bakeoff.report.numbers import NAMED, figure, gap, gap_interval, listing, percent, plural, verb
from bakeoff.task.classification import Metric
from bakeoff.wording import either


@dataclass(frozen=True)
class Words:
    """The headline, and what is said below it."""

    headline: str
    sentences: list[str]


def in_words(overview: Overview, metric: Metric) -> Words:
    """The overview in words."""
    if overview.resplits is not None:
        first, *rest = _of_resplits(overview.resplits, overview, metric)
    else:
        first, *rest = _of_designs(overview.parts, metric)
        worth = _in_short(overview)
        first = "; ".join([first.removesuffix("."), *worth])
        if _only_models(overview):
            first = f"Of these trained models: {first}"
        rest += _of_worths(overview, metric)
    return Words(first.removesuffix("."), [*rest, *_only_models(overview), *_missing(overview)])


def _of_resplits(found: Resplits, overview: Overview, metric: Metric) -> list[str]:
    kind = overview.several
    over = f"over {plural(len(overview.parts), kind.removesuffix('s'))}"
    if not found.variants:
        return ["No variant has a result on every split yet."]
    if len(found.variants) == 1:
        (one,) = found.variants
        said = f"{one.name} reaches {metric.with_article} of {figure(one.mean)} {over}"
        return [f"{said}, {figure(one.low)} to {figure(one.high)}."]
    if len(found.pairs) == 1:
        first = _pair(found.pairs[0], metric, over)
    else:
        worse = [one.name for one in found.variants if not one.may_be_best]
        first = _set(found.best, worse, f"these {plural(len(overview.parts), kind[:-1])}")
    return [
        first,
        f"Intervals and tests know that {kind} of the same data overlap: the variance of a mean is that over "
        f"{kind} times 1/{len(overview.parts)} + {found.overlap:.2f}, the images tested on per image trained "
        "on (Nadeau and Bengio 2003).",
    ]


def _of_designs(parts: Sequence[PartOverview], metric: Metric) -> list[str]:
    told = [(part, part.conclusion) for part in parts if part.conclusion is not None]
    if not told:
        return ["No run has finished yet."]
    names = {one.name for _, conclusion in told for one in conclusion.contenders}
    (part, conclusion), *others = told
    if len(names) == 2 and all(len(each.pairs) == 1 for _, each in told):
        first = _pair(conclusion.pairs[0], metric, f"on split {part.name}")
        more = [
            f"On split {one.name} {_pair(each.pairs[0], metric, '', conclusion.pairs[0].first)}"
            for one, each in others
        ]
        return [first, *more]
    first = _set(conclusion.best, conclusion.worse, f"split {part.name}")
    return [first, *(_set(each.best, each.worse, f"split {one.name}") for one, each in others)]


def _pair(pair: Pair | SplitPair, metric: Metric, where: str, ahead: str | None = None) -> str:
    """Which of two is better; `ahead` is of whom a positive difference was told before."""
    # What is not told apart is told from the same side; who is better is named, and comes first.
    turned = ahead is not None and ahead != pair.first and pair.answer != "better"
    sign = -metric.sign if turned else metric.sign
    ends = sorted(sign * end for end in (pair.low, pair.high) if end is not None)
    by = f"{gap(sign * pair.difference)} in {metric}"
    by += f" ({gap_interval(*ends)})" if len(ends) == 2 else ""
    where = f" {where}" if where else ""
    names = (pair.first, pair.second)
    match pair.answer:
        case "better":
            return f"{pair.first} is better than {pair.second}{where}: {by}."
        case "equivalent":
            return f"{either(names)} makes no difference that matters{where}: {by}."
    return f"whether {names[0]} or {names[1]} is better cannot be told{where}: {by}.".replace(
        "whether", "Whether" if ahead is None else "whether", 1
    )


def _set(best: Sequence[str], worse: Sequence[str], where: str) -> str:
    if len(best) == 1:
        said = f"The best is {best[0]} on {where}"
    elif len(best) > NAMED:
        said = f"Which of {plural(len(best), 'variant')} is the best cannot be told on {where}"
    else:
        said = f"The best is {either(best)}: which cannot be told on {where}"
    if not worse:
        return f"{said}."
    return f"{said}; {listing(worse, NAMED)} {verb(len(worse), 'is', 'are')} worse."


def _whole(overview: Overview) -> list[Worth]:
    """The difference of each design to the first, over all variants."""
    first: dict[str, Worth] = {}
    for worth in overview.worths:  # the mean over variants comes before each of them
        first.setdefault(worth.design, worth)
    return list(first.values())


def _leaks_more(overview: Overview, worth: Worth) -> bool:
    shared = {part.name: part.shared for part in overview.parts}
    here, there = shared[worth.design], shared[worth.reference]
    return here is not None and there is not None and here.share > 0 and not there.share


def _in_short(overview: Overview) -> list[str]:
    """What each design is worth, as the end of a sentence."""
    found = []
    for worth in _whole(overview):
        ends = gap_interval(worth.low, worth.high)
        by = gap(worth.difference) + (f" ({ends})" if ends else "")
        if _leaks_more(overview, worth):
            found.append(f"the leak of split {worth.design} was worth {by}")
        else:
            found.append(f"split {worth.design} was worth {by}")
    return found


def _of_worths(overview: Overview, metric: Metric) -> list[str]:
    shared = {part.name: part.shared for part in overview.parts}
    sentences = []
    for worth in _whole(overview):
        told = (
            "and that is more than chance explains"
            if _apart(worth)
            else "which chance may explain as well"
        )
        sentences.append(
            f"Under split {worth.design} the same variants' {metric} differs by {gap(worth.difference)} from "
            f"that under split {worth.reference}, {told}."
        )
        if _leaks_more(overview, worth):
            here, there = shared[worth.design], shared[worth.reference]
            assert here is not None and there is not None
            of = "none" if not there.share else percent(there.share, 0)
            sentences.append(
                f"Of its test images {percent(here.share, 0)} are of patients that are trained on as well, "
                f"of those of split {worth.reference} {of}."
            )
    return sentences


def _apart(worth: Worth) -> bool:
    return worth.low is not None and worth.high is not None and worth.low * worth.high > 0


def _only_models(overview: Overview) -> list[str]:
    known = [part.conclusion for part in overview.parts if part.conclusion is not None]
    if overview.several != "designs" or not known or any(one.of_variants for one in known):
        return []
    return [
        "This compares trained models, not variants: each variant has a single seed, and how far another "
        "would land is not known."
    ]


def _missing(overview: Overview) -> list[str]:
    absent = [
        f"{one.name} on split {part.name} (seeds {one.missing})"
        for part in overview.parts
        for one in part.figures
        if one.kind == "variant" and one.missing
    ]
    found = [f"Missing: {listing(absent, NAMED)}."] if absent else []
    if overview.resplits and overview.resplits.incomplete:
        names = listing(list(overview.resplits.incomplete), NAMED)
        found.append(
            f"Without a result on every split, {names} cannot be compared over all of them."
        )
    return found
