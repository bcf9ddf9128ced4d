"""Runs that start from weights which a hub of the test published: what trains, what is read, what counts."""

import json
import shutil
import socket
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bakeoff.config.experiment import Experiment
from bakeoff.errors import CheckpointError, ConfigError
from bakeoff.files import read_json
from bakeoff.inference.predict import predict
from bakeoff.inference.trained_model import load_trained
from bakeoff.serving.model import ServedModel, example, package
from bakeoff.training.initialisation import build_model
from bakeoff.training.train import train
from bakeoff.weights.fetch import fetch_weights
from tests.models.hub import at, refused, serve
from tests.models.parity import randomise
from tests.training.conftest import Prepare
from tests.training.test_train import finish, results

pytestmark = pytest.mark.slow(seconds=3)

TAG = "test_byobnet.r160_in1k"  # small, and its mean differs between the colours
HEAD = {"network.head.fc.weight", "network.head.fc.bias"}
VARIANTS = {
    "probe": {"model": "timm/test_byobnet", "weights": "r160_in1k", "train": "head"},
    "tuned": {"model": "timm/test_byobnet", "pretrained": True, "training": {"epochs": 1}},
}


@pytest.fixture
def published() -> dict[str, Tensor]:
    """The weights that the hub publishes: random, the statistics of batch norms included."""
    return randomise(timm.create_model(TAG)).state_dict()


@pytest.fixture
def fetched(
    prepare: Prepare,
    published: dict[str, Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Prepare:
    """The variants with their weights fetched; from then on nothing may ask for a network."""
    prepare.values["variants"] = {name: dict(spec) for name, spec in VARIANTS.items()}
    prepare.values["weights_folder"] = str(tmp_path / "weights")
    save_file(published, tmp_path / "model.safetensors")
    with serve() as hub:
        at(hub.endpoint, tmp_path, monkeypatch)
        hub.publish(f"timm/{TAG}", tmp_path / "model.safetensors")
        for weights in Experiment.parse(prepare.values).weights().values():
            fetch_weights(weights)
    at(refused(), tmp_path, monkeypatch)

    def no_network(*_: object) -> None:
        raise AssertionError("training asked for the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    return prepare


def weights_file(experiment: Experiment, variant: str = "probe") -> Path:
    weights = experiment.variant(variant).weights
    assert weights is not None
    return weights.file


def test_a_linear_probe_trains_the_head_and_keeps_what_was_published(
    fetched: Prepare, published: dict[str, Tensor]
) -> None:
    experiment, layout = fetched()
    folder = finish(experiment, layout, "probe")
    trained = load_file(folder.best)
    kept = {f"network.{name}": t for name, t in published.items() if f"network.{name}" not in HEAD}
    assert trained.keys() - kept.keys() == HEAD
    assert all(torch.equal(trained[name], tensor) for name, tensor in kept.items())
    record = read_json(folder.run_json)
    assert record["parameters"]["trainable"] == sum(trained[name].numel() for name in HEAD)
    assert record["config"]["options"]["weights"] == f"timm/{TAG}"
    assert record["weights"]["file"] == str(weights_file(experiment))
    assert record["weights"]["published"]["source"].endswith(
        f"/timm/{TAG}/resolve/main/model.safetensors"
    )


def test_fine_tuning_trains_everything_from_what_was_published(
    fetched: Prepare, published: dict[str, Tensor]
) -> None:
    experiment, layout = fetched()
    start = build_model(experiment, experiment.run("tuned", 0)).state_dict()
    trained = load_file(finish(experiment, layout, "tuned").best)
    for name, tensor in published.items():
        if f"network.{name}" not in HEAD:
            assert torch.equal(start[f"network.{name}"], tensor), name
    assert [name for name in start if torch.equal(trained[name], start[name])] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_stopped_after_every_step_ends_like_one_that_was_not(
    fetched: Prepare, variant: str
) -> None:
    experiment, whole = fetched("whole")
    _, stopped = fetched("stopped")
    expected = results(finish(experiment, whole, variant))
    found = results(finish(experiment, stopped, variant, stop_after_each_step=True))
    assert found == expected


def test_what_is_trained_stands_by_itself(fetched: Prepare, tmp_path: Path) -> None:
    """Without the weights' file the same logits on a grey image, mean and spread of the tag included."""
    experiment, layout = fetched()
    run = experiment.run("tuned", 0)
    train(experiment, run, layout)
    folder = layout.run("tuned", 0)
    again = build_model(experiment, run)
    again.load_state_dict(load_file(folder.best), strict=True)
    package(folder.path, tmp_path / "served")
    weights_file(experiment).unlink()
    alone, _ = load_trained(experiment, run, folder.best, torch.device("cpu"))
    image = torch.rand(2, 1, 80, 80)
    assert torch.equal(alone.eval()(image), again.eval()(image))
    score = ServedModel(tmp_path / "served").predict(example())["score"]
    assert 0 < float(score[0]) < 1


def test_other_weights_under_the_same_name_train_again(
    fetched: Prepare, published: dict[str, Tensor]
) -> None:
    experiment, layout = fetched()
    first = finish(experiment, layout, "probe").best.read_bytes()
    file = weights_file(experiment)
    header = {"bakeoff": json.dumps({"name": f"timm/{TAG}"})}
    save_file({name: tensor + 0.01 for name, tensor in published.items()}, file, header)
    with pytest.raises(CheckpointError, match="another configuration"):
        predict(experiment, experiment.run("probe", 0), layout)
    assert finish(experiment, layout, "probe").best.read_bytes() != first


def test_weights_that_are_not_there_are_named_with_what_to_do(fetched: Prepare) -> None:
    experiment, layout = fetched()
    weights_file(experiment).unlink()
    with pytest.raises(ConfigError, match=r"r160_in1k\.safetensors.*Run `bakeoff weights`"):
        train(experiment, experiment.run("probe", 0), layout)


def test_a_finished_runs_weights_are_a_file_that_another_variant_starts_from(
    fetched: Prepare, tmp_path: Path
) -> None:
    experiment, layout = fetched()
    tuned = tmp_path / "tuned.safetensors"
    shutil.copy(finish(experiment, layout, "tuned").best, tuned)
    fetched.values["variants"]["further"] = {"model": "timm/test_byobnet", "weights": str(tuned)}
    experiment, layout = fetched()
    begun = build_model(experiment, experiment.run("further", 0)).eval()
    before, _ = load_trained(experiment, experiment.run("tuned", 0), tuned, torch.device("cpu"))
    image = torch.rand(2, 1, 80, 80)
    assert torch.equal(begun(image), before.eval()(image))  # the head too: it fits
