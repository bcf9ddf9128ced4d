"""Augmentation on the tensor, against PIL and hand-computed cases."""

import math

import numpy as np
import torch
from PIL import Image

from bakeoff.training.augment import draw_angles, rotate, scale


def test_rotation_turns_the_way_the_seed_does_and_fills_with_black() -> None:
    generator = np.random.default_rng(0)
    coarse = generator.integers(60, 255, size=(8, 8), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)
    turned = np.asarray(image.rotate(10, Image.Resampling.BILINEAR), dtype=np.float32)
    ours = rotate(
        torch.from_numpy(np.asarray(image, dtype=np.float32))[None, None],
        torch.tensor([math.radians(10)]),
    )[0, 0].numpy()
    inside = (slice(14, 50), slice(14, 50))  # PIL and torch differ where the border begins
    assert np.abs(ours[inside] - turned[inside]).max() < 3
    assert np.abs(ours[inside] - np.asarray(image, dtype=np.float32)[inside]).max() > 20
    assert ours[0, 0] == 0 and ours[-1, -1] == 0


def test_an_angle_of_zero_leaves_the_image_bit_for_bit() -> None:
    images = torch.rand(3, 1, 16, 16)
    turned = rotate(images, torch.tensor([0.0, 0.2, 0.0]))
    assert torch.equal(turned[0], images[0]) and torch.equal(turned[2], images[2])
    assert not torch.equal(turned[1], images[1])


def test_about_the_asked_share_of_images_is_rotated_within_the_asked_angle() -> None:
    angles = draw_angles(
        10_000, degrees=10, probability=0.3, generator=torch.Generator().manual_seed(0)
    )
    assert abs((angles != 0).float().mean().item() - 0.3) < 0.02
    assert angles.abs().max() <= math.radians(10)
    assert angles.max() > math.radians(9) and angles.min() < -math.radians(9)


def test_scaling_is_the_seeds_formula_on_grey_values() -> None:
    images = torch.tensor([[[[10, 20], [30, 60]]]], dtype=torch.uint8)
    expected = (images.double() - 10) / (50 + 1e-4)
    assert torch.allclose(scale(images, 1).double(), expected, atol=1e-7)


def test_a_constant_image_becomes_zeros_never_nan() -> None:
    scaled = scale(torch.full((2, 1, 4, 4), 255, dtype=torch.uint8), 3)
    assert scaled.shape == (2, 3, 4, 4)
    assert torch.equal(scaled, torch.zeros_like(scaled))
