"""What a table's columns and labels are taken for, as a person would take them."""

import pandas as pd
import pytest

from bakeoff.data.guess import guess, patient_pattern, sizes
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask


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
        ("image,Disease,age", ["a.png,0,3", "b.png,1,4"], ("image", "Disease", None)),
        ("image,male,cancer", ["a.png,0,1", "b.png,1,0"], ("image", "cancer", None)),
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
    assert kept.label == "grade" and kept.tasks[0].task == MulticlassTask()


@pytest.mark.parametrize("names", [("edema", "mass"), ("label_edema", "label_mass")])
def test_several_columns_of_yes_and_no_are_findings(names: tuple[str, str]) -> None:
    rows = [f"{n}.png,{n % 2},{n // 2 % 2},{'yes' if n % 3 else 'no'}" for n in range(40)]
    guessed = guess(frame(f"image,sex,{','.join(names)}", *rows))
    assert guessed.label is None and guessed.tasks[0].task == MultilabelTask(names)


def test_a_column_with_more_classes_than_others_is_one_of_labels_if_it_is_called_so() -> None:
    rows = [f"{n}.png,dish {n % 60},{n % 7}" for n in range(240)]
    assert guess(frame("image,dish,number", *rows)).label == "number"
    assert guess(frame("image,class,number", *rows)).label == "class"


def test_a_column_of_splits_is_neither_label_nor_group() -> None:
    table = frame("image,label,fold", "a.png,ok,train", "b.png,bad,test", "c.png,ok,val")
    assert (guess(table).label, guess(table).split) == ("label", "fold")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (
            r"^(\d{8})_\d{3}",
            ["00000013_005.png", "00000013_006.png", "00000014_000", "00000015_000"],
        ),
        (
            r"^(sub-[A-Za-z0-9]+)_",
            ["sub-01_a.png", "x/sub-01_b.png", "sub-02_a.png", "sub-03_a.png"],
        ),
        (r"^([A-Za-z]+[-_]?\d+)_", ["P012_3.png", "P012_4.png", "P013_1.png", "P014_1.png"]),
        (r"^(\d+)_", ["41_left.jpg", "41_right.jpg", "7_left.jpg", "8_left.jpg"]),
        (None, ["photo_001.jpg", "photo_002.jpg", "photo_003.jpg"]),
        (None, ["P1_1.png", "P2_1.png", "P3_1.png"]),  # everybody once: nothing to keep together
        (None, ["P1_1.png", "P1_2.png", "P2_1.png", "P3_1.png", "other.png"]),
    ],
)
def test_file_names_that_begin_with_a_patient(pattern: str | None, names: list[str]) -> None:
    assert patient_pattern(names) == pattern


@pytest.mark.parametrize("rows", [6, 7, 59, 60, 112_120])
def test_sizes_take_every_row(rows: int) -> None:
    train, val, test = sizes(rows)
    assert train + val + test == rows and min(train, val, test) >= 2
