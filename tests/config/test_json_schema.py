"""What an editor says of a configuration is what bakeoff says of it, as far as a schema can."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from bakeoff.config.json_schema import json_schema
from tests.config.test_experiment import CONFIGS, config

VALIDATOR = Draft202012Validator(json_schema())


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


def test_keys_say_what_they_are_for() -> None:
    said = json_schema()["$defs"]
    assert said["Resources"]["properties"]["runtime"]["description"] == "minutes"
    assert "only the first rows" in said["Data"]["properties"]["rows"]["description"]
