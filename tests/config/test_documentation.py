"""config/README.md explains every key, and its examples are valid."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel

from bakeoff.config import schema
from bakeoff.config.experiment import Experiment
from tests.config.test_experiment import config

FOLDER = Path(__file__).parents[2] / "config"
README = (FOLDER / "README.md").read_text()
SECTIONS = {
    "task": schema.Task,
    "data": schema.Data,
    "split": schema.Split,
    "image": schema.Image,
    "training": schema.Training,
    "resources": schema.Resources,
    "compare": schema.Compare,
    "tracking": schema.Tracking,
}


def keys() -> Iterator[str]:
    for name, section in SECTIONS.items():
        # The task is a section of its own.
        yield from (f"{name}.{key}" for key in section.model_fields if key != "task")


def test_every_key_is_explained_and_no_other() -> None:
    explained = set(re.findall(rf"`((?:{'|'.join(SECTIONS)})\.\w+)`", README))
    files = {file.name for file in FOLDER.glob("*.yaml")}
    assert explained - files == set(keys())


def test_what_stands_below_a_key_is_explained_too() -> None:
    nested: list[type[BaseModel]] = [
        schema.Synthetic,
        schema.Rotate,
        schema.Crop,
        schema.Flip,
        schema.Jitter,
        schema.Statistics,
    ]
    assert [k for s in nested for k in s.model_fields if f"`{k}`" not in README] == []


def test_every_key_of_a_pretraining_is_explained_and_no_other() -> None:
    explained = set(re.findall(r"`pretraining\.<name>\.(\w+)`", README))
    assert explained == set(schema.Masking.model_fields)


def test_every_file_is_listed() -> None:
    assert {f.name for f in FOLDER.glob("*.yaml")} == set(
        re.findall(r"^\| `(\w+\.yaml)`", README, re.M)
    )


def test_the_examples_are_valid() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", README, re.S)
    parsed = [Experiment.parse(config(**yaml.safe_load(example))) for example in examples]
    assert [len(experiment.variants) for experiment in parsed] == [7, 1, 1, 1, 1, 4, 4]
    named = [[part.split_as for part in experiment.parts] for experiment in parsed]
    assert (
        named[2][0] == "repeat-1" and named[3][4] == "fold-5" and named[4] == ["patients", "rows"]
    )
