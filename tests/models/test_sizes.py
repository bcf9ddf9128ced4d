"""How large the models are: the table that `bakeoff models` shows, and how it was counted."""

import csv

import pytest
import torch
import torchvision
from torch import nn

from bakeoff.config.experiment import Experiment
from bakeoff.models.catalogue import entries
from bakeoff.models.registry import Task, build
from bakeoff.models.sizes import FILE, sizes
from bakeoff.planning.model_sizes import OURS, count, count_variant, size_of
from tests.config.test_experiment import config

COUNTED = [name for name, entry in entries().items() if not entry.is_family]
ONE_OF_EACH_FILE = sorted({entries()[name].module: name for name in COUNTED}.values())
VITS = {  # patch, layers, width
    "vit_b16": (16, 12, 768),
    "vit_b32": (32, 12, 768),
    "vit_l16": (16, 24, 1024),
    "vit_l32": (32, 24, 1024),
    "vit_h14": (14, 32, 1280),
}


def test_every_model_has_a_row_in_the_order_of_the_catalogue() -> None:
    with FILE.open(newline="") as stream:
        assert [row["model"] for row in csv.DictReader(stream)] == COUNTED


@pytest.mark.slow(seconds=2)
@pytest.mark.parametrize("name", ONE_OF_EACH_FILE)
def test_the_table_is_what_is_counted(name: str) -> None:
    """After a change that is meant: python -m bakeoff.planning.model_sizes."""
    assert sizes()[name] == size_of(name)


@pytest.mark.parametrize("name", [name for name in COUNTED if name not in ONE_OF_EACH_FILE])
def test_the_tables_parameters_are_the_models(name: str) -> None:
    with torch.device("meta"):
        parameters = list(build(name, OURS, {}).parameters())
    assert sizes()[name].parameters == sum(p.numel() for p in parameters)
    assert sizes()[name].trainable == sum(p.numel() for p in parameters if p.requires_grad)


def multiply_adds_of_a_vit(name: str, channels: int, outputs: int) -> int:
    """By hand, at 224 pixels: per token 12 D^2 in a layer, and D per pair of tokens, twice."""
    patch, layers, width = VITS[name]
    patches = (224 // patch) ** 2
    tokens = 1 + patches
    layer = tokens * 12 * width * width + 2 * tokens * tokens * width
    return layers * layer + patches * patch * patch * channels * width + outputs * width


@pytest.mark.parametrize("name", VITS)
def test_attention_is_counted_with_both_of_its_products(name: str) -> None:
    assert sizes()[name].multiply_adds == multiply_adds_of_a_vit(name, channels=1, outputs=2)


@pytest.mark.parametrize("name", ["vit_b16", "vit_b32", "vit_l16", "vit_l32"])
def test_multiply_adds_of_a_vit_are_torchvisions(name: str) -> None:
    weights = torchvision.models.get_model_weights(f"vit_{name[4]}_{name[5:]}")
    theirs = weights["IMAGENET1K_V1"].meta["_ops"]
    assert multiply_adds_of_a_vit(name, 3, 1000) / 1e9 == pytest.approx(theirs, abs=0.0006)


@pytest.mark.parametrize(
    ("name", "billions"),
    [  # arXiv 2111.11418, Table 2, of colour images
        ("poolformer_s12", 1.8),
        ("poolformer_s24", 3.4),
        ("poolformer_s36", 5.0),
        ("poolformer_m36", 8.8),
        ("poolformer_m48", 11.6),
    ],
)
def test_multiply_adds_of_a_poolformer_are_the_papers(name: str, billions: float) -> None:
    assert sizes()[name].multiply_adds / 1e9 == pytest.approx(billions, abs=0.1)


@pytest.mark.parametrize(("width", "depth", "kernel", "patch"), [(1536, 20, 9, 7), (768, 32, 7, 7)])
def test_multiply_adds_of_a_convmixer_are_those_of_its_two_convolutions(
    width: int, depth: int, kernel: int, patch: int
) -> None:
    places = (224 // patch) ** 2
    layers = depth * places * (width * kernel**2 + width**2)
    counted = sizes()[f"convmixer_{width}_{depth}"].multiply_adds
    assert counted == layers + places * patch**2 * width + 2 * width


def test_recurrence_is_counted_step_by_step() -> None:
    steps, inputs, hidden = 14 * 14, 16 * 16, 128
    assert sizes()["rnn"].multiply_adds == steps * (inputs + hidden) * hidden + hidden * 2
    assert sizes()["birnn"].multiply_adds == 2 * sizes()["rnn"].multiply_adds


def test_a_depthwise_convolution_costs_a_channel_not_all_of_them() -> None:
    model = nn.Conv2d(8, 8, 3, groups=8, padding=1)
    assert count(model, Task(channels=8, size=10, outputs=2)) == (80, 80, 8 * 9 * 100)


@pytest.mark.slow(seconds=2)
def test_a_variant_is_counted_as_it_is_configured() -> None:
    variants = {
        "small": {"model": "vit_b32", "depth": 1, "image": {"size": 32, "channels": 3}},
        "probe": {"model": "vit_b32", "train": "head", "image": {"size": 224}},
        "timm": {"model": "timm/resnet10t", "image": {"size": 64}},
        "unfetched": {"model": "timm/resnet18", "weights": "a1_in1k", "train": "head"},
    }
    experiment = Experiment.parse(config(variants=variants))
    counted = [count_variant(experiment, variant) for variant in experiment.variants]
    small, probe, timm, unfetched = counted
    listed = sizes()["vit_b32"]
    assert small[0] < listed.parameters / 5 and small[2] < listed.multiply_adds / 100
    assert probe == (listed.parameters, 1_538, listed.multiply_adds)
    assert timm[0] > 1e6 and timm[2] > 1e6
    assert unfetched[:2] == (11_176_512 + 2 * 513, 2 * 513)  # torchvision's ResNet-18 in colour
