"""What a model cannot be built with is refused when the configuration is read, and only that."""

from typing import Any

import pytest
import torch

from bakeoff.config.experiment import Experiment
from bakeoff.errors import ConfigError
from bakeoff.models.catalogue import entries, misfit, parse_options
from bakeoff.models.registry import Task, build
from tests.config.test_experiment import config

WRONG_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"model": "vit_b16", "heads": 7}, "width: model 'vit_b16': 7 heads do not .* take 763"),
    ({"model": "transformer", "width": 100}, "width: .*8 heads do not divide 100 evenly: take 96"),
    ({"model": "msht", "heads": 5}, "width: "),
    ({"model": "si_vit", "width": 50}, "width: "),
    ({"model": "vpt_deep", "heads": 7}, "width: model 'vpt_deep': 7 heads"),
    ({"model": "vpt_deep", "backbone": "r50_vit_b32", "width": 50}, "width: "),
    ({"model": "r50_vit_b16", "base": 16}, "base: .*a multiple of 32, found 16: take 32 or 64"),
    ({"model": "poolformer_s12", "depth": 8}, "depth: .*8 is not a multiple of 6.* take 6"),
    (
        {"model": "vit_b16", "patch": 0},
        "patch: Input should be greater than or equal to 1, found 0",
    ),
    (
        {"model": "vit_b16", "stride": 12},
        r"stride: .* every 12 reach 220 of 224 pixels, .* last 4 .*: take 8 or 13, or image\.size 220 or 232",
    ),
    ({"model": "rnn", "stride": 15}, "stride: .* reach 211 of 224 .*: take 13 or 16"),
    (
        {"model": "vit_b16", "stride": 24},
        "stride: .* every 24 leave out those between .*: take 16 ",
    ),
    ({"model": "transformer", "patch": 24, "stride": 30}, "stride: .*: take 20 at most"),
    ({"model": "rnn", "stride": -8}, "stride: Input should be greater than or equal to 1"),
    ({"model": "conv", "kernel_size": 0}, "kernel_size: Input should be greater"),
    ({"model": "vit_b16", "dropout": 1.5}, "dropout: Input should be less than or equal to 1"),
    ({"model": "poolformer_s12", "drop_path": -0.1}, "drop_path: Input should be greater"),
]
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"model": "conv"}, 78, "with kernel_size 3 nothing is left of 78 pixels .* take 79 at least"),
    ({"model": "conv_bn", "kernel_size": 5}, 100, "take 189 at least"),
    ({"model": "vit_b16"}, 100, "the last 4 would not be seen: take 96 or 112"),
    ({"model": "vit_b32", "patch": 48}, 32, "hold no patch of 48"),
    ({"model": "vit_b16", "stride": 16}, 100, "take 96 or 112"),
    ({"model": "rnn", "patch": 10}, 96, "take 90 or 100"),
    ({"model": "transformer"}, 72, "take 64 or 80"),
    ({"model": "convmixer_768_32"}, 512, "take 511 or 518"),
    ({"model": "vpt_deep", "backbone": "vit_h14"}, 512, "take 504 or 518"),
    ({"model": "msht"}, 80, "expected a multiple of 32, 64 at least, found 80: take 64"),
    ({"model": "msht"}, 32, "take 64"),
    ({"model": "si_vit"}, 80, "take a multiple of 'instance', 64 for example"),
    ({"model": "si_vit", "instance": 20}, 100, "patches of 16"),
]
TAKEN: list[tuple[dict[str, Any], int]] = [
    ({"model": "conv"}, 79),
    ({"model": "conv_bn", "kernel_size": 5}, 189),
    ({"model": "vit_b16", "stride": 8}, 96),  # overlapping patches
    ({"model": "vit_b16", "stride": 13}, 224),
    ({"model": "rnn", "stride": 12}, 232),
    ({"model": "rnn", "stride": 5}, 16),  # a single patch
    ({"model": "vpt_shallow", "backbone": "r50_vit_b32"}, 50),
    ({"model": "r50_vit_b16"}, 50),
    ({"model": "poolformer_s12"}, 16),
    ({"model": "msht"}, 64),
    ({"model": "si_vit"}, 64),
    ({"model": "convmixer_1024_20"}, 28),
]


def parsed(variant: dict[str, Any], size: int) -> Experiment:
    return Experiment.parse(config(variants={"v": variant}, image={"size": size}), "my.yaml")


@pytest.mark.parametrize(("variant", "size", "why"), REFUSED)
def test_a_size_that_a_model_cannot_take_is_refused_by_the_configuration(
    variant: dict[str, Any], size: int, why: str
) -> None:
    with pytest.raises(ConfigError, match=rf"my.yaml: variants.v.image.size: model '.*': .*{why}"):
        parsed(variant, size)


@pytest.mark.parametrize(("variant", "why"), WRONG_OPTIONS)
def test_options_that_do_not_go_together_are_refused_by_the_configuration(
    variant: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=rf"my.yaml: variants.v(\.|: ){why}"):
        parsed(variant, 224)


@pytest.mark.parametrize(("variant", "why"), [w for w in WRONG_OPTIONS if "take" in w[1]])
def test_what_is_advised_instead_is_taken(variant: dict[str, Any], why: str) -> None:
    key, advice = why.partition(":")[0], int(why.rpartition("take ")[2].split()[0])
    parsed({**variant, key: advice}, 224)


@pytest.mark.parametrize(("variant", "size"), TAKEN)
def test_a_size_that_is_not_refused_goes_through_the_model(
    variant: dict[str, Any], size: int
) -> None:
    chosen = parsed(variant, size).variants[0]
    task = Task(size=size)
    with torch.device("meta"):
        model = build(chosen.model, task, chosen.options).eval()
        assert model(torch.empty(1, 1, size, size)).shape == (1, 2)


def test_one_pixel_less_than_the_least_really_breaks_the_convolutions() -> None:
    model = build("conv", Task(size=79), {}).eval()
    assert model(torch.zeros(1, 1, 79, 79)).shape == (1, 2)
    with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        model(torch.zeros(1, 1, 78, 78))


@pytest.mark.parametrize("name", [n for n, e in entries().items() if not e.is_family])
def test_every_model_goes_with_its_own_defaults_at_the_sizes_that_papers_use(name: str) -> None:
    for size in (224, 448):
        assert misfit(name, size, parse_options(name, {})) is None
