"""What is written on Snakemake's command line means what it means in a file, here and in a job."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from bakeoff.cli import cli
from bakeoff.config.arguments import (
    config_arguments,
    configuration_of,
    read_snakemake,
    snakemake_command,
)
from bakeoff.config.load import read_files
from bakeoff.errors import ConfigError

WRITTEN = [
    ('training={"seeds":[0,1]}', {"training": {"seeds": [0, 1]}}),
    ("training={'lr': 1e-3, epochs: 5}", {"training": {"lr": "1e-3", "epochs": 5}}),
    ("training={lr: 1.0e-3, clip: null}", {"training": {"lr": 0.001, "clip": None}}),
    (
        "training={deterministic: false, clip: 0.5}",
        {"training": {"deterministic": False, "clip": 0.5}},
    ),
    ("data={negative: ['no', \"007\"]}", {"data": {"negative": ["no", "007"]}}),
    ("data={patient_column: Patient ID}", {"data": {"patient_column": "Patient ID"}}),
    ('experiment="2024"', {"experiment": "2024"}),
    ("results=null", {"results": None}),
    ("results=", {"results": None}),
    (
        'variants={"a": {"model": "conv", "grid": {"training.lr": [0.1, 1]}}}',
        {"variants": {"a": {"model": "conv", "grid": {"training.lr": [0.1, 1]}}}},
    ),
]


@pytest.mark.parametrize(("entry", "expected"), WRITTEN, ids=[entry for entry, _ in WRITTEN])
def test_an_entry_means_what_it_means_in_a_file_and_reaches_a_job_so(
    tmp_path: Path, entry: str, expected: object
) -> None:
    key, _, value = entry.partition("=")
    file = tmp_path / "same.yaml"
    file.write_text(f"{key}: {value}\n")
    assert read_snakemake([], [entry]) == read_files([file]) == expected
    passed = shlex.split(config_arguments([], [entry]))
    assert read_files([], passed[1::2]) == expected


def test_entries_lie_over_three_files_key_by_key(tmp_path: Path) -> None:
    texts = ["training: {epochs: 1, lr: 0.1, seeds: [0]}\n", "training: {epochs: 2}\n", "a: 1\n"]
    files = [tmp_path / f"{number}.yaml" for number in range(3)]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    entries = ["training={seeds: [3, 4]}", "a=2", "training={clip: 1}"]
    expected = {"training": {"epochs": 2, "lr": 0.1, "seeds": [3, 4], "clip": 1}, "a": 2}
    assert read_snakemake(files, entries) == expected
    arguments = shlex.split(config_arguments(files, entries))
    assert arguments.count("--config") == arguments.count("--set") == 3


def test_a_broken_entry_is_named_as_it_was_written() -> None:
    with pytest.raises(ConfigError, match=r"^--config training=\[1: is not YAML: line 1"):
        read_snakemake([], ["training=[1"])


def test_a_stage_reads_the_nested_values_that_a_rule_passes_on(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    values = {"labels": str(tmp_path / "labels.csv"), "images": str(tmp_path)}
    variants = '{"my net": {model: conv}}'
    file.write_text(
        f"experiment: a\ndata: {json.dumps(values)}\nvariants: {{c: {{model: conv}}}}\n"
    )
    entries = ["training={seeds: [5, 6], lr: 1e-3}", "image={size: 96}"]
    arguments = shlex.split(config_arguments([file], entries))
    said = CliRunner().invoke(cli, ["plan", *arguments], env={"COLUMNS": "150"}).output
    assert "5, 6" in said and "96 px" in said and "0.001" in said
    refused = CliRunner().invoke(cli, ["plan", *arguments, "--set", f"variants={variants}"])
    assert "variants.my net.name: expected a name" in str(refused.exception)


OVERRIDES = [
    *(entry for entry, _ in WRITTEN),
    "training.lr=1e-3",
    "training.seeds=[0, 1]",
    "data.negative=[no finding, 'no', \"007\"]",
    "data.labels=it's, {a} file.csv",
    "data.patient_column=",
    "experiment=größer",
    f"data.images={'very ' * 40}long",
]


@pytest.mark.parametrize("override", OVERRIDES)
def test_snakemake_reads_what_set_has_overridden(override: str) -> None:
    words = shlex.split(snakemake_command(["a.yaml"], [override]))
    assert words[:4] == ["snakemake", "--configfile", "a.yaml", "--config"]
    (entry,) = words[4:]
    assert "." not in entry.partition("=")[0]
    assert read_snakemake([], [entry]) == read_files([], [override])


def test_the_command_of_a_bake_off_is_quoted_for_a_shell() -> None:
    files, overrides = ["my c.yaml", "b.yaml"], ["training={seeds: [0,1,2], epochs: 3}"]
    assert snakemake_command(files, overrides) == (
        "snakemake --configfile 'my c.yaml' b.yaml --config 'training={seeds: [0,1,2], epochs: 3}'"
    )
    assert snakemake_command(["a.yaml"], options=["all", "--cores", "2"]) == (
        "snakemake all --cores 2 --configfile a.yaml"
    )


@pytest.mark.parametrize("quote", [shlex.join, " ".join])  # as now, as earlier versions noted it
def test_a_noted_command_tells_its_configuration(quote: Callable[[list[str]], str]) -> None:
    overrides = ['training={"seeds":[0,1]}', "training={lr: 1e-3, epochs: 3}", "a=it's"]
    for files in (["config.yaml"], ["my c.yaml", "b.yaml"]):
        for chosen in ([], overrides):
            words = [word for file in files for word in ("--config", file)]
            words += [word for one in chosen for word in ("--set", one)]
            command = quote(
                ["bakeoff", "train", *words, "--variant", "a", "--seed", "0", "--fresh"]
            )
            assert configuration_of(command) == (files, chosen)
    assert configuration_of(quote(["bakeoff", "train", "--config=a b", "--set=c=d"])) == (
        ["a b"],
        ["c=d"],
    )
    assert configuration_of("") == configuration_of("pytest -q it's") == ([], [])
