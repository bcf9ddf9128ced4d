"""Published weights are fetched by the hub's own client, from a hub that the test runs."""

import hashlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from bakeoff.errors import WeightsError
from bakeoff.models.registry import Task, build
from bakeoff.models.weights_header import header
from bakeoff.weights.fetch import fetch_weights
from bakeoff.weights.source import Weights, resolve
from tests.models.hub import COMMIT, Hub, at, refused, serve
from tests.models.parity import images, randomise

TAG = "resnet10t.c3_in1k"
REPOSITORY = f"timm/{TAG}"


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return randomise(timm.create_model("resnet10t"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, network: torch.nn.Module) -> Path:
    file = tmp_path_factory.mktemp("published") / "model.safetensors"
    save_file(network.state_dict(), file, {"format": "pt"})
    return file


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve() as hub:
        at(hub.endpoint, tmp_path, monkeypatch)
        yield hub


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    return resolve(REPOSITORY, tmp_path / "weights")


def test_the_file_is_the_published_one_and_says_so(
    hub: Hub, published: Path, weights: Weights
) -> None:
    hub.publish(REPOSITORY, published)
    file = fetch_weights(weights)
    assert [path.name for path in file.parent.iterdir()] == [f"{TAG}.safetensors"]
    tensors, original = load_file(file), load_file(published)
    assert tensors.keys() == original.keys()
    assert all(torch.equal(tensors[name], original[name]) for name in original)
    stated = header(file)
    assert stated["name"] == REPOSITORY
    assert stated["source"] == f"{hub.endpoint}/{REPOSITORY}/resolve/main/model.safetensors"
    assert stated["revision"] == COMMIT
    assert stated["sha256"] == hashlib.sha256(published.read_bytes()).hexdigest()
    config = timm.get_pretrained_cfg(TAG)
    assert config is not None
    assert tuple(stated["mean"]) == config.mean
    assert weights.content() == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.slow(seconds=2)
def test_fetched_twice_it_is_the_same_file(hub: Hub, published: Path, weights: Weights) -> None:
    hub.publish(REPOSITORY, published)
    contents = set()
    for _ in range(4):
        contents.add(fetch_weights(weights).read_bytes())
        weights.file.unlink()
    assert len(contents) == 1


def test_what_is_there_is_not_asked_for_again(hub: Hub, published: Path, weights: Weights) -> None:
    hub.publish(REPOSITORY, published)
    fetch_weights(weights)
    before, asked = weights.file.stat().st_mtime_ns, len(hub.asked)
    fetch_weights(weights)
    assert (weights.file.stat().st_mtime_ns, len(hub.asked)) == (before, asked)


def test_weights_that_are_published_as_a_pickle_become_safetensors(
    hub: Hub, tmp_path: Path, network: torch.nn.Module, weights: Weights
) -> None:
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    hub.publish(REPOSITORY, tmp_path / "pytorch_model.bin")
    assert load_file(fetch_weights(weights)).keys() == network.state_dict().keys()


def test_the_mean_and_spread_are_those_of_the_tag_in_our_own_models_too(
    hub: Hub, tmp_path: Path
) -> None:
    """MAE's weights expect ImageNet's mean, though most of timm's ViTs expect 0.5."""
    small = {"depth": 2, "embed_dim": 48, "num_heads": 4, "num_classes": 0}
    theirs = randomise(timm.create_model("vit_base_patch16_224", img_size=64, **small))
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    weights = resolve("timm/vit_base_patch16_224.mae", tmp_path / "weights")
    hub.publish(weights.name, tmp_path / "model.safetensors")
    options = {"depth": 2, "width": 48, "heads": 4, "weights": str(fetch_weights(weights))}
    ours = build("vit_b16", Task(1, 64), options).eval()
    x = images(Task(1, 64))
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    right = theirs.forward_features((x.repeat(1, 3, 1, 1) - mean) / std)
    torch.testing.assert_close(ours.tokens(x), right, atol=1e-5, rtol=0)


def test_a_download_that_arrives_damaged_is_refused_and_fetched_again(
    hub: Hub, published: Path, weights: Weights
) -> None:
    hub.publish(REPOSITORY, published)
    hub.damaged.add(f"{REPOSITORY}/model.safetensors")
    with pytest.raises(WeightsError, match="arrived damaged"):
        fetch_weights(weights)
    assert not weights.file.exists()
    hub.damaged.clear()
    assert fetch_weights(weights).is_file()


def test_what_the_hubs_cache_has_is_taken_without_a_network(
    hub: Hub, published: Path, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.publish(REPOSITORY, published)
    huggingface_hub.hf_hub_download(REPOSITORY, "model.safetensors", cache_dir=tmp_path / "cache")
    at(refused(), tmp_path, monkeypatch)
    assert header(fetch_weights(weights))["revision"] == COMMIT


def test_a_tag_that_the_hub_does_not_have_is_named(hub: Hub, weights: Weights) -> None:
    with pytest.raises(WeightsError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        fetch_weights(weights)


@pytest.mark.parametrize("tag", [TAG, "gcvit_base.in1k"])
def test_without_a_network_the_error_says_at_once_how_to_do_it_by_hand(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(refused(), tmp_path, monkeypatch)
    monkeypatch.setenv("https_proxy", refused())  # an address that is not on the hub
    weights = resolve(f"timm/{tag}", tmp_path / "weights")
    began = time.monotonic()
    with pytest.raises(WeightsError, match=f"timm/{tag} could not be fetched: .+") as said:
        fetch_weights(weights)
    assert time.monotonic() - began < 15
    message = str(said.value)
    assert f"copy {weights.file} here" in message
    assert f"Put it here as {tmp_path}/weights/download/{tag}." in message
    assert not weights.file.exists()


def test_a_network_that_swallows_packets_does_not_hang(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # connects, and never answers
        at(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, monkeypatch)
        began = time.monotonic()
        with pytest.raises(WeightsError, match="timed out"):
            fetch_weights(weights, timeout=1.0)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("place", [f"download/{TAG}.safetensors", f"{TAG}.safetensors"])
def test_a_file_put_there_by_hand_is_taken(
    place: str, published: Path, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(refused(), tmp_path, monkeypatch)
    by_hand = weights.file.parent / place
    by_hand.parent.mkdir(parents=True)
    shutil.copy(published, by_hand)
    stated = header(fetch_weights(weights))
    assert stated["sha256"] == hashlib.sha256(published.read_bytes()).hexdigest()
    assert stated["source"] == f"put there by hand as {by_hand}"


def test_a_page_saved_in_place_of_the_file_is_refused_by_name(weights: Weights) -> None:
    by_hand = weights.file.parent / f"download/{TAG}.safetensors"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_text("<html>")
    with pytest.raises(WeightsError, match=f"{by_hand}: is a web page"):
        fetch_weights(weights)
    assert not weights.file.exists()
