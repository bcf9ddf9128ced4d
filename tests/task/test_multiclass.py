"""The classes of a multiclass task, listed or taken from the data, and its labels in tables."""

import numpy as np
import pandas as pd
import pytest

from bakeoff.errors import DataError
from bakeoff.task.kinds import task_of
from bakeoff.task.multiclass import MulticlassTask


def read(task: MulticlassTask, *cells: str) -> list[int]:
    frame = pd.DataFrame({"dish": cells}, dtype="str")
    places = [f"line {row}" for row in range(2, len(cells) + 2)]
    labels: list[int] = (
        task.closed_over(frame, "dish").read(frame, places, "dish", "table.csv").tolist()
    )
    return labels


def test_classes_of_the_data_are_in_alphabetical_order_and_numbers_by_value() -> None:
    frame = pd.DataFrame({"dish": ["10", "sushi", "2", " pizza ", "-1.5", "pizza"]}, dtype="str")
    task = MulticlassTask().closed_over(frame, "dish")
    assert task.names == ("-1.5", "2", "10", "pizza", "sushi") and not task.is_open
    assert task.closed_over(frame.head(1), "dish") is task
    assert task_of(task.as_json()) == task


def test_listed_classes_keep_their_order_and_spelling() -> None:
    task = MulticlassTask(("2", "1", "true"))
    assert read(task, "1.0", " 2 ", "TRUE", "2.00") == [1, 0, 2, 0]
    columns = task.columns_of(np.array([1, 0, 2]))
    assert columns["label"].tolist() == ["1", "2", "true"]
    written = pd.DataFrame(columns)
    assert task.labels_of(written, "split.csv").tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (("a", "", "b"), "1 row without a label: line 3"),
        (("a", "B", "a"), "unknown class 'B' in 1 row: line 3. Did you mean 'b'?"),
        (
            ("01", "a", "b"),
            "known classes: a, b. Correct the file, or list its classes: task.classes",
        ),
    ],
)
def test_cells_that_name_no_class_are_refused_by_their_lines(
    cells: tuple[str, ...], says: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(MulticlassTask(("a", "b")), *cells)
    assert says in str(caught.value)


def test_top_5_accuracy_is_a_metric_where_there_are_ten_classes() -> None:
    def names(classes: int) -> tuple[str, ...]:
        return MulticlassTask(tuple(map(str, range(classes)))).metric_names

    assert "top_5_accuracy" not in names(9) and "top_5_accuracy" in names(10)


def test_select_on_names_a_column_of_the_history_and_its_direction() -> None:
    task = MulticlassTask(("a", "b", "c"))
    assert task.selection("accuracy") == ("val_acc", 1)
    assert task.selection("macro_auroc") == task.selection("auc") == ("val_auc", 1)
    assert task.selection("log_loss") == ("val_log_loss", -1)
    assert task.selection("loss") == ("val_loss", -1)
    assert task.metric().name == "accuracy" and task.metric("log_loss").sign == -1


def test_of_equal_scores_the_first_class_is_called() -> None:
    task = MulticlassTask(("a", "b", "c"))
    assert task.called(np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]]), {}).tolist() == [0, 1]
