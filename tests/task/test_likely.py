"""What labels are taken for, as a person would take them, and how that is written and read again."""

import pandas as pd
import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.task.binary import BinaryTask
from bakeoff.task.classification import ClassificationTask
from bakeoff.task.likely import likely_findings, likely_tasks, means_nothing
from bakeoff.task.multiclass import MulticlassTask
from bakeoff.task.multilabel import MultilabelTask
from tests.config.test_experiment import config

CLASSES = MulticlassTask()
MANY = ["Mass"] * 12 + ["Edema"] * 12


@pytest.mark.parametrize(
    ("cells", "tasks"),
    [
        (["intact", "crack"], [BinaryTask(("intact",), ("crack",))]),
        (["0", "1", "1"], [BinaryTask(("0",), ("1",))]),
        (["0.0", "1.0"], [BinaryTask(("0.0",), ("1.0",))]),
        (["no", "yes"], [BinaryTask(("no",), ("yes",))]),
        # None of two says that there is nothing.
        (["cat", "dog", "dog"], [CLASSES, BinaryTask(("dog",), ("cat",))]),
        (["no", "normal", "no"], [CLASSES, BinaryTask(("no",), ("normal",))]),
        (["pie", "tartare", "bibimbap"] * 3, [CLASSES]),
        (["ok", "crack", "rust"] * 3, [CLASSES, BinaryTask(("ok",), ("crack", "rust"))]),
        # Joined: the lab's question first, the findings one by one after it.
        (
            ["No Finding", "Mass|Edema", *MANY],
            [
                BinaryTask(("No Finding",), ("Edema", "Mass")),
                MultilabelTask(("Edema", "Mass")),
            ],
        ),
        (["Mass|Edema", *MANY], [MultilabelTask(("Edema", "Mass"))]),
        (
            ["normal", "Mass|Edema", *MANY],
            [
                BinaryTask(("normal",), ("Edema", "Mass")),
                MultilabelTask(("Edema", "Mass"), ("normal",)),
            ],
        ),
        (["same", "same"], []),
    ],
)
def test_the_likely_tasks_of_a_column(cells: list[str], tasks: list[ClassificationTask]) -> None:
    assert [one.task for one in likely_tasks(cells)] == tasks


def test_what_too_few_images_have_is_left_out_and_told() -> None:
    (classes,) = likely_tasks(["fox"] * 3 + ["hare"] * 3 + ["lynx"] * 2)
    assert classes.task == MulticlassTask(ignore=("lynx",)) and classes.few == {"lynx": 2}
    (findings,) = likely_tasks([*MANY, "Mass|Edema", "Hernia"])
    assert findings.task == MultilabelTask(("Edema", "Mass"), ignore=("Hernia",))
    assert findings.few == {"Hernia": 1}
    columns = {"edema": ["1", "0"] * 10, "mass": ["yes", "no"] * 10, "hernia": ["1"] + ["0"] * 19}
    of_columns = likely_findings(columns)
    assert of_columns.task == MultilabelTask(("edema", "mass"))  # columns need no `ignore`
    assert of_columns.few == {"hernia": 1}


def test_of_a_small_table_findings_are_kept_that_each_split_can_have() -> None:
    (few,) = likely_tasks(["a|b", "a|b", "a|b", "c"])
    assert few.task == MultilabelTask(("a", "b"), ignore=("c",))


@pytest.mark.parametrize("word", ["No Finding", "no_finding", "NORMAL", "0", "0.0", "False"])
def test_words_for_nothing(word: str) -> None:
    assert means_nothing(word) and not means_nothing(f"x{word}")


@pytest.mark.parametrize(
    "task",
    [
        BinaryTask(("intact",), ("crack", "1")),
        MulticlassTask(),
        MulticlassTask(("b", "a"), ("c",)),
        MultilabelTask(("a", "b")),
        MultilabelTask(("a", "b"), ("normal",), ("c",)),
    ],
)
def test_a_task_is_read_from_a_configuration_as_it_is_written_there(
    task: ClassificationTask,
) -> None:
    sections = task.as_written
    data = {"labels": "l.csv", "images": "i", **sections.pop("data", {})}
    assert Experiment.parse(config(data=data, **sections)).task == task


@pytest.mark.parametrize(
    ("task", "knows"),
    [
        (BinaryTask(("ok",), ("crack", "rust")), True),
        (BinaryTask(("ok",), ("crack",)), False),
        (BinaryTask(("ok", "crack", "rust"), ("hole",)), False),  # nothing of class 1
        (MulticlassTask(), True),
        (MulticlassTask(("ok", "crack")), False),
        (MulticlassTask(("ok", "crack"), ("rust",)), True),
        (MulticlassTask(ignore=("crack", "rust")), False),
        (MultilabelTask(("crack", "rust"), ("ok",)), True),
        (MultilabelTask(("crack", "rust")), False),
    ],
)
def test_a_task_knows_a_tables_labels_or_does_not(task: ClassificationTask, knows: bool) -> None:
    frame = pd.DataFrame({"label": ["ok", "crack", "rust", ""]})
    assert task.knows(frame, "label") is knows
    assert not BinaryTask(("ok",), ("crack",)).knows(frame, "other")


def test_findings_with_columns_of_their_own_are_known() -> None:
    frame = pd.DataFrame({"crack": ["0", "1"], "rust": ["1", "0"]})
    assert MultilabelTask(("crack", "rust")).knows(frame, "label")
    assert not MultilabelTask(("crack", "hole")).knows(frame, "label")
