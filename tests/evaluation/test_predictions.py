import numpy as np
import pandas as pd
import pytest

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.predictions import read_predictions
from bakeoff.task.multiclass import MulticlassTask
from tests.evaluation.tables import write_predictions

GOOD = ([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.6])


def test_rows_are_sorted_by_image_so_that_their_order_in_the_file_does_not_matter(tmp_path):
    path = write_predictions(tmp_path / "test.csv", *GOOD, patients=["9", "9", "10", "8"])
    frame = pd.read_csv(path)
    frame.iloc[::-1].to_csv(tmp_path / "reversed.csv", index=False)
    forwards, backwards = read_predictions(path), read_predictions(tmp_path / "reversed.csv")
    assert list(forwards.images) == list(backwards.images) == list(frame["Image Index"])
    assert list(forwards.scores) == list(backwards.scores) == GOOD[1]
    assert list(forwards.units) == list(backwards.units)


def test_images_of_one_patient_are_one_unit(tmp_path):
    path = write_predictions(tmp_path / "test.csv", *GOOD, patients=["007", "7 ", "70", "8"])
    read = read_predictions(path)
    assert read.unit == "patient"
    assert read.unit_count == 3  # 007 is 7, as where the splits are made
    assert read.units[0] == read.units[1] != read.units[2]


@pytest.mark.parametrize("patients", [None, [None] * 4])
def test_without_patients_each_image_is_its_own_unit(tmp_path, patients):
    read = read_predictions(write_predictions(tmp_path / "test.csv", *GOOD, patients=patients))
    assert read.unit == "image"
    assert sorted(read.units) == [0, 1, 2, 3]


def test_an_image_without_a_patient_stands_for_itself(tmp_path):
    path = write_predictions(tmp_path / "test.csv", *GOOD, patients=["a", "a", None, None])
    assert read_predictions(path).unit_count == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a table"),
        ("Image Index,Disease,score\n", "no rows"),
        ("Image Index,score\na.png,0.5\n", r"columns \['Disease'\] are missing"),
        ("Image Index,Disease,score\na.png,1,0.5\na.png,0,0.1\n", "more than once: a.png"),
        (
            "Image Index,Disease,score\na.png,2,0.5\nb.png,0,0.1\n",
            r"holds \['2'\], expected only 0 and 1",
        ),
        ("Image Index,Disease,score\na.png,1,0.5\nb.png,1,0.1\n", "all 2 images have Disease 1"),
        ("Image Index,Disease,score\na.png,1,\nb.png,0,0.1\n", "not a probability.*a.png"),
        ("Image Index,Disease,score\na.png,1,nan\nb.png,0,0.1\n", "not a probability.*a.png"),
        ("Image Index,Disease,score\na.png,1,1.5\nb.png,0,0.1\n", "not a probability.*a.png"),
        ('Image Index,Disease,score\na.png,1,"', "not a table"),
    ],
)
def test_bad_predictions_are_refused_naming_the_file_and_what_is_wrong(tmp_path, text, says):
    path = tmp_path / "test.csv"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=says) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)


def test_absent_predictions_are_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"nowhere\.csv: no such predictions"):
        read_predictions(tmp_path / "nowhere.csv")


def test_classes_that_pandas_takes_for_missing_or_for_numbers_are_read_as_written(tmp_path):
    task = MulticlassTask(("NA", "nan", "null", "1", "01", 'a, "b"'))
    labels = np.arange(6)
    frame = pd.DataFrame({"Image Index": ["NA", "007", "7", "nan", "x", "null"]})
    frame = frame.assign(**task.columns_of(labels))
    frame[list(task.score_columns)] = np.eye(6) * 0.4 + 0.1
    frame.to_csv(tmp_path / "test.csv", index=False)
    read = read_predictions(tmp_path / "test.csv", task)
    assert sorted(read.images) == sorted(frame["Image Index"])
    by_image = dict(zip(read.images, read.labels, strict=True))
    assert [by_image[name] for name in frame["Image Index"]] == labels.tolist()
    assert read.scores.argmax(axis=1).tolist() == read.labels.tolist()
