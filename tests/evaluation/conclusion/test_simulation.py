"""Bake-offs whose truth is known, of the rows of benchmarks/verdicts.py but fewer: a conclusion is right as
often as it says."""

from functools import cache

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import rel_entr

from bakeoff.evaluation.conclusion.power import POWER
from bakeoff.evaluation.intervals import LEVEL
from benchmarks import verdicts
from benchmarks.verdicts import Found, Row

BAKEOFFS, RESAMPLES = 100, 200
CHANCE = 1e-4  # that other random numbers fail an assertion of which nothing is broken
ROWS = {row.name: row for row in verdicts.ROWS}
# The seeds of the benchmark's rows lie so little apart that one mean hardly shows whether they count.
FAR = Row("five, seeds far apart", 5, spread=(0.5,))


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "RESAMPLES", RESAMPLES)


@cache
def concluded(row: Row) -> list[Found]:
    return [verdicts.bakeoff(row, at) for at in range(BAKEOFFS)]


def least(level: float) -> float:
    """The mean over BAKEOFFS that with CHANCE is not reached by what holds with `level`, or more often.

    Of a share of each bake-off too, such as that of its pairs: Hoeffding's bound (JASA 1963, theorem 1)
    asks that bake-offs are independent, and of what is within one nothing. Of what holds or does not it is
    the bound of the binomial tail.
    """

    def excess(share: float) -> float:
        apart = rel_entr(share, level) + rel_entr(1 - share, 1 - level)
        return float(BAKEOFFS * apart + np.log(CHANCE))

    return float(brentq(excess, 0, level))


@pytest.mark.slow(seconds=5)
@pytest.mark.parametrize(
    "row",
    [
        ROWS["two models of one seed"],
        ROWS["five variants"],
        ROWS["five, one ahead"],
        ROWS["five, seeds unequally apart"],
        FAR,
        ROWS["three classes, accuracy"],
    ],
    ids=lambda row: row.name,
)
def test_a_conclusion_is_right_as_often_as_it_says(row: Row) -> None:
    found = concluded(row)
    right = {
        "the set holds every best one": [one.covers_all_best for one in found],
        "no claim at all is false": [not (one.false_worse or one.false_pair) for one in found],
        "the intervals of means hold them": [np.mean(one.means_covered) for one in found],
        "the intervals of pairs hold them": [np.mean(one.pairs_covered) for one in found],
    }
    shares = {what: float(np.mean(each)) for what, each in right.items()}
    assert {what: share for what, share in shares.items() if share < least(LEVEL)} == {}


@pytest.mark.slow(seconds=4)
@pytest.mark.parametrize("name", ["two models of one seed", "five variants"])
def test_the_detectable_difference_is_found_as_often_as_it_says(name: str) -> None:
    row = ROWS[name]
    detectable = float(np.median([one.detectable for one in concluded(row)]))
    found = [verdicts.bakeoff(row, at, ahead=detectable) for at in range(BAKEOFFS)]
    told_apart = np.mean([one.told_apart for one in found])
    assert least(POWER) <= told_apart <= 1 - least(1 - POWER)
    # Of more variants somebody is out more often than just this one.
    assert np.mean([one.size < row.variants for one in found]) >= least(POWER)
