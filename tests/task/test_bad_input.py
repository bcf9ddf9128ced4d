"""What a task refuses, and where: `bakeoff plan` and `bakeoff split` name it before anything trains."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from bakeoff.cli import cli
from bakeoff.config.experiment import Experiment
from bakeoff.data.splits import write_splits
from bakeoff.data.tables import read_split
from bakeoff.errors import DataError
from bakeoff.layout import Layout
from bakeoff.task.kinds import recorded_task
from bakeoff.task.multiclass import MulticlassTask

Rows = Sequence[str | tuple[str, str]]
Write = Callable[..., Path]

MULTICLASS = {"kind": "multiclass"}
XY = {"kind": "multilabel", "findings": ["x", "y"]}
GIVEN = {"given": "fold", "val": 4}
ABC = ["a", "b", "c"] * 8


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table of these cells with its images, and a configuration of this task; the latter's path."""

    def write(rows: Rows, task: dict[str, Any], **sections: Any) -> Path:
        (tmp_path / "images").mkdir()
        with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("image", "label", "fold"))
            for number, cells in enumerate(rows):
                name = f"{number:03}.png"
                writer.writerow((name, cells, "") if isinstance(cells, str) else (name, *cells))
                pixels = np.full((48, 48, 3), number, np.uint8)
                Image.fromarray(pixels).save(tmp_path / "images" / name)
        config = {
            "experiment": "small",
            "results": str(tmp_path / "results"),
            "data": {
                "labels": str(tmp_path / "labels.csv"),
                "images": str(tmp_path / "images"),
                "image_column": "image",
                "label_column": "label",
                "patient_column": None,
            },
            "task": task,
            "split": {"train": 12, "val": 6, "test": 6},
            "image": {"size": 48},
            "variants": {"net": {"model": "timm/resnet10t"}},
            **sections,
        }
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        return file

    return write


def said(command: str, config: Path) -> str:
    """What a command says of a configuration that it refuses; it writes no results."""
    done = CliRunner().invoke(cli, [command, "--config", str(config)])
    assert done.exit_code == 1, done.output
    assert not (config.parent / "results/small/splits").exists()
    return str(done.exception) if not isinstance(done.exception, SystemExit) else done.output


def training(**keys: str) -> dict[str, Any]:
    return {"variants": {"net": {"model": "timm/resnet10t", "training": keys}}}


BAD_TABLES: dict[str, tuple[Rows, dict[str, Any], dict[str, Any], str]] = {
    "a class with fewer images than splits": (
        ["a"] * 11 + ["b"] * 11 + ["c"] * 2,
        MULTICLASS,
        {},
        "only 2 rows of class 'c', of 24; three splits need at least 3, one each. Use more of the table "
        "(data.rows), or check task.classes. Or leave it out: task.ignore.",
    ),
    "findings that are taken for classes": (
        ["Mass", "No Finding", "Mass"] * 7 + ["Mass|Nodule"] * 2 + ["Mass"],
        MULTICLASS,
        {},
        "'Mass|Nodule' may be several findings of one image: task.kind: multilabel.",
    ),
    "a class in test that is not in training": (
        [("a", "train"), ("b", "train"), ("c", "test")] * 8,
        MULTICLASS,
        {"split": GIVEN},
        "train: none of its 16 rows is of class 'c', and some must be (test has 8)",
    ),
    "a class with one image to train on, of which validation is cut": (
        [("a", "train"), ("b", "train")] * 8 + [("c", "train"), ("a", "test"), ("c", "test")],
        MULTICLASS,
        {"split": GIVEN},
        "train: only 1 row of class 'c', of 17; two splits need at least 2, one each",
    ),
    "a finding with no positive in training": (
        [("x", "train"), ("No Finding", "train"), ("y", "test")] * 8,
        XY,
        {"split": GIVEN},
        "train: none of its 16 rows is of finding 'y', and some must be (test has 8)",
    ),
    "a finding with no positive": (
        ["x", "No Finding", "x"] * 8,
        XY,
        {},
        "no row of finding 'y', of 24; training needs one",
    ),
    "all images without a finding": (["No Finding"] * 24, XY, {}, "no row of finding 'x', 'y'"),
    "a finding in all images": (
        ["x"] * 24,
        {"kind": "multilabel", "findings": ["x"]},
        {},
        "train: none of the 1 findings is in some of the 12 images and not in others",
    ),
    "one class only": (["a"] * 24, MULTICLASS, {}, "every row is of the class 'a'"),
    "as many classes as images": (
        [f"c{number}" for number in range(24)],
        MULTICLASS,
        {},
        "each of the 24 images has a class of its own: is this what says the class",
    ),
    "more classes than images": (
        ABC,
        {"kind": "multiclass", "classes": ["a", "b", "c", *map(str, range(30))]},
        {},
        "33 classes, but only 24 images",
    ),
    "more classes than images of a split": (
        [f"c{number % 8}" for number in range(24)],
        MULTICLASS,
        {},
        "8 classes, each of which must be in every split, but val has 6 images. Make it larger in 'split', "
        "or check task.classes",
    ),
    "two classes that differ only in case": (
        ["a", "b", "A"] * 8,
        MULTICLASS,
        {},
        "the classes 'A' (8 rows) and 'a' (8 rows) differ only in case, blanks or spelling",
    ),
    "one number in two spellings": (
        ["1", "1.0", "2"] * 8,
        MULTICLASS,
        {},
        "the classes '1' (8 rows) and '1.0' (8 rows) differ only in case, blanks or spelling",
    ),
    "one letter composed in two ways": (
        ["K\u00e4se", "Ka\u0308se", "b"] * 8,
        MULTICLASS,
        {},
        "differ only in case, blanks or spelling",
    ),
    "an empty label": (
        ["a", "", "c"] * 8,
        MULTICLASS,
        {},
        "24 (022.png). Write the class of each, or take these rows out",
    ),
    "an empty cell of findings": (
        ["x|y", "No Finding", ""] * 8,
        XY,
        {},
        "25 (023.png). Write what each has, 'No Finding' where that is nothing, or take these rows out",
    ),
    "a class that is not listed": (
        ABC,
        {"kind": "multiclass", "classes": ["a", "b"]},
        {},
        "unknown class 'c' in 8 rows: line 4 (002.png)",
    ),
    "a class that is listed in another case": (
        ABC,
        {"kind": "multiclass", "classes": ["a", "b", "C"]},
        {},
        "Did you mean 'C'?",
    ),
    "a listed class that the table lacks": (
        ABC,
        {"kind": "multiclass", "classes": ["a", "b", "c", "d"]},
        {},
        "no row of class 'd', of 24",
    ),
    "a validation of one class": (
        [("a", "train")] * 8 + [("b", "train")] * 8 + [("a", "val")] * 4 + [("b", "test")] * 4,
        MULTICLASS,
        {"split": {"given": "fold"}},
        "val: all 4 images are of the class 'a'; nothing can be told from it",
    ),
}


