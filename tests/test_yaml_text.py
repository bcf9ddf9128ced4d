"""What YAML reads otherwise than it looks is said before it does harm; a broken file is broken somewhere."""

from pathlib import Path
from typing import Any

import pytest

from bakeoff.config.experiment import Experiment
from bakeoff.config.load import read_files
from bakeoff.errors import ConfigError
from bakeoff.yaml_text import load_yaml
from tests.config.test_experiment import config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\nb: [1, 2\nc: 3\n",
            "is not YAML: line 3, column 2: expected ',' or ']', but got ':'",
        ),
        ("a: 1\nb: [1, 2\nc: 3\n", "(in the [...] that begins in line 2)"),
        ("a:\n\tb: 1\n", "is not YAML: line 2, column 1: found character '\\t'"),
        ("a: 007\n", "line 1, column 4: YAML reads 007 as 7: write 7, or '007' in quotes"),
        ("a: 0x1F\n", "YAML reads 0x1F as 31"),
        ("a:\n  - 1:30\n", "line 2, column 5: YAML reads 1:30 as 90"),
        ("a: {no: 1}\n", "a key is a word, and YAML reads no as false: write it in quotes"),
        ("~: 1\n", "YAML reads ~ as none"),
        ("a: 1\na: 2\n", "line 2, column 1: key 'a' is given twice"),
        ("a: \x07\n", "is not YAML: unacceptable character"),
    ],
)
def test_errors_name_the_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_yaml(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("1_000", 1000),
        ("+5", 5),
        ("0.5", 0.5),
        ("00.5", 0.5),
        ("'007'", "007"),
    ],
)
def test_what_means_what_it_shows_is_read(text: str, value: object) -> None:
    assert load_yaml(text) == value


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("data: {labels: l, images: i, negative: [no]}", "data.negative.0: "),
        ("data: {labels: l, images: i, positive: [on]}", "data.positive.0: "),
        ("data: {labels: l, images: i, label_column: off}", "data.label_column: "),
        ("data: {labels: l, images: i, image_column: ~}", "data.image_column: "),
        ("data: {labels: yes, images: i}", "data.labels: "),
        ("experiment: 2024", "experiment: "),
        ("experiment: 2024-01-01", "experiment: "),
        ("tracking: {uri: 5}", "tracking.uri: "),
        ("split: {group_by: 1.5}", "split.group_by: "),
        ("resources: {gpu_model: 4090}", "resources.gpu_model: "),
        ("training: {device: on}", "training.device: "),
        ("variants: {a: {model: no}}", "variants.a.model: "),
        ("variants: {a: {model: conv, norm: off}}", "variants.a: norm: "),
    ],
)
def test_a_word_that_yaml_does_not_read_as_a_word_gets_the_advice_to_quote_it(
    tmp_path: Path, changes: str, said: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(changes)
    values: dict[str, Any] = config() | read_files([file])
    with pytest.raises(ConfigError) as error:
        Experiment.parse(values)
    assert said in str(error.value) and "in quotes" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("number", ["1e-3", "1.0e-3", "0.001", "'1e-3'"])
def test_a_small_number_may_be_written_in_every_way(tmp_path: Path, number: str) -> None:
    """YAML 1.1 reads 1e-3, without a point, as text."""
    file = tmp_path / "config.yaml"
    file.write_text(f"training: {{lr: {number}}}")
    experiment = Experiment.parse(config() | read_files([file]))
    assert experiment.variants[0].training.lr == 0.001
