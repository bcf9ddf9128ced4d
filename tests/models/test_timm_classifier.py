"""A pretrained timm model, from a file made here: its input is normalised, its tag named, its probe still."""

from pathlib import Path

import pytest
import timm
import torch

from bakeoff.errors import ConfigError
from bakeoff.models.pretrained import read
from bakeoff.models.registry import Task
from bakeoff.models.timm_classifier import TimmClassifier, normaliser, pretrained_network
from tests.models.parity import images, randomise


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "resnet10t.pth"
    torch.save(randomise(timm.create_model("resnet10t")).state_dict(), file)
    return file


def classifier(weights: Path, outputs: int = 2) -> TimmClassifier:
    pretrained = read(weights, ())
    network, channels = pretrained_network("resnet10t.c3_in1k", pretrained, outputs=outputs)
    return TimmClassifier(network, normaliser(network, pretrained, "auto", channels))


def test_a_local_file_gives_its_logits_on_normalised_grey_images(weights: Path) -> None:
    ours = classifier(weights, outputs=1000).eval()
    theirs = randomise(timm.create_model("resnet10t"))
    config = timm.get_pretrained_cfg("resnet10t.c3_in1k")
    assert config is not None
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (config.mean, config.std))
    x = images(Task(1, 64))
    right = theirs((x.repeat(1, 3, 1, 1) - mean) / std)
    torch.testing.assert_close(ours(x), right, atol=1e-5, rtol=1e-5)


def test_a_linear_probe_trains_the_classifier_and_moves_no_statistics(weights: Path) -> None:
    model = classifier(weights)
    model.train_only("head")
    model.train()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model(images(Task(1, 64))).sum().backward()
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())
    trained = [name for name, p in model.named_parameters() if p.grad is not None]
    assert trained == ["network.fc.weight", "network.fc.bias"]


def test_a_probe_of_vit_base_trains_1538_weights() -> None:
    with torch.device("meta"):
        network = timm.create_model("vit_base_patch16_224", num_classes=2)
    probe = TimmClassifier(network, torch.nn.Identity())
    probe.train_only("head")
    assert sum(p.numel() for p in probe.parameters() if p.requires_grad) == 1_538


def test_a_file_that_does_not_fit_is_named(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=r"w\.pth: cannot be loaded into timm/resnet10t"):
        classifier(tmp_path / "w.pth")
