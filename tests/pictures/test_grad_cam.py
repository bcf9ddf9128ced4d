"""Grad-CAM by its definition, and on a model whose answer is known."""

import pytest
import torch
from torch import Tensor, nn

from bakeoff.models.registry import Task, build
from bakeoff.pictures.grad_cam import combine, grad_cam, has_convolutions
from tests.pictures.conftest import LOSSES, VIT, built
from tests.pictures.conftest import score_of as score

LOSS = LOSSES["cross_entropy"]


def test_maps_are_combined_by_hand() -> None:
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 8.0]]]])
    gradient = torch.tensor([[[[4.0, 0.0], [0.0, 4.0]], [[-1.0, -1.0], [-1.0, -1.0]]]])
    # alpha is (2, -1): 2 A^1 - A^2, what is negative becomes 0
    assert combine(maps, gradient).tolist() == [[[1, 4], [6, 0]]]


def test_the_last_maps_of_the_network_are_used() -> None:
    model = built("conv", size=80)
    images = torch.rand(2, 1, 80, 80)
    found = grad_cam(model, images, score)
    maps = model.features(images)  # (2, 256, rows, columns)
    assert found is not None and min(maps.shape[2:]) == 1
    # One place only: the maps before them are the last that have places to tell apart.
    before = model.features[:-2](images)
    assert found.shape[1:] == before.shape[2:]


def test_by_a_head_behind_mean_pooling_it_is_the_class_activation_map() -> None:
    """There d y / d A^k is the head's weight over the number of places (Zhou et al. 2016)."""
    model = built("conv", size=200)
    images = torch.rand(2, 1, 200, 200)
    maps = model.features(images)
    assert min(maps.shape[2:]) > 1
    weight = model.head.weight[1] - model.head.weight[0]
    expected = torch.einsum("k,bkij->bij", weight, maps).relu() / maps[0, 0].numel()
    found = grad_cam(model, images, score)
    assert found is not None and torch.allclose(found, expected, atol=1e-6)


def test_it_points_at_what_a_model_looks_for() -> None:
    class Bright(nn.Module):
        """The disease is a bright spot."""

        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(1, 1, 5, stride=4, padding=2), nn.ReLU(), nn.Conv2d(1, 1, 1)
            )
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter.fill_(1.0 if parameter.dim() > 1 else 0.0)

        def forward(self, images: Tensor) -> Tensor:
            evidence = self.features(images).sum(dim=(1, 2, 3))
            return torch.stack([-evidence, evidence], dim=1)

    images = torch.zeros(2, 1, 32, 32)
    images[0, 0, 4:8, 20:24] = 1
    images[1, 0, 28:32, 0:4] = 1
    found = grad_cam(Bright(), images, score)
    assert found is not None
    assert [divmod(int(one.argmax()), 8) for one in found] in ([(1, 5), (7, 0)], [(2, 5), (7, 1)])


@pytest.mark.parametrize(
    ("name", "options", "has"),
    [
        ("conv_bn", {}, True),
        ("timm/resnet10t", {}, True),
        ("vit_b16", VIT, False),
        ("rnn", {}, False),
    ],
)
def test_models_with_convolutions_have_it(name: str, options: dict[str, int], has: bool) -> None:
    model = build(name, Task(1, 96, 2), options).eval()
    assert has_convolutions(model) == has
    found = grad_cam(model, torch.rand(1, 1, 96, 96), score)
    assert (found is not None) == has
    if found is not None:
        assert min(found.shape[1:]) > 1 and bool((found >= 0).all())


def test_a_frozen_model_has_it_too_and_stays_without_gradients() -> None:
    model = built("conv", size=96).requires_grad_(False)
    assert grad_cam(model, torch.rand(1, 1, 96, 96), score) is not None
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_the_score_is_the_log_odds_of_whatever_the_model_says() -> None:
    images = torch.rand(3, 1, 96, 96)
    two = built("conv", size=96)
    p = LOSS.scores(two(images))
    assert torch.allclose(score(two, images), torch.logit(p), atol=1e-5)
    one = build("conv", Task(1, 96, 1), {}).eval()
    single = score(one, images, "bce")
    assert torch.allclose(single.sigmoid(), LOSSES["bce"].scores(one(images)), atol=1e-6)
    emitter = built("rnn_attention", size=96)
    p = emitter.probability(emitter(images))
    assert torch.allclose(score(emitter, images), torch.logit(p), atol=1e-4)
    (gradient,) = torch.autograd.grad(score(emitter, images.requires_grad_()).sum(), images)
    assert bool(gradient.any())
