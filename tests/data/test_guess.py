"""What a table's columns and labels are taken for, as a person would take them."""

import pandas as pd
import pytest

from bakeoff.data.guess import guess, sides, sizes


def frame(header: str, *rows: str) -> pd.DataFrame:
    return pd.DataFrame([row.split(",") for row in rows], columns=header.split(","), dtype="str")


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("image,label", ["a.jpg,ok", "b.jpg,crack"], ("image", "label", None)),
        ("id,img_path,dx", ["1,x/a.png,nv", "2,x/b.png,mel"], ("img_path", "dx", None)),
        (
            "PatientID,File,Diagnosis",
            ["7,a.JPG,0", "7,b.JPG,1"],
            ("File", "Diagnosis", "PatientID"),
        ),
        ("subject id,scan,sick", ["p1,a.png,yes", "p2,b.png,no"], ("scan", "sick", "subject id")),
        ("name,age,state", ["a.png,3,good", "b.png,4,bad"], ("name", "state", None)),
        ("filename,split,class", ["a,train,cat", "b,test,dog"], ("filename", "class", None)),
        ("x,note", ["1,hello", "2,hello"], (None, "x", None)),
    ],
)
def test_columns_are_known_by_their_cells_and_names(
    header: str, rows: list[str], expected: tuple[str | None, ...]
) -> None:
    guessed = guess(frame(header, *rows))
    assert (guessed.image, guessed.label, guessed.patient) == expected


def test_files_that_are_there_say_more_than_a_columns_name() -> None:
    table = frame("image,scan,label", "one,a1,ok", "two,a2,bad")
    assert guess(table).image == "image"
    assert guess(table, ["a1", "a2"]).image == "scan"


def test_a_column_that_is_right_already_keeps_its_role() -> None:
    table = frame("image,label,grade", "a.png,yes,1", "b.png,no,2")
    assert guess(table).label == "label"
    kept = guess(table, known={"label": "grade"})
    assert kept.label == "grade" and {*kept.negative, *kept.positive} == {"1", "2"}


@pytest.mark.parametrize(
    ("cells", "negative", "positive", "sure"),
    [
        (["ok", "crack", "rust"], ("ok",), ("crack", "rust"), True),
        (["No Finding", "Mass|Edema"], ("No Finding",), ("Edema", "Mass"), True),
        (["0", "1", "1"], ("0",), ("1",), True),
        (["0.0", "1.0"], ("0.0",), ("1.0",), True),
        (["no_finding", "x"], ("no_finding",), ("x",), True),
        (["cat", "dog", "dog"], ("dog",), ("cat",), False),
        (["no", "normal", "no"], ("no",), ("normal",), False),
    ],
)
def test_a_word_for_nothing_is_the_negative_class(
    cells: list[str], negative: tuple[str, ...], positive: tuple[str, ...], sure: bool
) -> None:
    assert sides(cells) == (negative, positive, sure)


@pytest.mark.parametrize("rows", [6, 7, 59, 60, 112_120])
def test_sizes_take_every_row(rows: int) -> None:
    train, val, test = sizes(rows)
    assert train + val + test == rows and min(train, val, test) >= 2