@pytest.mark.parametrize("what", BAD_TABLES)
def test_a_table_that_cannot_be_learned_is_refused_by_plan_and_split(
    what: str, write: Write
) -> None:
    rows, task, sections, says = BAD_TABLES[what]
    config = write(rows, task, **sections)
    for command in ("plan", "split"):
        found = said(command, config)
        assert says in found and str(config.parent / "labels.csv") in found


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"compare": {"metric": "top_5_accuracy"}}, "compare.metric"),
        (training(select_on="top_5_accuracy"), "variants.net.training.select_on"),
    ],
)
def test_a_metric_that_the_classes_of_the_data_do_not_have_is_refused_before_anything_is_written(
    asked: dict[str, Any], key: str, write: Write
) -> None:
    config = write(ABC, MULTICLASS, **asked)
    for command in ("plan", "split"):
        found = said(command, config)
        assert f"{config}: {key}: 'top_5_accuracy'" in found
        assert "it needs 10 classes, and there are 3" in found


def test_a_split_of_other_classes_is_named_with_the_way_out(write: Write) -> None:
    config = write(ABC, MULTICLASS)
    assert CliRunner().invoke(cli, ["split", "--config", str(config)]).exit_code == 0
    splits = config.parent / "results/small/splits/train.csv"
    with pytest.raises(DataError) as caught:
        read_split(splits, MulticlassTask(("a", "b")))
    assert str(caught.value) == (
        f"{splits}: column 'label' holds c, expected only the classes a, b. Was the task another one then? "
        "Split again."
    )


COLUMNS = {"kind": "multilabel", "findings": ["label", "fold"]}
"""Findings that are the columns of the table."""


def test_a_finding_without_a_column_beside_others_that_have_one_is_named(write: Write) -> None:
    config = write([("0", "1"), ("1", "0")] * 12, {**COLUMNS, "findings": ["label", "fold", "y"]})
    config.write_text(config.read_text().replace("label_column: label", "label_column: none"))
    for command in ("plan", "split"):
        found = said(command, config)
        assert "Of the findings 'label', 'fold' have columns, 'y' has none." in found
        assert "binary" not in found  # no lines for another task


def test_an_empty_cell_of_a_finding_is_found_in_its_own_column(write: Write) -> None:
    config = write([("0", "1"), ("1", ""), ("1", "1")] * 8, COLUMNS)
    config.write_text(config.read_text().replace("label_column: label", "label_column: none"))
    for command in ("plan", "split"):
        found = said(command, config)
        assert "labels.csv: 8 cells of the findings' columns say neither 0 nor 1" in found
        assert "line 3 (001.png), fold: ''" in found
        assert "binary" not in found  # no lines for another task


BAD_FOLDERS = {
    "a class with fewer images than splits": (
        {"a": 11, "b": 11, "c": 2},
        "only 2 rows of class 'c', of 24; three splits need at least 3, one each. Add images, or check "
        "task.classes",
    ),
    "as many classes as images": (
        {f"c{number}": 1 for number in range(24)},
        "each of the 24 images has a class of its own",
    ),
    "one class only": ({"a": 24}, "'a' is the only class"),
}


