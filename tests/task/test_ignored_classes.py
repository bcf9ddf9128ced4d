"""Classes that are not to be learned: their images are in no split, and the audit says how many."""

from pathlib import Path

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.config.resolved import resolved_run
from bakeoff.data.splits import write_splits
from bakeoff.data.tables import read_labels
from bakeoff.errors import ConfigError, DataError
from bakeoff.task.kinds import recorded_task
from bakeoff.task.multiclass import MulticlassTask
from tests.config.test_experiment import config
from tests.photographs import photographs


def experiment(folder: Path, **task: object) -> Experiment:
    data = {"labels": str(folder / "labels.csv"), "images": str(folder / "photos"),
            "image_column": "image", "label_column": "label", "patient_column": None}  # fmt: skip
    split = {"train": 20, "val": 10, "test": 10}
    return Experiment.parse(config(data=data, split=split, task={"kind": "multiclass", **task}))


@pytest.mark.parametrize("classes", [{}, {"classes": ["hare", "fox"]}])
def test_their_images_are_in_no_split(tmp_path: Path, classes: dict[str, list[str]]) -> None:
    photographs(tmp_path, labels=("fox", "hare", "lynx"))
    made = experiment(tmp_path, ignore=["lynx"], **classes)
    labelled = read_labels(made.data)
    assert len(labelled.labels) == 50 and set(labelled.frame["label as labelled"]) == {
        "fox",
        "hare",
    }
    audit = write_splits(made.data, made.split, tmp_path / "splits")
    assert "Rows that are left out by task.ignore: lynx 10." in audit.notes
    expected = MulticlassTask(tuple(classes.get("classes", ("fox", "hare"))), ("lynx",))
    assert recorded_task(tmp_path / "splits/audit.json") == labelled.task == expected


def test_a_runs_own_configuration_ignores_them_too(tmp_path: Path) -> None:
    photographs(tmp_path, labels=("fox", "hare", "lynx"))
    made = experiment(tmp_path, ignore=["lynx"])
    again = yaml.safe_load(resolved_run(made, made.variants[0], 0))
    assert again["task"]["ignore"] == ["lynx"]


def test_a_class_is_learned_or_ignored(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="classes: fox: also in 'ignore'"):
        experiment(tmp_path, classes=["fox", "hare"], ignore=["fox"])


def test_where_every_image_is_of_them_that_is_an_error(tmp_path: Path) -> None:
    photographs(tmp_path, labels=("fox", "hare"))
    made = experiment(tmp_path, ignore=["fox", "hare"])
    with pytest.raises(DataError) as caught:
        read_labels(made.data)
    assert str(caught.value) == (
        f"{tmp_path / 'labels.csv'}: every one of the 60 rows is left out by task.ignore: fox, hare"
    )
