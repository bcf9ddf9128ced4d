"""Digests say what has to run again: no more, no less."""

from typing import Any

import pytest

from bakeoff.config import digest
from bakeoff.config.experiment import Experiment
from bakeoff.errors import ConfigError
from tests.config.test_experiment import parse


def train_digest(experiment: Experiment, variant: str = "conv", seed: int = 0) -> str:
    return digest.run_digest(experiment.run(variant, seed), experiment.data)


def variant(**changes: Any) -> dict[str, Any]:
    return {"conv": {"model": "conv", **changes}}


@pytest.mark.parametrize(
    "changes",
    [
        {"variants": variant(training={"lr": 0.5})},
        {"variants": variant(norm="batch")},
        {"variants": variant(image={"rotate": {"degrees": 3}})},
        {"image": {"size": 128}},
        {"variants": variant(image={"channels": 3})},
        {"variants": variant(image={"fit": "crop"})},
        {"variants": variant(image={"normalise": "unit"})},
        {"variants": variant(image={"normalise": {"mean": [0.5], "std": [0.5]}})},
        {"variants": variant(image={"crop": {}})},
        {"variants": variant(image={"flip": {}})},
        {"variants": variant(image={"jitter": {}})},
        {"training": {"epochs": 4, "seeds": [0, 1]}},
        {"variants": {"conv": {"model": "timm/resnet18"}}},
    ],
)
def test_what_changes_the_weights_changes_the_digest(changes: dict[str, Any]) -> None:
    assert train_digest(parse(**changes)) != train_digest(parse())


@pytest.mark.parametrize(
    "changes",
    [
        {"resources": {"runtime": 999, "mem_mb": 64000, "gpu": 1}},
        {"training": {"epochs": 3, "seeds": [0, 1, 2]}},
        {"training": {"epochs": 3, "seeds": [0, 1], "lr": 1e-4}},  # the default, spelled out
        {"training": {"epochs": 3, "seeds": [0, 1], "checkpoint": {"every": "2 min"}}},
        {"training": {"epochs": 3, "seeds": [0, 1], "resume_anywhere": True}},
        {"variants": {"conv": {"model": "conv"}, "other": {"model": "conv_bn"}}},
        {"tracking": {"uri": "http://127.0.0.1:5000"}},
        {"variants": variant(image={"normalise": "min-max", "fit": "squeeze", "crop": None})},
    ],
)
def test_what_does_not_change_the_weights_leaves_the_digest(changes: dict[str, Any]) -> None:
    assert train_digest(parse(**changes)) == train_digest(parse())


def emitter(**labels: list[str]) -> str:
    experiment = parse(variants={"v": {"model": "transformer"}})
    return digest.run_digest(experiment.run("v", 0), experiment.data.model_copy(update=labels))


def test_the_labels_and_their_order_count_for_a_model_that_emits_them() -> None:
    digests = [
        emitter(),
        emitter(positive=("Mass", "Nodule")),
        emitter(positive=("Nodule", "Mass")),
        emitter(negative=("No Finding", "Clear")),
    ]
    assert len(set(digests)) == 4
    labels = {"labels": "l.csv", "images": "i", "positive": ["Nodule"]}
    assert train_digest(parse(data=labels)) == train_digest(parse())  # 0 and 1 for any other


def test_each_seed_has_its_own_digest() -> None:
    assert train_digest(parse(), seed=0) != train_digest(parse(), seed=1)


def test_a_job_planned_with_another_configuration_refuses_to_start() -> None:
    digest.check_digest("abc", "abc", "train conv")
    digest.check_digest(None, "abc", "train conv")
    with pytest.raises(ConfigError, match=r"train conv: the configuration .* changed .*snakemake"):
        digest.check_digest("abc", "def", "train conv")
