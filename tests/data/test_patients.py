"""One patient is one patient however a table writes it, or nobody splits before somebody has said so."""

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bakeoff.config.schema import Data, Split
from bakeoff.data.patients import canonical, identify, is_missing_id, similar
from bakeoff.data.splits import SplitInspection, inspect_split

SURE: list[Callable[[int], str]] = [
    str,
    lambda n: f"{n:03}",
    lambda n: f"{n:08}",
    lambda n: f"{float(n)}",  # what pandas makes of a column with a gap
    lambda n: f"{n}.",
    lambda n: f"{n:.3f}",
    lambda n: f"{n:.4e}",
    lambda n: f"{n:.5E}",
    lambda n: f" {n}",
    lambda n: f"{n}\u00a0",
    lambda n: f"\ufeff{n}",
    lambda n: f"{n}\u200e",
    lambda n: str(n).translate({ord("0") + i: ord("０") + i for i in range(10)}),
]
UNSURE: list[Callable[[int], str]] = [
    lambda n: f"P{n}",
    lambda n: f"p{n}",
    lambda n: f"P{n:03}",
    lambda n: f"P {n}",
    lambda n: f"P\u00a0{n:04}",
    lambda n: f"P-{n}",
    lambda n: f"P_{n}",
    lambda n: f"p.{n:02}",
    lambda n: f"Ｐ{n}",
    lambda n: f"P({n})",
    lambda n: f"#P{n}",
    lambda n: f"P\u2011{n}",
]
NUMBERS: list[Callable[[int], str]] = [
    *SURE,
    lambda n: f"+{n}",
    lambda n: f"#{n}",
    lambda n: f"'{n}",
    lambda n: f"{n},0",
    lambda n: f"{n}e0",
]

PATIENTS = 24
ROWS = 48
SIZES = {"train": 24, "val": 12, "test": 12}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("patients")


def inspected(room: Path, ids: Sequence[str], **keys: object) -> SplitInspection:
    names = [f"{row}.png" for row in range(ROWS)]
    labels = [("No Finding", "Mass")[row % 2] for row in range(ROWS)]
    table = {"Image Index": names, "Finding Labels": labels, "Patient ID": ids}
    pd.DataFrame(table).to_csv(room / "labels.csv", index=False)
    data = Data(labels=room / "labels.csv", images=room, **keys)  # type: ignore[arg-type]
    return inspect_split(data, Split(**SIZES))


def straddling(found: SplitInspection, people: Sequence[int]) -> set[int]:
    """Who is in two of the splits."""
    assert found.rows is not None, found.problems
    inside = [{people[row] for row in rows} for rows in found.rows]
    return {who for one, other in combinations(inside, 2) for who in one & other}


people = st.lists(st.integers(1, PATIENTS), min_size=ROWS, max_size=ROWS).filter(
    lambda who: len(set(who)) > 8 and max(map(who.count, who)) < 7
)


def written(ways: list[Callable[[int], str]]) -> st.SearchStrategy[list[Callable[[int], str]]]:
    return st.lists(st.sampled_from(ways), min_size=ROWS, max_size=ROWS)


quickly = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking 48 rows would take minutes
)


