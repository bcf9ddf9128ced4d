"""An experiment's variants, fully resolved, and what is refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakeoff.config.experiment import Experiment
from bakeoff.config.schema import Data
from bakeoff.errors import ConfigError
from bakeoff.planning.summary import gpu_hint, summarise

CONFIGS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))


def config(**changes: Any) -> dict[str, Any]:
    return {
        "experiment": "test",
        "data": {"labels": "labels.csv", "images": "images"},
        "image": {"size": 224},
        "training": {"epochs": 3, "seeds": [0, 1]},
        "variants": {"conv": {"model": "conv"}},
        **changes,
    }


def parse(**changes: Any) -> Experiment:
    return Experiment.parse(config(**changes), "config/test.yaml")


def test_a_variant_overrides_single_keys_and_keeps_the_others() -> None:
    experiment = parse(
        variants={
            "a": {"model": "conv"},
            "b": {
                "model": "conv",
                "norm": "batch",
                "image": {"rotate": {"degrees": 5}},
                "training": {"lr": 0.5},
                "resources": {"gpu": 1, "runtime": 240},
            },
        }
    )
    a, b = experiment.variants
    assert (a.image.size, a.image.rotate.degrees, a.training.epochs, a.training.lr) == (
        224,
        10,
        3,
        1e-4,
    )
    assert (b.image.size, b.image.rotate.degrees, b.image.rotate.probability) == (224, 5, 0.3)
    assert (b.training.epochs, b.training.lr, b.resources.gpu) == (3, 0.5, 1)
    assert (a.options["norm"], b.options["norm"]) == ("none", "batch")


def test_a_grid_becomes_one_named_variant_per_combination() -> None:
    experiment = parse(
        variants={
            "c": {
                "model": "conv",
                "grid": {"training.lr": [1e-3, 1e-4], "norm": ["none", "batch"]},
            }
        }
    )
    assert {v.name: (v.training.lr, v.options["norm"]) for v in experiment.variants} == {
        "c-lr-0.001-norm-none": (1e-3, "none"),
        "c-lr-0.001-norm-batch": (1e-3, "batch"),
        "c-lr-0.0001-norm-none": (1e-4, "none"),
        "c-lr-0.0001-norm-batch": (1e-4, "batch"),
    }


def test_what_will_run_and_what_it_asks_for_is_counted() -> None:
    experiment = parse(
        variants={
            "a": {"model": "conv", "resources": {"gpu": 2, "runtime": 90}},
            "b": {"model": "conv", "resources": {"runtime": 30}},
        }
    )
    assert summarise(experiment) == (
        "test: 4 training runs (2 variants), at most 4 h of job time and 6 GPU hours."
    )


def test_a_configuration_without_a_gpu_request_gives_a_hint() -> None:
    asking = ({"gpu": 1}, {"gres": "gpu:v100:1"}, {"slurm_extra": "--gpus=1"})
    variants = {
        f"asking{number}": {"model": "conv", "resources": resources}
        for number, resources in enumerate(asking)
    }
    meant = {"model": "conv", "training": {"device": "cpu"}}
    assert gpu_hint(parse(variants={**variants, "meant": meant})) == ""
    hint = gpu_hint(parse(variants={**variants, "forgotten": {"model": "conv"}}))
    assert hint.startswith("No GPU is asked for by forgotten: ") and "{gpu: 1}" in hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imagee": {}}, "imagee: unknown key. Did you mean 'image'?"),
        ({"image": {"sise": 3}}, "image.sise: unknown key. Did you mean 'size'?"),
        (
            {"image": {"rotate": {"deg": 3}}},
            "image.rotate.deg: unknown key. Did you mean 'degrees'?",
        ),
        (
            {"variants": {"vit": {"model": "conv", "trainin": {}}}},
            "variants.vit.trainin: unknown key. Did you mean 'training'?",
        ),
        (
            {"variants": {"vit": {"model": "conv", "nrom": "batch"}}},
            "variants.vit.nrom: unknown key. Did you mean 'norm'?",
        ),
        (
            {"variants": {"v": {"model": "conv", "training": {"batchsize": 3}}}},
            "variants.v.training.batchsize: unknown key. Did you mean 'batch_size'?",
        ),
        (
            {"variants": {"v": {"model": "si_vit", "training": {"loss": "bce"}}}},
            "variants.v.training.loss: model 'si_vit' minimises an objective of its own",
        ),
        (
            {"variants": {"v": {"model": "transformer", "grid": {"training.loss": ["nll"]}}}},
            "variants.v.training.loss: model 'transformer' minimises",
        ),
        (
            {
                "task": {"kind": "multilabel", "findings": ["Mass", "Nodule"]},
                "variants": {"v": {"model": "si_vit"}},
            },
            "variants.v.model: model 'si_vit' learns how much of an image is of which class",
        ),
        ({"training": {"epochs": True}}, "training.epochs: expected a number, found True."),
        ({"training": {"lr": False}}, "training.lr: expected a number, found False."),
        ({"training": {"clip": True}}, "training.clip: expected a number"),
        ({"image": {"channels": True}}, "image.channels: expected a number"),
        ({"image": {"rotate": {"degrees": True}}}, "image.rotate.degrees: expected a number"),
        ({"split": {"seed": True}}, "split.seed: expected a number"),
        ({"resources": {"gpu": True}}, "resources.gpu: expected a number"),
        (
            {"variants": {"v": {"model": "conv", "kernel_size": True}}},
            "variants.v: kernel_size: Input should be a number, found True",
        ),
        (
            {"variants": {"v": {"model": "vit_b16", "dropout": True}}},
            "variants.v: dropout: Input should be a number, found True",
        ),
        (
            {"data": {"source": "nih-sample", "labels": "d/table.csv", "images": "d/images"}},
            "as labels: d/sample_labels.csv and images: d/images, found labels: d/table.csv",
        ),
        (
            {"data": {"source": "nih-sample", "labels": "d/sample_labels.csv", "images": "i"}},
            "data: 'source: nih-sample' puts its files into one folder",
        ),
        ({"variants": {"v": {"model": "convv"}}}, "model 'convv' is not in the zoo. Did you mean"),
        (
            {"variants": {"v": {"model": "timm/resnet_18"}}},
            "timm has no model 'resnet_18'. Did you mean timm/resnet18",
        ),
        ({"variants": {"v": {"model": "resnet18"}}}, "write 'timm/resnet18'"),
        ({"variants": {"v": {"model": "resnet_18"}}}, "Did you mean timm/resnet18"),
        ({"variants": {"v": {"model": "xyz"}}}, "`bakeoff models` lists those that there are"),
        ({"variants": {"v": {"norm": "batch"}}}, "variants.v.model: this key is required"),
        ({"variants": {"v": {"model": "conv", "norm": "bach"}}}, "norm: Input should be 'none' or"),
        (
            {
                "training": {"batch_size": 1},
                "variants": {"v": {"model": "conv_bn", "image": {"size": 80}}},
            },
            "variants.v.training.batch_size: model 'conv_bn' at 80 pixels normalises over a batch of 1",
        ),
        ({"variants": {}}, "variants: expected at least one variant"),
        ({"variants": {"metadata": {"model": "conv"}}}, "the name belongs to a baseline"),
        ({"variants": {"a b": {"model": "conv"}}}, "variants.a b.name: expected a name of"),
        (
            {"variants": {"v": {"model": "conv", "grid": {"norm": "x"}}}},
            "variants.v.grid: expected",
        ),
        (
            {"training": {"epochs": 0}},
            "training.epochs: input should be greater than or equal to 1",
        ),
        ({"training": {"lr": -1}}, "training.lr: input should be greater than 0, found -1"),
        ({"training": {"seeds": [1, 1]}}, "training: seeds [1, 1] name a seed twice"),
        ({"training": {"seeds": [True]}}, "training.seeds.0: input should be a valid integer"),
        ({"image": {"rotate": {"probability": 1.5}}}, "image.rotate.probability: input should be"),
        ({"split": {"train": "many"}}, "split.train: input should be a valid integer"),
        ({"image": {"channels": 2}}, "image.channels: input should be 1 or 3, found 2."),
        ({"image": {"channels": True}}, "image.channels: expected a number, found True"),
        (
            {"image": {"flip": True}},
            "image.flip: expected its keys in braces, { }, found True.",
        ),
        (
            {"image": {"channels": 3, "normalise": {"mean": [124, 116, 104], "std": [1, 1, 1]}}},
            "image.normalise.mean.0: input should be less than or equal to 1, found 124",
        ),
        ({"data": {"images": "i"}}, "data.labels: this key is required"),
        (
            {"task": {"negative": "intact"}},
            "task.negative: expected a list, found 'intact'; write it in brackets, [ ].",
        ),
        (
            {"task": {"negative": False}},
            "task.negative: expected a list, found false: YAML reads false, no or off so; write the word",
        ),
        (
            {"training": {"seeds": 3}},
            "training.seeds: expected a list, found 3; write it in brackets",
        ),
        (
            {"data": {"labels": "l", "images": "i", "synthetic": {}}},
            "data: 'synthetic' settings need 'source: synthetic'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_file_key_and_the_way_out(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        parse(**changes)
    assert str(error.value).startswith("config/test.yaml: ")
    assert message in str(error.value)


def test_labels_may_be_written_as_numbers() -> None:
    data = {"labels": "l", "images": "i", "negative": [0], "positive": [1, 2]}
    assert parse(data=data).data.positive == ("1", "2")


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("separator", "tab", "\t"),
        ("separator", ";", ";"),
        ("encoding", "CP1252", "cp1252"),
        ("encoding", "latin-1", "iso8859-1"),
        ("suffix", ".PNG", ".PNG"),
        ("suffix", "_0000.png", "_0000.png"),
    ],
)
def test_how_a_table_is_written_can_be_said(key: str, value: str, read: str) -> None:
    assert getattr(parse(data={"labels": "l", "images": "i", key: value}).data, key) == read


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("separator", "semicolon", "the sign between two cells"),
        ("separator", '"', "the sign between two cells"),
        ("encoding", "utf-9", "such as utf-8, cp1252 or utf-16"),
        ("encoding", "rot13", "such as utf-8, cp1252 or utf-16"),
        ("suffix", "png", "with its dot, such as .png"),
        ("suffix", "/.png", "with its dot, such as .png"),
    ],
)
def test_how_a_table_cannot_be_written_is_refused(key: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(data={"labels": "l", "images": "i", key: value})
    assert f"data.{key}" in str(error.value) and expected in str(error.value)


def test_a_split_groups_by_the_column_of_the_patients_unless_set_otherwise() -> None:
    data = {"labels": "l", "images": "i", "patient_column": "Subject"}
    assert parse(data=data).split.group_by == "Subject"
    assert parse(data={**data, "patient_column": None}).split.group_by is None
    assert parse(data=data, split={"group_by": "Patient ID"}).split.group_by == "Patient ID"


def test_one_mistake_in_a_list_is_one_line() -> None:
    with pytest.raises(ConfigError) as error:
        parse(training={"seeds": [-1]})
    assert len(str(error.value).splitlines()) == 1


def test_every_mistake_of_a_section_is_listed_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        parse(training={"epochs": 0, "lrr": 1})
    assert len(str(error.value).splitlines()) == 2


def test_an_unknown_run_names_the_known_ones() -> None:
    experiment = parse()
    with pytest.raises(
        ConfigError, match="variant 'vit': not in experiment 'test', which has conv"
    ):
        experiment.run("vit", 0)
    with pytest.raises(ConfigError, match="seed 5 is not one of its seeds 0, 1"):
        experiment.run("conv", 5)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_every_configuration_of_the_project_is_valid(file: Path) -> None:
    assert list(Experiment.parse(yaml.safe_load(file.read_text()), str(file)).runs())


@pytest.mark.slow(seconds=2)
def test_reading_a_configuration_imports_neither_torch_nor_pandas() -> None:
    """Snakemake reads the configuration at every start and in every job."""
    code = (
        "import sys, yaml; from bakeoff.config.experiment import Experiment;"
        f"Experiment.parse(yaml.safe_load(open({str(CONFIGS[0])!r})));"
        "assert not {'torch', 'pandas', 'timm', 'mlflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_run_json_keeps_of_a_task_is_read_again() -> None:
    made = Experiment.parse(config())
    again = Data.model_validate(made.settings(made.variants[0])["data"])
    assert again == made.data


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(60, 60), (0, 0), ("60", 60), ("60 s", 60), ("90s", 90), ("1.5 min", 90), ("2 h", 7200)],
)
def test_a_duration_is_seconds_or_a_number_with_its_unit(written: Any, seconds: float) -> None:
    experiment = parse(training={"checkpoint": {"every": written}})
    assert experiment.variants[0].training.checkpoint.every == seconds


@pytest.mark.parametrize("written", ["soon", "5 m", "-1 s", -1, True, "1 min 30 s"])
def test_what_is_no_duration_is_refused(written: Any) -> None:
    with pytest.raises(ConfigError, match=r"training\.checkpoint\.every"):
        parse(training={"checkpoint": {"every": written}})
