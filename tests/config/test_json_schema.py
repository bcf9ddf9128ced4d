"""What an editor says of a configuration is what bakeoff says of it, as far as a schema can."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bakeoff.config.experiment import Experiment
from bakeoff.config.json_schema import json_schema
from bakeoff.models.catalogue import entries
from tests.config.test_experiment import CONFIGS, config

VALIDATOR = Draft202012Validator(json_schema())
FOLDER = CONFIGS[0].parent
MULTICLASS = {"kind": "multiclass"}
MULTILABEL = {"kind": "multilabel", "findings": ["Mass", "Edema"]}


def test_the_schema_in_the_folder_of_configurations_is_this_one() -> None:
    written = json.loads((FOLDER / "schema.json").read_text())
    assert written == json_schema(), "config/schema.json is older than the code: make schema"


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_every_configuration_of_the_project_names_its_schema(file: Path) -> None:
    """Editors read the path from the folder of the file itself, wherever the clone is."""
    first = file.read_text().splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named and (file.parent / named[1]).samefile(FOLDER / "schema.json")


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_every_configuration_of_the_project_fits(file: Path) -> None:
    assert [
        error.message for error in VALIDATOR.iter_errors(yaml.safe_load(file.read_text()))
    ] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"imagee": {}},
        {"image": {"sise": 3}},
        {"training": {"epochs": 0}},
        {"training": {"optimizer": "sdg"}},
        {"variants": {}},
        {"variants": {"a": {"norm": "batch"}}},
        {"variants": {"a": {"model": "resnet18"}}},
        {"variants": {"a": {"model": "conv", "training": {"lr": -1}}}},
        {"data": {"labels": "l"}},
        {"pretraining": {"a": {"model": "vit_b16", "masked": 2}}},
        {"image": {"normalise": "max-min"}},
        {"image": {"normalise": {"mean": [0.5]}}},
        {"image": {"crop": {"scale": [1]}}},
        {"image": {"jitter": {"hue": 1}}},
        {"task": {"kind": "multi"}},
        {"task": {"classes": ["a", "b"]}},
        {"task": MULTICLASS | {"findings": ["a"]}},
        {"task": MULTILABEL | {"classes": ["a"]}},
        {"compare": {"metric": "macro_auroc"}},
        {"task": MULTICLASS, "compare": {"metric": "auroc"}},
        {"training": {"select_on": "acuracy"}},
        {"split": {"given": {"train": "a.txt", "fold": "b"}}},
        {"data": {"images": "i", "layout": "folder"}},
        {"variants": {"a": {"model": "conv", "nrom": "batch"}}},
        {"variants": {"a": {"model": "conv", "norm": "layer"}}},
    ],
)
def test_what_bakeoff_refuses_does_not_fit(changes: dict[str, Any]) -> None:
    assert VALIDATOR.is_valid(config()) and not VALIDATOR.is_valid(config(**changes))


@pytest.mark.parametrize(
    "image",
    [
        {"normalise": "unit"},
        {"channels": 3, "normalise": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.3]}},
        {"crop": {"scale": [0.3, 1], "ratio": [1, 1.5]}, "flip": {}, "jitter": None},
    ],
)
def test_what_images_may_be_given_fits(image: dict[str, Any]) -> None:
    assert VALIDATOR.is_valid(config(image=image))


@pytest.mark.parametrize(
    "changes",
    [
        {"task": MULTICLASS | {"classes": ["a", 1], "ignore": ["b"]}},
        {"task": MULTICLASS, "compare": {"metric": "macro_auroc"}},
        {"task": MULTILABEL | {"none": ["normal"]}, "compare": {"metric": "log_loss"}},
        {"task": {"kind": "binary", "negative": [0], "positive": [1]}},
        {"data": {"images": "i", "layout": "folders"}, "split": {"given": "folders", "val": 0.2}},
        {"split": {"given": {"train": "a.txt", "test": "b.txt"}, "val": 20}},
        {"variants": {"a": {"model": "conv", "grid": {"training.lr": [0.1], "norm": ["none"]}}}},
        {"variants": {"a": {"model": "timm/resnet18", "pretrained": True, "train": "head"}}},
    ],
)
def test_what_bakeoff_takes_fits(changes: dict[str, Any]) -> None:
    Experiment.parse(config(**changes))
    assert [error.message for error in VALIDATOR.iter_errors(config(**changes))] == []


def test_every_option_of_every_model_fits() -> None:
    for name, entry in entries().items():
        model = name.replace("*", "resnet18")
        options = {option: default for option, (_, default) in entry.options.items()}
        variants = {"a": {"model": model, **options}}
        assert VALIDATOR.is_valid(config(variants=variants)), name
        assert not VALIDATOR.is_valid(config(variants={"a": {"model": model, "an_option": 1}}))


def test_keys_say_what_they_are_for() -> None:
    said = json_schema()["$defs"]
    assert said["Resources"]["properties"]["runtime"]["description"] == "minutes"
    assert "only the first rows" in said["Data"]["properties"]["rows"]["description"]
    # A comment may stand in a line of its own, or behind a type of several lines.
    assert said["Task"]["properties"]["classes"]["description"].startswith("multiclass: ")
    assert said["Split"]["properties"]["given"]["description"].startswith("a column with")