@pytest.mark.slow(seconds=7)
@quickly
@given(people, written(SURE))
def test_however_a_number_is_written_its_patient_is_in_one_split(
    room: Path, who: list[int], ways: list[Callable[[int], str]]
) -> None:
    plain = inspected(room, [str(one) for one in who])
    found = inspected(room, [way(one) for way, one in zip(ways, who, strict=True)])
    assert straddling(found, who) == set()
    assert plain.rows is not None and found.rows is not None
    for one, other in zip(plain.rows, found.rows, strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.slow(seconds=4)
@quickly
@given(people, st.one_of(written(UNSURE), written(NUMBERS), written([*SURE, UNSURE[0]])))
def test_no_patient_is_in_two_splits_or_the_split_is_refused_naming_them(
    room: Path, who: list[int], ways: list[Callable[[int], str]]
) -> None:
    ids = [way(one) for way, one in zip(ways, who, strict=True)]
    # A prefix beside plain numbers is part of the id: `P7` is not `7`.
    plain = [way in SURE for way in ways]
    person = [2 * one + is_plain for one, is_plain in zip(who, plain, strict=True)]
    found = inspected(room, ids)
    if found.problems:
        (problem,) = found.problems
        assert problem.key == "data.similar_ids"
        assert "data.similar_ids: merge" in problem.text
        assert "data.similar_ids: distinct" in problem.text
    else:
        assert straddling(found, person) == set()
    assert straddling(inspected(room, ids, similar_ids="merge"), person) == set()


def test_ids_that_only_look_alike_are_named_in_the_refusal(room: Path) -> None:
    ids = [f"P{row // 2:03}" for row in range(ROWS)]
    assert inspected(room, ids).problems == []
    ids[0], ids[5] = "p0", "P-2"
    (problem,) = inspected(room, ids).problems
    assert "2 sets of ids are equal but for case, zeros, blanks or punctuation" in problem.text
    assert "'p0' = 'P000', 'P002' = 'P-2'" in problem.text
    people = [row // 2 for row in range(ROWS)]
    assert straddling(inspected(room, ids, similar_ids="merge"), people) == set()
    apart = inspected(room, ids, similar_ids="distinct")
    assert apart.rows is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P7", "p7"),
        ("P7", "P007"),
        ("P7", "P 7"),
        ("P7", "P-7"),
        ("P\u00a07", "P7"),
        ("Ｐ７", "P7"),
        ("Straße1", "STRASSE1"),
        ("1-23", "1_23"),
        ("1-23", "123"),
        ("01-023", "1-23"),
        ("1.10", "1.1"),
        ("13", "13,0"),
        ("1300", "1,300"),
        ("13", "1.3e1"),
        ("13", "+13"),
        ("13", "'13"),
    ],
)
def test_ids_that_may_be_one_are_reported(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
    assert similar([canonical(one), "another", canonical(other)]) == [
        [canonical(one), canonical(other)]
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1-23", "12-3"),
        ("P7", "P70"),
        ("P7", "Q7"),
        ("12E3", "12"),
        ("?", "-"),
        ("P0", "P"),
        ("9" * 30 + ".5", "9" * 30 + ".25"),
    ],
)
def test_ids_that_are_different_are_not(one: str, other: str) -> None:
    assert similar([one, other]) == []


def test_letters_in_two_encodings_are_one() -> None:
    assert canonical("Jose\u0301") == canonical("Jos\u00e9")


def test_an_exponent_of_somebodys_own_is_no_number() -> None:
    assert canonical("12E3") == "12E3"
    assert canonical("1.2e+04") == "12000"
    assert canonical("1e+999999999") == "1e+999999999"


def test_what_was_merged_and_what_was_rounded_is_known() -> None:
    found = identify(["13", "P7", "13.0", "p7", "1.23457E+11", "1.3e+01"])
    assert found.merged == [["13", "13.0", "1.3e+01"]]
    assert found.similar == [["P7", "p7"]]
    assert found.rounded == ["1.23457E+11"]
    assert found.name_of["P7"] != found.name_of["p7"]
    merged = identify(["p7", "13", "P7"], "merge")
    assert merged.name_of["P7"] == merged.name_of["p7"]
    assert identify(["P7", "13", "p7"], "merge").name_of == merged.name_of


@pytest.mark.parametrize(
    "cell", ["", " ", "nan", "NaN", "None", "<NA>", "n/a", "?", "--", "\ufeff"]
)
def test_what_programs_write_for_nobody_is_nobody(cell: str) -> None:
    assert is_missing_id(cell)
    assert not is_missing_id("Nan Li") and not is_missing_id("0")
