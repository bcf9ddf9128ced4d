"""A run's own configuration plans the same run."""

from pathlib import Path

import pytest
import yaml

from bakeoff.config.digest import data_digest, pretraining_digest, run_digest
from bakeoff.config.experiment import Experiment
from bakeoff.config.load import read_files
from bakeoff.config.resolved import resolved_pretraining, resolved_run
from bakeoff.config.schema import Split

CONFIGS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))

GIVEN = {
    "experiment": "given",
    "results": "/somewhere/else",
    "data": {"labels": "labels.csv", "images": "images", "patient_column": None},
    "split": {"train": 10, "val": 5, "test": 5, "stratify": False},
    "tracking": {"uri": "http://user:secret@server"},
    "pretraining": {
        "own": {"model": "vit_b16", "images": "unlabelled", "image": {"size": 64}, "masked": 0.3},
        "split": {"model": "vit_b16", "image": {"size": 64}, "training": {"epochs": 3}},
    },
    "variants": {
        "swept": {"model": "conv", "grid": {"training.lr": [0.1, 0.01]}},
        "recipe": {"model": "vit_b16", "training": {"recipe": "vit_jft", "lr": 0.25}},
        "started": {"model": "vit_b16", "weights": "pretraining/own", "image": {"size": 64}},
        "also": {"model": "vit_b16", "weights": "pretraining/split", "image": {"size": 64}},
        "filed": {"model": "vit_b16", "weights": "some.safetensors"},
        "tagged": {"model": "timm/resnet18", "pretrained": True, "image": {"size": 64}},
    },
}


def read(text: str) -> Experiment:
    return Experiment.parse(yaml.safe_load(text))


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_every_run_of_our_configurations_is_planned_again(file: Path) -> None:
    check(Experiment.parse(read_files([file])))


def test_given_files_are_named_where_they_are_and_nothing_else_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.safetensors").write_bytes(b"weights")
    experiment = Experiment.parse(GIVEN)
    check(experiment)
    again = read(resolved_run(experiment, experiment.variant("filed"), 0))
    assert again.data.labels == tmp_path / "labels.csv"
    (weights,) = again.weights().values()
    assert weights.file == tmp_path / "some.safetensors"
    text = resolved_pretraining(experiment, experiment.pretraining("own"))
    assert read(text).pretraining("own").folder == tmp_path / "unlabelled"
    assert "secret" not in text and "/somewhere/else" not in text


@pytest.mark.parametrize("sizes", [{}, {"val": 12}], ids=["own validation", "some of training"])
def test_a_split_of_the_tables_own_is_read_again(sizes: dict[str, int]) -> None:
    variants = {"plain": {"model": "conv"}}
    split = {"given": "fold", **sizes}
    experiment = Experiment.parse(
        {"experiment": "own", "data": GIVEN["data"], "split": split, "variants": variants}
    )
    check(experiment)
    variant = experiment.variant("plain")
    again = read(resolved_run(experiment, variant, 0)).split
    kept = Split.model_validate(experiment.settings(variant)["split"])  # as run.json has it
    for split in (again, kept):
        assert split == experiment.split
        assert ("val" in split.model_fields_set) == bool(sizes)


def check(experiment: Experiment) -> None:
    left_out = {"training": {"seeds"}, "options": {"weights"}}
    for run in experiment.runs():
        again = read(resolved_run(experiment, run.variant, run.seed))
        (found,) = again.runs()
        assert found.variant.model_dump(exclude=left_out) == run.variant.model_dump(
            exclude=left_out
        )
        assert found.seed == run.seed
        # Lists of a given split are named where they are.
        written = again.split.model_dump_json().replace(f"{Path.cwd()}/", "")
        assert written == experiment.split.model_dump_json()
        on_a_folder = [one for one in again.pretrainings if one.masking.images is not None]
        if not on_a_folder:  # whose digest names the folder
            assert run_digest(found, again.data) == run_digest(run, experiment.data)
        if experiment.data.source == "synthetic":
            same = data_digest(experiment.data, experiment.split)
            assert data_digest(again.data, again.split) == same
    for one in experiment.pretrainings:
        same = read(resolved_pretraining(experiment, one)).pretraining(one.name)
        assert same.variant.model_dump(exclude={"training"}) == one.variant.model_dump(
            exclude={"training"}
        )
        if one.masking.images is None:
            assert pretraining_digest(same) == pretraining_digest(one)
