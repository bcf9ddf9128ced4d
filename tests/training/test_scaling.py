"""From packed pixels to what a model is given, against the formulas on numbers."""

import numpy as np
import pytest
import torch
from torchvision.transforms import Normalize
from torchvision.transforms.functional import to_tensor

from bakeoff.config.schema import Image
from bakeoff.training.scaling import channels_first, normalise, normalise_each, scale

RANDOM = torch.Generator().manual_seed(0)
COLOUR = torch.randint(20, 230, (4, 3, 9, 9), dtype=torch.uint8, generator=RANDOM)
GREY = COLOUR[:, :1]
STATISTICS = {"mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.3]}


def test_scaling_is_the_seeds_formula_on_grey_values() -> None:
    images = torch.tensor([[[[10, 20], [30, 60]]]], dtype=torch.uint8)
    expected = (images.double() - 10) / (50 + 1e-4)
    assert torch.allclose(scale(images, 1).double(), expected, atol=1e-7)


@pytest.mark.parametrize("pixels", [GREY, COLOUR, COLOUR.float() * 0.7])
def test_images_one_by_one_and_a_whole_batch_give_the_same_bits(pixels: torch.Tensor) -> None:
    given = Image(channels=3)
    assert torch.equal(normalise(pixels, given), scale(pixels, 3))
    assert torch.equal(normalise_each(iter(pixels), len(pixels), given), scale(pixels, 3))


def test_a_constant_image_becomes_zeros_never_nan() -> None:
    scaled = scale(torch.full((2, 1, 4, 4), 255, dtype=torch.uint8), 3)
    assert scaled.shape == (2, 3, 4, 4)
    assert torch.equal(scaled, torch.zeros_like(scaled))


def test_min_and_max_are_those_of_all_colours_together() -> None:
    image = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    image[0, 0] = torch.tensor([[0, 100], [100, 100]])
    image[0, 1], image[0, 2] = 150, 200
    scaled = normalise(image, Image(channels=3))[0]
    assert torch.allclose(scaled[:, 1, 1], torch.tensor([0.5, 0.75, 1.0]), atol=1e-6)
    assert scaled[0, 0, 0] == 0


@pytest.mark.parametrize("name", ["min-max", "unit", STATISTICS])
def test_grey_that_was_repeated_is_grey_that_is_repeated(name: object) -> None:
    image = Image(channels=3, normalise=name)
    assert torch.equal(normalise(GREY, image), normalise(GREY.repeat(1, 3, 1, 1), image))


def test_by_default_nothing_changes_for_grey() -> None:
    for channels in (1, 3):
        image = Image(channels=channels)
        assert torch.equal(normalise(GREY, image), scale(GREY, channels))


@pytest.mark.parametrize("channels", [1, 3])
def test_unit_and_statistics_are_torchvisions_to_the_bit(channels: int) -> None:
    pixels = COLOUR[:, :channels]
    shares = torch.stack([to_tensor(one.permute(1, 2, 0).numpy()) for one in pixels])
    unit = Image(channels=channels, normalise="unit")
    assert torch.equal(normalise(pixels, unit), shares)
    own = {key: values[:channels] for key, values in STATISTICS.items()}
    theirs = Normalize(own["mean"], own["std"])(shares)
    image = Image(channels=channels, normalise=own)
    assert torch.equal(normalise(pixels, image), theirs)


def test_packed_pixels_become_channels() -> None:
    packed = COLOUR.permute(0, 2, 3, 1).contiguous()
    found = channels_first(packed)
    assert torch.equal(found, COLOUR) and found.is_contiguous()
    np.testing.assert_array_equal(channels_first(packed[..., 0]), GREY)
