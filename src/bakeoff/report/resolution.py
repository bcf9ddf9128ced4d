"""What the test set could show, said before the results: the difference that such a bake-off finds."""

from dataclasses import dataclass

from bakeoff.evaluation.conclusion.conclusion import Conclusion
from bakeoff.evaluation.conclusion.power import Detectable
from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import figure, percent, plural


@dataclass(frozen=True)
class Resolution:
    """A sentence, and what more patients (the columns) or seeds (the rows, `labels` in words) would bring.

    differences: by seeds and units, None where no difference could be found.
    """

    sentence: str
    units: tuple[int, ...]
    seeds: tuple[int, ...]
    labels: tuple[str, ...]
    differences: tuple[tuple[float | None, ...], ...]


def resolution(evidence: Evidence) -> Resolution | None:
    """What the test set could show; None where there is no conclusion, or a single variant."""
    conclusion = evidence.conclusion
    if conclusion is None or len(conclusion.contenders) < 2:
        return None
    more = conclusion.resolution.more
    units = tuple(dict.fromkeys(one.units for one in more))
    seeds = tuple(sorted({one.seeds for one in more}))
    found = {(one.seeds, one.units): one for one in more}
    return Resolution(
        sentence=_sentence(evidence, conclusion),
        units=units,
        seeds=seeds,
        labels=tuple(_label(conclusion, count) for count in seeds),
        differences=tuple(
            tuple(_difference(found.get((count, many))) for many in units) for count in seeds
        ),
    )


def _label(conclusion: Conclusion, seeds: int) -> str:
    """Seeds of every variant; the fewest stand for those that there are, which may differ."""
    low, high = _fewest_and_most(conclusion)
    return f"as here ({low} to {high})" if seeds == low < high else str(seeds)


def _fewest_and_most(conclusion: Conclusion) -> tuple[int, int]:
    counts = [one.seeds for one in conclusion.contenders]
    return min(counts), max(counts)


def _difference(one: Detectable | None) -> float | None:
    return None if one is None else one.difference


def _sentence(evidence: Evidence, conclusion: Conclusion) -> str:
    size = len(conclusion.contenders)
    low, high = _fewest_and_most(conclusion)
    seeds = plural(low, "seed") + " each" if low == high else f"{low} to {high} seeds each"
    what = f"{size} variants of {seeds}"
    tested = plural(conclusion.images, "test image")
    if conclusion.unit == "patient":
        tested += f" of {plural(conclusion.units, evidence.group)}"
    could = conclusion.resolution.difference
    power = percent(conclusion.resolution.power, 0)
    if (
        could is None
        and conclusion.units > 1
        and all(pair.low is None for pair in conclusion.pairs)
    ):
        # Equal to the last bit: that says nothing of what other images would do.
        return (
            f"With {what} and {tested}, what difference could be found is not known: no resample of the test "
            f"{evidence.unit}s moves any between them."
        )
    if could is None:
        return f"With {what} and {tested}, no difference could be found with any certainty."
    return (
        f"With {what} and {tested}, a difference of {figure(could)} in {evidence.metric} is found in "
        f"{power} of such bake-offs; smaller ones mostly are not."
    )
