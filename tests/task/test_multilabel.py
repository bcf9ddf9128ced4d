"""The labels of a multilabel task, from a column of joined ones or a column for each finding."""

import pandas as pd
import pytest

from bakeoff.errors import DataError
from bakeoff.task.multilabel import MultilabelTask

TASK = MultilabelTask(("Effusion", "Mass"), ignore=("Hernia",))


def read(task: MultilabelTask, *cells: str) -> list[list[int]]:
    frame = pd.DataFrame({"found": cells}, dtype="str")
    places = [f"line {row}" for row in range(2, len(cells) + 2)]
    labels: list[list[int]] = task.read(frame, places, "found", "table.csv").tolist()
    return labels


def test_findings_are_joined_in_any_order_and_none_is_no_finding() -> None:
    cells = ("Mass | Effusion", "No Finding", "Mass")
    assert read(TASK, *cells) == [[1, 1], [0, 0], [0, 1]]


def test_a_label_that_is_ignored_says_nothing_of_the_others() -> None:
    assert read(TASK, "Hernia|Mass", "Hernia", "Hernia|No Finding") == [[0, 1], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (("Mass|No Finding",), "1 row with and without a finding at once: line 2"),
        (("",), "1 row without a label: line 2"),
        (("Mas",), "unknown label 'Mas' in 1 row: line 2. Did you mean 'Mass'?"),
        (("Oedema",), "add the label to task.findings, or to task.ignore if it is not learned"),
    ],
)
def test_labels_that_contradict_or_are_unknown_are_refused(
    cells: tuple[str, ...], says: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(TASK, *cells)
    assert says in str(caught.value)


def test_each_finding_may_have_a_column_of_0_and_1() -> None:
    frame = pd.DataFrame({"Mass": ["1", "0.0"], "Effusion": ["0", "1.0"]}, dtype="str")
    assert TASK.is_labelled(frame, "found")
    assert TASK.read(frame, ["line 2", "line 3"], "found", "table.csv").tolist() == [[0, 1], [1, 0]]
    bad = frame.assign(Mass=["1", "maybe"])
    with pytest.raises(DataError, match="line 3, Mass: 'maybe'"):
        TASK.read(bad, ["line 2", "line 3"], "found", "table.csv")
