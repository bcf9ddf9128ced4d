"""Reading configuration files: what is wrong is named, and nothing is guessed."""

from pathlib import Path

import pytest

from bakeoff.config.load import merge, read_files
from bakeoff.errors import ConfigError


def write(folder: Path, text: str, name: str = "config.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_a_later_file_lies_over_an_earlier_one_mapping_by_mapping(tmp_path: Path) -> None:
    first = write(tmp_path, "training: {epochs: 10, seeds: [0, 1]}\nexperiment: a\n", "a.yaml")
    second = write(tmp_path, "training: {seeds: [7]}\n", "b.yaml")
    assert read_files([first, second]) == {
        "experiment": "a",
        "training": {"epochs": 10, "seeds": [7]},
    }


def test_an_override_reaches_a_nested_key_as_a_yaml_value(tmp_path: Path) -> None:
    file = write(tmp_path, "training: {epochs: 10, lr: 0.1}\n")
    assert read_files([file], ["training.epochs=3", "data.rows=null"]) == {
        "training": {"epochs": 3, "lr": 0.1},
        "data": {"rows": None},
    }


def test_merging_leaves_both_sides_as_they_were() -> None:
    base = {"a": {"b": 1}}
    assert merge(base, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert base == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", r"config\.yaml: is not YAML"),
        ("- a\n- b\n", r"config\.yaml: expected a mapping of keys, found list"),
        ("a: 1\nb: 2\na: 3\n", r"config\.yaml: line 3, column 1: key 'a' is given twice"),
        ("training: {lr: 1, lr: 2}\n", r"key 'lr' is given twice"),
        ("? [a]\n: 1\n", r"config\.yaml: line 1, column 3: a key is a word, found \['a'\]"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_files([write(tmp_path, text)])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read \(No such file"):
        read_files([tmp_path / "nowhere.yaml"])


def test_the_error_for_a_missing_file_names_the_one_of_nearly_its_name(tmp_path: Path) -> None:
    write(tmp_path, "a: 1", "my_experiment.yaml")
    with pytest.raises(ConfigError, match=r"Did you mean .*/my_experiment\.yaml\?"):
        read_files([tmp_path / "my-experiment.yml"])


def test_an_override_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--set training\.epochs: expected KEY=VALUE"):
        read_files([], ["training.epochs"])


def test_an_override_that_is_not_yaml_is_named() -> None:
    with pytest.raises(ConfigError, match=r"--set training\.lr=\[1: is not YAML: line 1, column 3"):
        read_files([], ["training.lr=[1"])


@pytest.mark.parametrize("override", ["=3", "training.=3", ".lr=3", "training..lr=3"])
def test_an_override_of_no_key_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"expected KEY=VALUE"):
        read_files([], [override])
