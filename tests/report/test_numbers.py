import numpy as np
import pandas as pd
import pytest

from bakeoff.report import numbers


@pytest.mark.parametrize("unknown", [None, float("nan"), np.nan, pd.NA, "", float("inf")])
def test_what_is_not_known_is_a_dash(unknown):
    for show in (
        numbers.figure,
        numbers.gap,
        numbers.percent,
        numbers.count,
        numbers.duration,
    ):
        assert show(unknown) == "–"
    assert numbers.interval(unknown, 1.0) == numbers.gap_interval(0.1, unknown) == ""


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.figure(0.84349), "0.843"),
        (numbers.gap(0.0312), "+0.031"),
        (numbers.gap(-0.0312), "−0.031"),
        (numbers.gap(-0.0001), "−0.000"),
        (numbers.interval(np.float64(0.7), 0.8), "0.700 to 0.800"),
        (numbers.gap_interval(-0.01, 0.02), "−0.010 to +0.020"),
        (numbers.percent(0.575), "57.5 %"),
        (numbers.count(392834), "392,834"),
        (numbers.count(np.int64(5)), "5"),
        (numbers.count(12.0), "12"),
        (numbers.duration(41.2), "41 s"),
        (numbers.duration(720), "12 min"),
        (numbers.duration(12240), "3.4 h"),
        (numbers.plural(1, "seed"), "1 seed"),
        (numbers.plural(3, "seed"), "3 seeds"),
        (numbers.listing(["a"]), "a"),
        (numbers.listing(["a", "b", "c"]), "a, b and c"),
        (numbers.listing(["a", "b", "c"], 3), "a, b and c"),
        (numbers.listing(["a", "b", "c", "d"], 2), "a, b and 2 more"),
        (numbers.verb(1, "does", "do"), "does"),
        (numbers.verb(2, "does", "do"), "do"),
    ],
)
def test_numbers_are_printed_for_people(shown, expected):
    assert shown == expected


def test_a_long_name_breaks_after_its_marks_and_is_escaped():
    assert numbers.breakable("rnn_self-x.5") == "rnn_<wbr>self-<wbr>x.<wbr>5"
    assert numbers.breakable("<b>") == "&lt;b&gt;"
    assert numbers.breakable("lr-0.001 has 0.896. x-ray") == "lr-<wbr>0.001 has 0.896. x-<wbr>ray"
    assert numbers.breakable("a.") == "a."
