"""The sanity check: a picture of what was learnt passes, a picture of the image itself fails."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bakeoff.models.registry import Task, build
from bakeoff.pictures.grad_cam import grad_cam
from bakeoff.pictures.randomisation import (
    LARGEST_SIMILARITY,
    SaliencyMap,
    Sanity,
    check,
    layers_from_the_last,
    mean_rank_correlation,
    randomised,
)
from tests.pictures.conftest import VIT, built, score_of

IMAGES = torch.rand(4, 1, 80, 80, generator=torch.Generator().manual_seed(1))


def edges(model: nn.Module, images: Tensor) -> Tensor:
    """An edge detector: what guided backpropagation turned out to be."""
    return (images[:, 0, 1:, 1:] - images[:, 0, :-1, :-1]).abs()


def learnt_spots() -> tuple[nn.Module, Tensor]:
    """A convolutional model trained to find bright spots among dark ones, and images with both."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(4)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1)),
        *(nn.Flatten(), nn.Linear(16, 2)),
    )
    images = 0.5 + 0.05 * torch.randn(48, 1, 32, 32)
    labels = torch.arange(48) % 2
    for i in range(48):
        top, left = (int(x) for x in torch.randint(2, 25, (2,)))
        images[i, 0, top : top + 5, left : left + 5] += 0.5 if labels[i] else -0.5
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model.eval(), images[1:13:2]


def checked(model: nn.Module, images: Tensor, picture: SaliencyMap) -> Sanity | None:
    return check(model, images, {"it": picture}).get("it")


def cam(model: nn.Module, images: Tensor) -> Tensor | None:
    return grad_cam(model, images, score_of)


def test_grad_cam_of_a_trained_model_passes_and_an_edge_detector_fails() -> None:
    model, images = learnt_spots()
    learnt = checked(model, images, cam)
    assert learnt is not None and learnt.passed
    assert learnt.shares == (0, 1 / 3, 2 / 3, 1), "three layers give three steps"
    assert learnt.sentence.startswith("Passes the weight-randomisation check")
    only_edges = checked(model, images, edges)
    assert only_edges is not None and not only_edges.passed
    assert min(only_edges.similarity) > 0.999
    assert only_edges.sentence.startswith("FAILS the weight-randomisation check: do not read")


def test_a_picture_that_is_mostly_the_image_fails_though_weights_change_it_a_little() -> None:
    model, images = learnt_spots()

    def mixed(model: nn.Module, images: Tensor) -> Tensor:
        seen = cam(model, images)
        assert seen is not None
        large = F.interpolate(seen[:, None], size=31)[:, 0]
        spread = large.std().clamp(min=1e-9)
        return edges(model, images) / edges(model, images).std() + 0.3 * large / spread

    found = checked(model, images, mixed)
    assert found is not None and LARGEST_SIMILARITY < found.similarity[-1] < 1
    assert not found.passed


def test_a_flat_picture_fails_and_says_that_it_shows_nothing() -> None:
    model = built("conv", size=80)
    found = checked(model, IMAGES, lambda _, images: torch.ones(len(images), 4, 4))
    assert found is not None and not found.passed
    assert (
        found.sentence
        == "FAILS the weight-randomisation check: the maps are flat and show nothing."
    )


def test_a_model_without_the_picture_is_not_checked() -> None:
    assert checked(built("rnn"), IMAGES, cam) is None


@pytest.mark.slow(seconds=2)
def test_pictures_are_checked_together_as_they_would_be_alone() -> None:
    model, images = learnt_spots()
    both = check(model, images, {"cam": cam, "none": lambda *_: None, "edges": edges})
    assert both == {"cam": checked(model, images, cam), "edges": checked(model, images, edges)}


def test_layers_are_taken_from_the_last_used_to_the_first() -> None:
    model = built("vit_b16", size=80, **VIT)
    layers = layers_from_the_last(model, IMAGES)
    assert layers[:3] == ["head", "norm", "blocks.2.mlp.contract"]
    assert layers[-2:] == ["embedding.patches.projection", "embedding"]
    owners = {name.rpartition(".")[0] for name, _ in model.named_parameters()}
    assert set(layers) == owners, "every weight belongs to one of them"


def test_weights_are_shuffled_in_a_copy_and_only_those_asked_for() -> None:
    model = build("conv", Task(1, 96, 2), {})
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    shuffled = randomised(model, ["head", "features.8"], draw=0)
    for name, weight in shuffled.named_parameters():
        changed = name.startswith(("head.weight", "features.8."))  # two biases may stay in place
        assert torch.equal(weight, before[name]) != changed, name
        assert torch.equal(weight.flatten().sort()[0], before[name].flatten().sort()[0])
        assert torch.equal(model.get_parameter(name), before[name])
    again, other = (randomised(model, ["head"], draw=draw) for draw in (0, 1))
    assert torch.equal(again.head.weight, shuffled.head.weight)
    assert not torch.equal(other.head.weight, shuffled.head.weight)


def test_rank_correlation_by_hand() -> None:
    one = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    assert mean_rank_correlation(one, one**3) == 1  # ranks, not values
    assert mean_rank_correlation(one, -one) == -1
    assert mean_rank_correlation(one, torch.ones(1, 2, 2)) == 0
    broken = torch.tensor([[[1.0, 2.0], [3.0, torch.inf]]])
    assert mean_rank_correlation(one, broken) == mean_rank_correlation(broken, one) == 0
    swapped = torch.tensor([[[2.0, 1.0], [3.0, 4.0]]])
    both = mean_rank_correlation(torch.cat([one, one]), torch.cat([one, swapped]))
    assert abs(both - (1 + 0.8) / 2) < 1e-9  # 1 - 6 * 2 / (4 * 15) = 0.8
    ties = torch.tensor([[[1.0, 1.0], [1.0, 4.0]]])
    assert mean_rank_correlation(one, ties) == pytest.approx(0.7745966692)  # sqrt(3 / 5)


def test_the_similarity_of_maps_of_different_images_is_reported() -> None:
    model, images = learnt_spots()
    always = checked(
        model, images, lambda _, x: torch.arange(9.0).view(1, 3, 3).repeat(len(x), 1, 1)
    )
    assert always is not None and always.across == 1
    found = checked(model, images, cam)
    assert found is not None and found.across < 0.9
    assert f"resemble each other by {found.across:.2f}" in found.sentence
