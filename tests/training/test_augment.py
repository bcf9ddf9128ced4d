"""Augmentation on the tensor, against PIL, torchvision on each image, and hand-computed cases."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2 as transforms
from torchvision.transforms.v2 import functional

from bakeoff.config.schema import Crop, Flip, Jitter
from bakeoff.config.schema import Image as Given
from bakeoff.training import augment
from bakeoff.training.augment import Augmentation, augmented_input, draw_angles, flip, rotate
from bakeoff.training.crops import crop, draw_boxes
from bakeoff.training.jitter import PARTS, change_colours, draw_jitter
from bakeoff.training.randomness import generator
from bakeoff.training.scaling import normalise


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


SIZE = 48
BOX = ("top", "left", "height", "width")
ALL = Given(
    size=SIZE,
    channels=3,
    rotate={"degrees": 20, "probability": 0.5},
    crop={"probability": 0.8},
    flip={},
    jitter={"hue": 0.1, "probability": 0.7},
)


def some(count: int = 12, channels: int = 3) -> Tensor:
    """Smooth images, float in 0..255."""
    coarse = torch.rand(count, channels, 6, 6, generator=torch.Generator().manual_seed(1)) * 255
    return torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")


def test_what_is_drawn_is_a_function_of_seed_epoch_and_step() -> None:
    def augmented(seed: int, epoch: int, step: int) -> Tensor:
        return Augmentation.draw(12, ALL, SIZE, seed, epoch, step).apply(some())

    first = augmented(3, 2, 1)
    torch.rand(5)  # what else was drawn does not count
    assert torch.equal(augmented(3, 2, 1), first)
    for other in ((4, 2, 1), (3, 3, 1), (3, 2, 2)):
        assert not torch.equal(augmented(*other), first)


def test_a_process_augments_its_share_as_a_single_one_does() -> None:
    images, drawn = some(), Augmentation.draw(12, ALL, SIZE, 0, 1, 0)
    whole = drawn.apply(images)
    for share in (torch.arange(0, 12, 2), torch.tensor([7]), torch.tensor([11, 3, 5])):
        assert torch.equal(drawn.of(share).apply(images[share]), whole[share])


@pytest.mark.parametrize(
    "given", [ALL, Given(size=SIZE, channels=3), Given(size=SIZE, channels=3, normalise="unit")]
)
def test_images_one_by_one_and_a_whole_batch_give_a_model_the_same_bits(given: Given) -> None:
    pixels, drawn = some().byte(), Augmentation.draw(12, given, SIZE, 0, 1, 0)
    assert 0 < int(drawn.angles.count_nonzero()) < 12
    whole = normalise(drawn.apply(pixels), given)
    assert torch.equal(augmented_input(pixels, drawn, given), whole)


def test_what_is_not_asked_for_leaves_every_bit_and_every_draw_of_the_rotation() -> None:
    plain = Given(size=SIZE)
    images, drawn = some(), Augmentation.draw(12, plain, SIZE, 0, 1, 0)
    spin = plain.rotate
    angles = draw_angles(
        12,
        degrees=spin.degrees,
        probability=spin.probability,
        generator=generator(0, "rotate", 1, 0),
    )
    assert torch.equal(drawn.apply(images), rotate(images, angles))
    assert torch.equal(
        Augmentation.draw(12, ALL.model_copy(update={"rotate": spin}), SIZE, 0, 1, 0).angles, angles
    )


def test_a_batch_is_what_torchvision_makes_of_each_image_by_itself() -> None:
    images, drawn = some(), Augmentation.draw(12, ALL, SIZE, 0, 1, 0)
    assert drawn.boxes is not None and drawn.flipped is not None and drawn.jitter is not None
    expected = []
    for at, image in enumerate(images):
        top, left, height, width = drawn.boxes[at].tolist()
        if (height, width) != (SIZE, SIZE):
            image = functional.resized_crop(image, top, left, height, width, [SIZE, SIZE])
        if drawn.flipped[at]:
            image = functional.horizontal_flip(image)
        image = rotate(image[None], drawn.angles[at : at + 1])[0]
        if drawn.jitter.chosen[at]:
            image = image / 255
            for part in drawn.jitter.order[at].tolist():
                adjust = getattr(functional, f"adjust_{PARTS[part]}")
                image = adjust(image, float(drawn.jitter.amounts[at, part]))
            image = image * 255
        expected.append(image)
    assert torch.equal(drawn.apply(images), torch.stack(expected))


def test_boxes_are_spread_as_those_of_torchvision() -> None:
    part = Crop(scale=(0.2, 0.9), ratio=(0.5, 2.0))
    ours = draw_boxes(4000, 64, part, torch.Generator().manual_seed(0)).double()
    torch.manual_seed(0)
    reference = transforms.RandomResizedCrop(64, part.scale, part.ratio)
    drawn = [reference.make_params([torch.empty(3, 64, 64)]) for _ in range(4000)]
    theirs = torch.tensor([[one[key] for key in BOX] for one in drawn]).double()
    for mine, other in zip(ours.T, theirs.T, strict=True):
        assert abs(mine.mean() - other.mean()) < 1
        assert abs(mine.std() - other.std()) < 1
    assert (ours[:, :2] >= 0).all() and (ours[:, :2] + ours[:, 2:] <= 64).all()
    inside = ours[(ours[:, 2:] < 60).all(dim=1)]  # which reach every edge
    assert inside[:, :2].amin(dim=0).tolist() == [0, 0]
    assert (inside[:, :2] + inside[:, 2:]).amax(dim=0).tolist() == [64, 64]


@pytest.mark.parametrize("ratio", [(4.0, 8.0), (0.1, 0.2), (0.9, 1.1)])
def test_where_no_part_fits_it_is_torchvisions_middle(ratio: tuple[float, float]) -> None:
    part = Crop(scale=(1.0, 1.0), ratio=ratio)
    reference = transforms.RandomResizedCrop(50, part.scale, part.ratio)
    expected = reference.make_params([torch.empty(3, 50, 50)])
    boxes = draw_boxes(3, 50, part, torch.Generator().manual_seed(0))
    assert boxes.tolist() == [[expected[key] for key in BOX]] * 3


def test_each_happens_with_its_probability_and_leaves_the_other_images_bit_for_bit() -> None:
    random = torch.Generator().manual_seed(0)
    boxes = draw_boxes(10_000, SIZE, Crop(probability=0.25), random)
    assert abs((boxes[:, 2:] != SIZE).any(dim=1).float().mean() - 0.25) < 0.02
    jitter = draw_jitter(10_000, Jitter(probability=0.25), random)
    assert abs(jitter.chosen.float().mean() - 0.25) < 0.02
    given = Given(size=SIZE, flip=Flip(probability=0.25))
    flipped = Augmentation.draw(10_000, given, SIZE, 0, 1, 0).flipped
    assert flipped is not None and abs(flipped.float().mean() - 0.25) < 0.02
    images = some()
    for result, changed in (
        (crop(images, boxes[:12]), (boxes[:12, 2:] != SIZE).any(dim=1)),
        (flip(images, flipped[:12]), flipped[:12]),
        (change_colours(images, jitter.of(torch.arange(12))), jitter.chosen[:12]),
    ):
        same = (result == images).flatten(1).all(dim=1)
        assert changed.any() and torch.equal(same, ~changed)


def test_colours_change_by_no_more_than_is_asked() -> None:
    asked = Jitter(brightness=0.2, contrast=0.0, saturation=0.5, hue=0.1)
    drawn = draw_jitter(10_000, asked, torch.Generator().manual_seed(0))
    low, high = drawn.amounts.amin(dim=0), drawn.amounts.amax(dim=0)
    assert torch.allclose(low, torch.tensor([0.8, 1.0, 0.5, -0.1]).double(), atol=1e-3)
    assert torch.allclose(high, torch.tensor([1.2, 1.0, 1.5, 0.1]).double(), atol=1e-3)
    assert drawn.parts == (True, False, True, True)
    firsts = torch.bincount(drawn.order[:, 0], minlength=4) / 10_000
    assert (firsts - 0.25).abs().max() < 0.02


def test_grey_images_are_augmented_too() -> None:
    changed = Augmentation.draw(12, ALL, SIZE, 0, 1, 0).apply(some(channels=1))
    assert changed.shape == (12, 1, SIZE, SIZE) and 0 <= changed.min() < changed.max() <= 255.001


def test_parts_of_larger_images_are_as_sharp_as_torchvisions() -> None:
    """Packed at twice the size, a part is taken of more pixels than the model's and made smaller."""
    given = Given(
        size=SIZE // 2,
        channels=3,
        crop={"pixels": SIZE, "probability": 0.8},
        rotate={"probability": 0},
    )
    images, drawn = some(), Augmentation.draw(12, given, SIZE, 0, 1, 0)
    made = drawn.apply(images)
    assert made.shape == (12, 3, SIZE // 2, SIZE // 2)
    assert drawn.boxes is not None
    for image, box, part in zip(images, drawn.boxes.tolist(), made, strict=True):
        expected = functional.resized_crop(image, *box, [SIZE // 2, SIZE // 2], antialias=True)
        torch.testing.assert_close(part, expected)


@pytest.mark.parametrize("size", [80, 97, 512])
def test_an_image_is_sampled_where_torch_would_sample_it(size: int) -> None:
    images = torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(0)) * 255
    angles = torch.tensor([0.1, -0.17, 3.0])
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros(3)
    theta = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(3, 2, 3)
    grid = F.affine_grid(theta, [3, 1, size, size], align_corners=False)
    expected = F.grid_sample(images, grid, align_corners=False, padding_mode="zeros")
    assert torch.equal(rotate(images, angles), expected)


def test_the_way_to_a_place_is_the_one_that_rounds_like_the_matrix_product_of_this_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run goes on, and an earlier version's is repeated, in the bits of the processor it has."""
    cpu, of_matrix = torch.device("cpu"), augment._by_matrix
    ways = (augment._rounded_once, augment._rounded_twice)
    assert augment._way(SIZE, SIZE, cpu) in ways, "each image takes thrice the time"
    for one in ways:
        monkeypatch.setattr(augment, "_by_matrix", one)
        assert augment._way.__wrapped__(SIZE, SIZE, cpu) is one
    monkeypatch.setattr(augment, "_by_matrix", lambda *given: of_matrix(*given) * 2)
    assert augment._way.__wrapped__(SIZE, SIZE, cpu) is augment._by_matrix
    assert augment._way(SIZE, SIZE, torch.device("meta")) is augment._rounded_once