@pytest.mark.parametrize("what", BAD_FOLDERS)
def test_class_folders_that_cannot_be_learned_are_refused_without_a_word_of_tables(
    what: str, write: Write
) -> None:
    classes, says = BAD_FOLDERS[what]
    images = {"layout": "folders", "images": str(write([], MULTICLASS).parent / "images")}
    config = Path(images["images"]).parent / "config.yaml"
    written = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump({**written, "data": images}), encoding="utf-8")
    for name, count in classes.items():
        (Path(images["images"]) / name).mkdir()
        for number in range(count):
            Image.new("RGB", (48, 48), (number, 0, 0)).save(
                Path(images["images"]) / name / f"{name}{number}.png"
            )
    for command in ("plan", "split"):
        found = said(command, config)
        assert f"{images['images']}: " in found and says in found
        assert "column '" not in found and "data.rows" not in found


BAD_CONFIGS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a loss of findings for classes": (
        MULTICLASS,
        training(loss="bce_with_logits"),
        "variants.net.training.loss: 'bce_with_logits' does not fit a multiclass task; cross_entropy and nll",
    ),
    "a loss of classes for findings": (
        XY,
        training(loss="cross_entropy"),
        "variants.net.training.loss: 'cross_entropy' does not fit a multilabel task; bce_with_logits does",
    ),
    "a select_on of another task": (
        MULTICLASS,
        training(select_on="sensitivity"),
        "training.select_on: 'sensitivity' cannot be measured in a multiclass task. Expected one of auc",
    ),
    "a metric of another task": (
        XY,
        {"compare": {"metric": "auroc"}},
        "compare.metric: 'auroc' is no metric of a multilabel task. Did you mean 'macro_auroc'?",
    ),
    "a list of one class": (
        {"kind": "multiclass", "classes": ["a"]},
        {},
        "task.classes: two at least are needed, found one, 'a'",
    ),
    "two listed classes in another case": (
        {"kind": "multiclass", "classes": ["a", "b", "A"]},
        {},
        "task.classes: 'a' and 'A' differ only in case, blanks or spelling",
    ),
    "two listed findings in another case": (
        {"kind": "multilabel", "findings": ["x", "X"]},
        {},
        "task.findings: 'x' and 'X' differ only in case, blanks or spelling",
    ),
    "a finding that is two": (
        {"kind": "multilabel", "findings": ["x|y"]},
        {},
        "task.findings: 'x|y': '|' stands between two findings of an image",
    ),
    "no findings": ({"kind": "multilabel"}, {}, "task.findings: this key is required"),
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_a_configuration_that_does_not_fit_its_task_is_refused_as_it_is_read(
    what: str, write: Write
) -> None:
    task, sections, says = BAD_CONFIGS[what]
    config = write([], task, **sections)
    for command in ("plan", "split"):
        found = said(command, config)
        assert found.startswith(f"{config}: ") and says in found


FINE: dict[str, tuple[Rows, dict[str, Any], list[str]]] = {
    "names like paths": (["../x", "c/d", "."] * 8, MULTICLASS, [".", "../x", "c/d"]),
    "commas, quotes and umlauts": (
        ["Bœuf, rôti", '"quoted"', "Würst'chen"] * 8,
        MULTICLASS,
        ['"quoted"', "Bœuf, rôti", "Würst'chen"],
    ),
    "pandas' words for nothing": (
        ["nan", "NA", "null"] * 8,
        MULTICLASS,
        ["NA", "nan", "null"],
    ),
    "numbers": (["10", "2", "1"] * 8, MULTICLASS, ["1", "2", "10"]),
    "numbers as pandas writes them": (
        ["10.0", "2.0", "1.0"] * 8,
        {"kind": "multiclass", "classes": [2, 1, 10]},
        ["2", "1", "10"],
    ),
    "one finding": (
        ["x", "No Finding", "No Finding"] * 8,
        {"kind": "multilabel", "findings": ["x"]},
        ["x"],
    ),
}


@pytest.mark.parametrize("what", FINE)
def test_odd_labels_that_can_be_told_apart_are_split_as_they_are_written(
    what: str, write: Write
) -> None:
    rows, task, names = FINE[what]
    config = write(rows, task)
    assert CliRunner().invoke(cli, ["plan", "--config", str(config)]).exit_code == 0
    experiment = Experiment.parse(yaml.safe_load(config.read_text(encoding="utf-8")))
    splits = Layout(experiment.results / experiment.name).splits
    write_splits(experiment.data, experiment.split, splits, workers=1)
    recorded = recorded_task(splits / "audit.json")
    assert recorded is not None and list(recorded.scored) == names
    for split, size in (("train", 12), ("val", 6), ("test", 6)):
        read = read_split(splits / f"{split}.csv", recorded)
        assert sum(recorded.counts(read.labels).values()) in (size, size // 3)
